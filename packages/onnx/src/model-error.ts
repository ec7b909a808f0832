import { integerFrom, type OptionsOf, optionTable } from "isoloss/internal";
import { axisSizes, batchList, randomInputs } from "./model-file/compare/random-inputs.js";
import { outputsOfFile } from "./model-file/compare/run-model.js";
import { imported, OnnxFile, runnable } from "./model-file/edit/onnx-file.js";
import { requireBatches } from "./quantize/examples.js";
import { errorOf, type QuantizationError, requireFiniteOutputs } from "./quantize/measure-error.js";

/** How far the outputs of a changed model are from those of the model before. */
export type ModelError = Omit<QuantizationError, "metric">;

export interface ModelErrorOptions extends OptionsOf<typeof modelErrorOptions> {}

const modelErrorOptions = optionTable("modelError", {
  /** Batches of arrays by the names of the inputs; default: random numbers. */
  inputs: batchList.otherwise("random numbers"),
  /** Number of random examples, where the file leaves it open; default 4. */
  examples: integerFrom(1).default(4),
  /** Sizes of axes that the file leaves open, for random numbers; default 32. */
  sizes: axisSizes.default({}),
  /** Seed of random numbers; default 0. */
  seed: integerFrom(0).default(0),
});

/**
 * Measures what a change of a model costs, as its file runs: in ONNX Runtime, with the kernels that it has for it, or in
 * JavaScript where ONNX Runtime is not installed.
 *
 * @param before the bytes of an `.onnx` file
 * @param after those of another with the same inputs and outputs
 * @returns `sqnr`, 10 log10(sum y^2 / sum (y - z)^2) in decibels, its sums by `examples`, `agreement` of the largest number of each
 *   row, and `largest`, max |y - z| / max |y|
 * @throws OptionError for other arrays than the inputs of the file; DataError for numbers that are not finite, among the outputs of `before` for the
 *   inputs, too, and for an output that
 *   the other file lacks; ShapeError for one of another shape; DataError, ShapeError, RuntimeError when a file or the inputs cannot be run
 *
 * @example
 * const { sqnr, agreement } = await modelError(before, after);
 */
export async function modelError(
  before: Uint8Array,
  after: Uint8Array,
  options: ModelErrorOptions = {},
): Promise<ModelError> {
  const { inputs, ...random } = modelErrorOptions.read(options);
  const file = OnnxFile.decode("modelError", before);
  if (inputs !== undefined) requireBatches("modelError", file, inputs, "inputs");
  const batches = inputs ?? randomInputs("modelError", imported(file).inputs, random);
  const run = { runtime: "auto" } as const;
  const outputs = [
    await outputsOfFile(file, batches, run),
    await outputsOfFile(runnable("modelError", after), batches, run),
  ] as const;
  if (inputs !== undefined) requireFiniteOutputs("modelError", outputs[0]);
  return errorOf("modelError", ...outputs, batches);
}
