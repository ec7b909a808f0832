import type { ImportedModel, NdArray } from "isoloss";
import { flag, type OptionsOf, oneOf, optionTable, type PrunedBy, product, share } from "isoloss/internal";
import { balanced, pruned } from "isoloss/moves";
import type { ScalingGenerator } from "isoloss/symmetry";
import { axisSizes } from "../model-file/compare/random-inputs.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { withParamsIn } from "../model-file/edit/with-params.js";
import { liftBoundsIn } from "../model-file/prepare/bounds.js";
import { tracedFile } from "../model-file/traced-file.js";
import { addedParameters } from "./file-parameters.js";

export interface PruneWeightsOptions extends OptionsOf<typeof pruneWeightsOptions> {}

const pruneWeightsOptions = optionTable("pruneWeights", {
  /** Share of the weights that become zero, 0 to 1. */
  fraction: share.required(),
  /** The score by which the least go: `magnitude` (default) or `lamp`; see `pruned`. */
  by: oneOf<PrunedBy>(["magnitude", "lamp"]).default("magnitude"),
  /** Whether the weights are ranked by their balanced values, so that the ranking does not depend on their scales; default true. */
  balance: flag.default(true),
  /** Sizes of axes that the file leaves open, for tracing it; default 4 of a first axis, else 32. */
  sizes: axisSizes.default({}),
});

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
 * Sets weights of an ONNX file to zero, as {@link pruned} does, ranked by their values after balancing them on the orbit of all
 * scalings that the file has; for the ranking the bounds of Clip count as parameters, as of `liftBounds`. Scaling keeps zeros, so
 * the others stay as they are in the file; only linear maps, such as those of attention heads, are balanced in the file itself.
 * Weights are the parameters of `fromOnnx` with two axes longer than 1, but not those that are added alone, such as
 * the mask of an attention. What the model computes changes: measure
 * it, and train on. The file keeps its size; it packs better.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @throws DataError if `fromOnnx` cannot read the file; OptionError, ShapeError for sizes with which it cannot be traced;
 *   NumericalError when weights are not finite
 *
 * @example
 * const { bytes: sparse, pruned: count } = await pruneWeights(before, { fraction: 0.5, by: "lamp" });
 * const { largest } = await compareModels(before, sparse); // how far the outputs moved
 */
export async function pruneWeights(bytes: Uint8Array, options: PruneWeightsOptions): Promise<PrunedWeights> {
  const { fraction, by, balance, sizes } = pruneWeightsOptions.read(options);
  const file = OnnxFile.decode("pruneWeights", bytes);
  const { params, ranked } = balance ? await balancedRanking(file, sizes) : asInFile(file);
  const added = addedParameters(file);
  const {
    mask,
    pruned: count,
    of,
  } = pruned(ranked, {
    fraction,
    by,
    isPruned: (name, { shape }) => !added.has(name) && shape.filter((n) => n > 1).length > 1,
  });
  const kept = Object.fromEntries(
    Object.entries(params).map(([name, array]) => [name, product(array, mask[name])]),
  );
  return { bytes: withParamsIn(file, kept).bytes, pruned: count, of, ...countZeros(kept) };
}

type Params = ImportedModel["params"];

interface Ranking {
  /** The weights that are written, but for the zeros. */
  readonly params: Params;
  /** By what they are ranked. */
  readonly ranked: Params;
}

function asInFile(file: OnnxFile): Ranking {
  const { params } = imported(file);
  return { params, ranked: params };
}

async function balancedRanking(file: OnnxFile, sizes: Readonly<Record<string, number>>): Promise<Ranking> {
  let { params } = imported(file);
  const { scalings, linear } = tracedFile("pruneWeights", liftBoundsIn(file).file, {
    sizes,
    epsilons: true,
  }).found;
  // Zeros in another basis are none in this one: where linear maps are balanced, the file is written in their basis.
  if (linear.length > 0) params = await balanced(params, tracedFile("pruneWeights", file, { sizes }).found);
  const ranked = await balanced(params, {
    scalings: scalings.map((own) => actingOn(params, own)),
    linear: [],
  });
  return { params, ranked };
}

/** A scaling of some parameters alone: bounds follow them, and do not count where they are balanced. */
export const actingOn = (params: Params, { axes, ...scaling }: ScalingGenerator): ScalingGenerator => ({
  ...scaling,
  axes: axes.filter(({ path }) => Object.hasOwn(params, path)),
});

/** How many numbers arrays have, and how many of them are 0. */
export function countZeros(arrays: Readonly<Record<string, NdArray>>): {
  readonly numbers: number;
  readonly zeros: number;
} {
  let [numbers, zeros] = [0, 0];
  for (const { data } of Object.values(arrays)) {
    numbers += data.length;
    for (let i = 0; i < data.length; i++) if (Number(data[i]) === 0) zeros++;
  }
  return { numbers, zeros };
}
