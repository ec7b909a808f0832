import { requireBytes } from "../../bytes.js";
import { axisSizes } from "../../model-file/compare/random-inputs.js";
import { withParams } from "../../model-file/edit/with-params.js";
import { balanced } from "../../moves/balance/balanced.js";
import { fromOnnx } from "../../nn/onnx/from-onnx.js";
import { flag, oneOf, share } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import { tracedFile } from "../traced-file.js";
import { countZeros } from "./count-zeros.js";
import { addedParameters } from "./file-parameters.js";
import { pruned } from "./pruned.js";
import type { PrunedBy } from "./scores.js";

export interface PruneWeightsOptions {
  /** Share of the weights that become zero, 0 to 1. */
  readonly fraction: number;
  /** The score by which the least go: `magnitude` (default) or `lamp`; see `pruned`. */
  readonly by?: PrunedBy | undefined;
  /** Whether the weights are balanced first, which keeps what the model computes; default true. */
  readonly balance?: boolean | undefined;
  /** Sizes of axes that the file leaves open, for tracing it; default 4 of a first axis, else 32. */
  readonly sizes?: Readonly<Record<string, number>> | undefined;
}

const pruneWeightsOptions = optionTable("pruneWeights", {
  fraction: share.required(),
  by: oneOf<PrunedBy>(["magnitude", "lamp"]).default("magnitude"),
  balance: flag.default(true),
  sizes: axisSizes.default({}),
} satisfies OptionRows<PruneWeightsOptions>);

/** A file in which some weights are zero. */
export interface PrunedWeights {
  readonly bytes: Uint8Array;
  /** How many weights were set to zero, of how many that could be. */
  readonly pruned: number;
  readonly of: number;
  /** Zeros among the numbers of all parameters, those from before included, and how many numbers these are. */
  readonly zeros: number;
  readonly numbers: number;
}

/**
 * Sets weights of an ONNX file to zero, as {@link pruned} does, after balancing them on the orbit of all scalings that the
 * file has. Weights are the parameters of `fromOnnx` with two axes longer than 1, but not those that are added alone, such as
 * the mask of an attention. What the model computes changes: measure
 * it, and train on. The file keeps its size; it packs better.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @param options `fraction`, `by`, `balance` and `sizes`
 * @throws DataError if `fromOnnx` cannot read the file; OptionError, ShapeError for sizes with which it cannot be traced;
 *   NumericalError when weights are not finite
 *
 * @example
 * const { bytes: sparse, pruned: count } = await pruneWeights(before, { fraction: 0.5, by: "lamp" });
 * const { largest } = await compareModels(before, sparse); // how far the outputs moved
 */
export async function pruneWeights(bytes: Uint8Array, options: PruneWeightsOptions): Promise<PrunedWeights> {
  const { fraction, by, balance, sizes } = pruneWeightsOptions.read(options);
  requireBytes("pruneWeights", bytes);
  const params = balance ? await balancedParams(bytes, sizes) : fromOnnx(bytes).params;
  const added = addedParameters(bytes);
  const result = pruned(params, {
    fraction,
    by,
    isPruned: (name, { shape }) => !added.has(name) && shape.filter((n) => n > 1).length > 1,
  });
  return {
    bytes: withParams(bytes, result.params),
    pruned: result.pruned,
    of: result.of,
    ...countZeros(result.params),
  };
}

function balancedParams(bytes: Uint8Array, sizes: Readonly<Record<string, number>>) {
  const { model, found } = tracedFile("pruneWeights", bytes, { sizes });
  return balanced(model.params, found);
}
