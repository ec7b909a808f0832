import { resolve } from "node:path";
import { NumericalError } from "isoloss";
import type { OutputDifference } from "isoloss/onnx";
import { type Float64Comparison, fromOnnx, sameFunction } from "isoloss-onnx";
import { formatNumber } from "../experiments/results/format-number.js";
import { textTable } from "../experiments/results/table.js";
import { examplesText, randomText, readBatches } from "../model/batches.js";
import { type DataOptions, dataSource } from "../model/data-options.js";
import { namingFile, readModelFile } from "../model/read-model.js";
import { type Sizes, sizesOf, withSizes } from "../model/sizes.js";

export interface VerifyOptions extends DataOptions {
  readonly data?: string;
  readonly examples: number;
  readonly seed: number;
  readonly size: Sizes;
  readonly tolerance?: number;
  readonly json: boolean;
}

/** The document of `isoloss model verify --json`. */
export interface Verification {
  readonly first: string;
  readonly second: string;
  readonly same: boolean;
  readonly tolerance: number;
  /** Where an output differs by more than the tolerance: both files in float64, and the first one's rounding. */
  readonly inFloat64: Float64Comparison | null;
  /** Largest differences; null where one is not finite. */
  readonly outputs: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly absolute: number | null;
    readonly relative: number | null;
  }[];
}

/** `isoloss model verify`: whether two files compute the same; if not, the exit code is 1. */
export async function verify(first: string, second: string, options: VerifyOptions): Promise<void> {
  const { data, examples, seed, size, json } = options;
  const [a, b] = [await readModelFile(first), await readModelFile(second)];
  const [{ inputs }] = [a, b].map(({ path, bytes }) => namingFile(path, () => fromOnnx(bytes)));
  const batches = data === undefined ? [] : await readBatches(inputs, dataSource(data, options), size);
  const sizes = sizesOf(inputs, size, batches[0], examples);
  const on = data === undefined ? {} : { inputs: batches };
  const comparison = sameFunction(a.bytes, b.bytes, {
    seed,
    examples,
    sizes,
    tolerance: options.tolerance,
    ...on,
  });
  const {
    outputs,
    isSame: same,
    tolerance,
    inFloat64 = null,
  } = await comparison.catch((cause) => {
    const what = `${first} and ${second} cannot be compared`;
    const run = { file: a, sizes, isOnData: data !== undefined };
    throw withSizes(what, run, data === undefined ? withData(cause) : cause);
  });
  if (!same) process.exitCode = 1;
  if (json) {
    const document: Verification = {
      first: resolve(first),
      second: resolve(second),
      same,
      tolerance,
      inFloat64,
      outputs: outputs.map(finite),
    };
    process.stdout.write(`${JSON.stringify(document)}\n`);
    return;
  }
  const table = textTable(
    ["output", "shape", "largest difference", "relative"],
    outputs.map(({ name, shape, absolute, relative }) => [
      name,
      shape.join(" x ") || "1",
      formatNumber(absolute, 3),
      formatNumber(relative, 3),
    ]),
  );
  const where = data === undefined ? randomText(inputs, sizes, examples) : examplesText(batches, data);
  const exactly = inFloat64
    ? ` In float64 they differ by ${formatNumber(inFloat64.largest, 3)}, and rounding moves those of ${first} by ${formatNumber(inFloat64.rounding, 3)}.`
    : "";
  process.stdout.write(
    `${table}\n\n${
      same
        ? `Both compute the same on ${where}: no output differs by more than ${inFloat64 ? "rounding" : formatNumber(tolerance, 2)}, relative to its largest value.`
        : `They differ on ${where}: the tolerance is ${formatNumber(tolerance, 2)}, relative to an output's largest value.`
    }${exactly}\n`,
  );
}

/** An error of the numbers that random inputs came to says how to give others. */
const withData = (cause: unknown): unknown =>
  cause instanceof NumericalError
    ? new NumericalError(`${cause.message} These were random: give others by --data PATH.`, { cause })
    : cause;

const finite = ({ absolute, relative, ...output }: OutputDifference): Verification["outputs"][number] => ({
  ...output,
  absolute: Number.isFinite(absolute) ? absolute : null,
  relative: Number.isFinite(relative) ? relative : null,
});
