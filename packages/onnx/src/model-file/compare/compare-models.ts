import { DataError, dtypeOf, type ImportedModel, isNdArray, type RuntimeName, ShapeError } from "isoloss";
import {
  differenceOf,
  inCode,
  integerFrom,
  isObject,
  type OptionsOf,
  oneOf,
  optionTable,
} from "isoloss/internal";
import type { FloatDType } from "isoloss/nn";
import type { OutputDifference } from "isoloss/onnx";
import { imported, type Runnable, runnable } from "../edit/onnx-file.js";
import { axisSizes, guessedAxes, type NamedValues, OPEN_SIZE, randomInputs } from "./random-inputs.js";
import { outputsOf } from "./run-model.js";

export interface CompareModelsOptions extends OptionsOf<typeof compareModelsOptions> {}

const listOf = (inputs: NamedValues | readonly NamedValues[]): readonly NamedValues[] =>
  Array.isArray(inputs) ? inputs : [inputs as NamedValues];

const isBatch = (value: unknown): boolean => isObject(value) && Object.values(value).every(isNdArray);

export const compareModelsRows = {
  /** Seed of the random inputs; default 0. */
  seed: integerFrom(0).default(0),
  /** Size of a first axis that the file leaves open; if all are fixed, the number of runs; default 4. */
  examples: integerFrom(1).default(4),
  /** Sizes of other open axes, by their name in the file or as `input[axis]`; default 32 each. */
  sizes: axisSizes.default({}),
  /** Arrays for some or all inputs, by name, or a list of such batches of the same shapes; default: random numbers. */
  inputs: inCode<NamedValues | readonly NamedValues[]>(
    "an object of arrays by the name of an input, or a list of them",
    (value) => (Array.isArray(value) ? value.length > 0 && value.every(isBatch) : isBatch(value)),
  ).default({}),
  /** Where the models run: `javascript`, `onnx`, or `auto` (default), the faster one for their size. */
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
};

const compareModelsOptions = optionTable("compareModels", compareModelsRows);

/** Options with their defaults. */
export type CompareSettings = ReturnType<typeof compareModelsOptions.read<CompareModelsOptions>>;

/** The differences of two models' outputs on the same inputs. */
export interface ModelComparison {
  readonly outputs: readonly OutputDifference[];
  /** The largest relative difference of all outputs; NaN where one has no finite number. */
  readonly largest: number;
}

/**
 * Runs two ONNX files on the same inputs and measures how far their outputs are apart: for each output
 * max |a - b| / max |a| over all its elements and runs. A NaN or an infinity that only one of them has counts
 * as infinitely far, and an output without a finite number in either file as NaN: it was not compared.
 *
 * Inputs are standard normal numbers (for integers rows of the table that they number; 0 or 1 for others and truth values) of the shapes in the file, or
 * `inputs`. Rounding to float32 explains differences of about 1e-6 in small and 1e-4 in deep models.
 *
 * @param a the bytes of the reference, a file that `fromOnnx` reads
 * @param b the bytes of another file with the same inputs, and the same outputs or more
 * @throws DataError if the files' inputs or outputs differ, or `fromOnnx` cannot read one; OptionError for an
 *   unknown input, axis or option; ShapeError if an array does not fit
 *
 * @example
 * const { largest, outputs } = await compareModels(before, after, { seed: 1, sizes: { height: 64 } });
 * largest < 1e-4; // true
 */
export async function compareModels(
  a: Uint8Array,
  b: Uint8Array,
  options: CompareModelsOptions = {},
): Promise<ModelComparison> {
  const files = [runnable("compareModels", a), runnable("compareModels", b)] as const;
  return comparedFiles(...files, compareModelsOptions.read(options));
}

/** The same of files that are decoded. */
export async function comparedFiles(
  a: Runnable,
  b: Runnable,
  settings: CompareSettings,
): Promise<ModelComparison> {
  const { runtime } = settings;
  const first = imported(a);
  const second = imported(b, { dtype: floatOf(first) });
  requireSameInterface(first, second);
  const batches = batchesFor(first, settings);
  const expected = await outputsOf(first, batches, { runtime }).catch((cause) => {
    throw withAdvice(cause, guessedAxes(first.inputs, { ...settings, inputs: listOf(settings.inputs)[0] }));
  });
  const got = await outputsOf(second, batches, { runtime });
  return comparisonOf("compareModels", first.outputs, expected, got);
}

/** How far the outputs of some runs are from those that are expected. */
export function comparisonOf(
  owner: string,
  names: readonly string[],
  expected: readonly NamedValues[],
  got: readonly NamedValues[],
): ModelComparison {
  const outputs = names.map((name) =>
    differenceOf(
      owner,
      name,
      expected.map((run) => run[name]),
      got.map((run) => run[name]),
    ),
  );
  return { outputs, largest: Math.max(0, ...outputs.map(({ relative }) => relative)) };
}

/** What models are run on. @param settings as the table of options reads them */
export const batchesFor = (
  model: ImportedModel,
  { inputs, ...settings }: CompareSettings,
): readonly NamedValues[] =>
  listOf(inputs).flatMap((own) => randomInputs("compareModels", model.inputs, { ...settings, inputs: own }));

/** An error that says that a guessed size may be its cause, if there is one. */
function withAdvice(cause: unknown, axes: readonly string[]): unknown {
  if (axes.length === 0 || !(cause instanceof ShapeError || cause instanceof DataError)) return cause;
  return new ShapeError(
    `compareModels: the model does not run with ${OPEN_SIZE} as the size of ${axes.join(", ")}, which the file leaves open; ` +
      `give sizes: { "${axes[0]}": ... }. The error was: ${cause.message}`,
    { cause },
  );
}

/** Throws unless the second model takes the inputs of the first and has its outputs. */
function requireSameInterface(first: ImportedModel, second: ImportedModel): void {
  const described = ({ inputs }: ImportedModel) =>
    inputs.map(({ name, dtype, shape }) => `${name} ${dtype} of ${shape?.length ?? "any number of"} axes`);
  const [expected, got] = [first, second].map(described);
  if (expected.length !== got.length || expected.some((input) => !got.includes(input))) {
    throw new DataError(
      `compareModels: both models must take the same inputs; the first takes ${expected.join(", ") || "none"}, ` +
        `the second ${got.join(", ") || "none"}.`,
    );
  }
  const lost = first.outputs.find((name) => !second.outputs.includes(name));
  if (lost !== undefined) {
    throw new DataError(
      `compareModels: the second model has no output "${lost}"; it has ${second.outputs.join(", ")}.`,
    );
  }
}

/** The dtype of a model's floats. */
export const floatOf = ({ params, inputs }: ImportedModel): FloatDType =>
  [...Object.values(params).map(dtypeOf), ...inputs.map(({ dtype }) => dtype)].includes("float64")
    ? "float64"
    : "float32";
