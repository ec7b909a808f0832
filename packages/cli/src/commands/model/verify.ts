import { resolve } from "node:path";
import { NumericalError } from "isoloss";
import type { OutputDifference } from "isoloss/onnx";
import { type Float64Comparison, sameFunction } from "isoloss-onnx";
import { formatNumber } from "../../experiments/results/format-number.js";
import { type Columns, tableOf } from "../../experiments/results/table.js";
import { finite } from "../../formats/json.js";
import { importModel, readModelFile } from "../../formats/read-model.js";
import { type Batch, examplesIn, examplesText, randomText, readBatches } from "../../model/batches.js";
import { dataHelp, dataOptions, dataSource } from "../../model/data-options.js";
import { examplesFixedBy, sizeOption, sizesOf, withSizes } from "../../model/sizes.js";
import { nanTexts } from "../../model/write-prepared.js";
import { json, type Values, value } from "../../option-rows.js";
import { positiveInteger, seedNumber } from "../../parse.js";
import type { Result } from "../command.js";
import { tolerance } from "./options.js";

const options = {
  data: value(
    "<path>",
    "inputs: a .npy or .npz file, an image or a folder of images; default random numbers",
  ),
  tolerance,
  examples: value("<n>", "random examples", positiveInteger, 4),
  seed: value("<n>", "of the random inputs", seedNumber, 0),
  size: sizeOption,
  ...dataOptions,
  json: json("one JSON document on stdout instead of the table"),
};

const help = `${dataHelp}

The exit code is 1 where an output differs by more than --tolerance, and by more than rounding: then both are compared in
float64. Inputs for which there are no data are random: normal numbers; for
integers rows of the table that they number, such as tokens, or 0 and 1 where none is found. Rounding to float32 explains differences of 1e-6 in small models and of 1e-4 in deep ones.

The document of --json: first, second, same, tolerance, inFloat64 {largest, rounding, batches} (null: not needed),
outputs [{name, shape, absolute, relative, numbers, nan (in both)}].

Examples:
  isoloss model verify before.onnx after.onnx
  isoloss model verify before.onnx after.onnx --data photos --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225`;

/** The document of `isoloss model verify --json`. */
export interface Verification {
  readonly first: string;
  readonly second: string;
  /** Whether no output differs by more than the tolerance, or by more than rounding. */
  readonly same: boolean;
  /** Relative to an output's largest value. */
  readonly tolerance: number;
  /** Where an output differs by more than the tolerance: both files in float64, and the first one's rounding. */
  readonly inFloat64: Float64Comparison | null;
  readonly outputs: readonly {
    readonly name: string;
    /** Of a batch. */
    readonly shape: readonly number[];
    /** The largest difference; null where it is not finite. */
    readonly absolute: number | null;
    /** The same, divided by the output's largest absolute value. */
    readonly relative: number | null;
    /** How many numbers of it were compared. */
    readonly numbers: number;
    /** How many of them are NaN in both files. */
    readonly nan: number;
  }[];
}

const columns: Columns<OutputDifference> = [
  ["output", ({ name }) => name],
  ["shape", ({ shape }) => shape.join(" x ") || "1"],
  ["largest difference", ({ absolute }) => formatNumber(absolute, 3)],
  ["relative", ({ relative }) => formatNumber(relative, 3)],
];

/** `isoloss model verify`: whether two files compute the same; if not, the exit code is 1. */
async function run(first: string, second: string, settings: Values<typeof options>): Promise<Result> {
  const { data, examples, seed } = settings;
  const [a, b] = [await readModelFile(first), await readModelFile(second)];
  const [{ inputs }, { inputs: others, outputs: ofSecond }] = [a, b].map(importModel);
  const size = { ...examplesFixedBy(others, inputs), ...settings.size };
  const batches = data === undefined ? [] : await readBatches(inputs, dataSource(data, settings), size);
  const sizes = sizesOf(inputs, size, batches[0], examples);
  const comparison = await sameFunction(a.bytes, b.bytes, {
    seed,
    examples,
    sizes,
    tolerance: settings.tolerance,
    ...(data === undefined ? {} : { inputs: batches }),
  }).catch((cause) => {
    const what = `${first} and ${second} cannot be compared`;
    const run = { file: a, sizes, isOnData: data !== undefined };
    throw withSizes(what, run, data === undefined ? withData(cause) : cause);
  });
  const { outputs, isSame: same, tolerance, inFloat64 = null } = comparison;
  const document: Verification = {
    first: resolve(first),
    second: resolve(second),
    same,
    tolerance,
    inFloat64,
    outputs: outputs.map(outputFields),
  };
  const where = data === undefined ? randomText(inputs, sizes, examples) : examplesText(batches, data);
  const most = inFloat64 ? "rounding" : formatNumber(tolerance, 2);
  const exactly = inFloat64
    ? ` In float64, on ${inFloat64.batches === 1 ? "the batch" : `the ${inFloat64.batches} batches`} where they differ most, they differ by ${formatNumber(inFloat64.largest, 3)}, and rounding moves those of ${first} by ${formatNumber(inFloat64.rounding, 3)}.`
    : "";
  const more = ofSecond.filter((name) => outputs.every((own) => own.name !== name));
  const added = more.length > 0 ? ` ${first} lacks ${more.join(", ")}: not compared.` : "";
  const sentence = same
    ? `Both compute the same on ${where}: no output differs by more than ${most}, relative to its largest value.`
    : `They differ on ${where}: the tolerance is ${formatNumber(tolerance, 2)}, relative to an output's largest value.`;
  return {
    document,
    text: [
      tableOf(columns, outputs.map(onAll(batches))),
      [`${sentence}${exactly}${added}`, ...nanTexts(outputs)].join(" "),
    ],
    exitCode: same ? 0 : 1,
  };
}

export const verify = { options, help, run };

/** An output with the number of all examples along its first axis, where a batch has its own number there. */
const onAll =
  (batches: readonly Batch[]) =>
  (output: OutputDifference): OutputDifference => {
    const [first, ...others] = output.shape;
    const hasExamples = batches.length > 0 && first === examplesIn(batches.slice(0, 1));
    return hasExamples ? { ...output, shape: [examplesIn(batches), ...others] } : output;
  };

/** An error that random inputs cause says how to give other inputs. */
const withData = (cause: unknown): unknown =>
  cause instanceof NumericalError
    ? new NumericalError(`${cause.message} These were random: give others by --data PATH.`, { cause })
    : cause;

const outputFields = (output: OutputDifference): Verification["outputs"][number] => ({
  ...output,
  absolute: finite(output.absolute),
  relative: finite(output.relative),
});
