import type { ImportedModel } from "isoloss";
import {
  flag,
  integerFrom,
  leastUnits,
  type OptionsOf,
  optionTable,
  positive,
  share,
  stepOf,
  type UnitCut,
  unitNorms,
  whyUncuttable,
} from "isoloss/internal";
import { balanced } from "isoloss/moves";
import type { PermutationSpace } from "isoloss/symmetry";
import { axisSizes } from "../model-file/compare/random-inputs.js";
import { imported, OnnxFile } from "../model-file/edit/onnx-file.js";
import { liftBoundsIn } from "../model-file/prepare/bounds.js";
import { tracedFile } from "../model-file/traced-file.js";
import { channeledParameters } from "./file-parameters.js";
import { actingOn, countZeros } from "./prune-weights.js";
import { passing, smaller } from "./remove-units.js";

export interface PruneUnitsOptions extends OptionsOf<typeof pruneUnitsOptions> {}

const pruneUnitsOptions = optionTable("pruneUnits", {
  /** Share of the units of each group that go, 0 to 1: the nearest number that `multiple` leaves; one unit stays at least. */
  fraction: share.required(),
  /**
   * What the number of channels that a group keeps is a multiple of: the nearest one to the kept share, and at least one times;
   * default 8, as kernels take channels in blocks. 1: the share itself.
   */
  multiple: integerFrom(1).default(8),
  /** Whether the units are ranked by balanced weights, so that the ranking does not depend on their scales; default true. */
  balance: flag.default(true),
  /** Sizes of axes that the file leaves open, for tracing and checking it; default 4 of a first axis, else 32. */
  sizes: axisSizes.default({}),
  /** Largest difference of the check, relative to an output's largest value; default 1e-4. */
  tolerance: positive.default(1e-4),
});

/** A group of coupled units of a file, and how many of them went. */
export interface PrunedGroup {
  /** Names of the parameters that have the units along an axis. */
  readonly parameters: readonly string[];
  /** Units before. */
  readonly size: number;
  /** Units that went. */
  readonly removed: number;
  /** Why none can go; left out where some go, and where `fraction` or `multiple` leaves all. */
  readonly reason?: string | undefined;
}

/** A file with fewer units. */
export interface PrunedUnitsFile {
  readonly bytes: Uint8Array;
  /** The groups of units that can be permuted with one another. */
  readonly groups: readonly PrunedGroup[];
  /** How many numbers the parameters of the new file have, and how many of them are 0. */
  readonly numbers: number;
  readonly zeros: number;
}

/**
 * Removes channels, hidden units and heads of an ONNX file: its tensors get smaller. The groups of
 * coupled units are the spaces of units that can be permuted with one another, through residual sums, depthwise
 * convolutions and batch norms; in each, the units with the least sum of |w|^2 over all of their weights go, of the weights
 * balanced on the orbit of all scalings, for which the bounds of Clip count as parameters, as of `liftBounds`. The channels
 * that a group keeps are a multiple of `multiple`: other numbers may be slower than the file before.
 *
 * The smaller file is compared with the old one with the weights of these units set to zero: they must compute the same
 * to rounding. A group that does not pass stays whole, with the reason: a norm or a mean over the units, groups of
 * channels in a convolution, a Split or Reshape of fixed sizes. What the model computes changes: measure it, and train on.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @throws DataError if `fromOnnx` cannot read the file; OptionError, ShapeError for sizes with which it cannot be run;
 *   NumericalError when weights are not finite
 *
 * @example
 * const { bytes: smaller, groups } = await pruneUnits(before, { fraction: 0.5, multiple: 1 });
 * groups.map(({ size, removed }) => `${removed} of ${size}`); // ["2 of 4", "2 of 5"]
 * smaller.length < before.length; // true
 */
export async function pruneUnits(bytes: Uint8Array, options: PruneUnitsOptions): Promise<PrunedUnitsFile> {
  const { fraction, multiple, balance, sizes, tolerance } = pruneUnitsOptions.read(options);
  const file = OnnxFile.decode("pruneUnits", bytes);
  const { isParameter, isWeight, fileNames } = channeledParameters(file);
  const { model, found } = tracedFile("pruneUnits", file, { sizes, isParameter });
  const { params } = model;
  const ranked = balance ? await balanced(params, liftedScalings(file, params, sizes)) : params;
  const reasons = new Map<PermutationSpace, string>();
  const all: UnitCut[] = [];
  for (const space of found.permutations) {
    const reason = whyUncuttable(params, space);
    if (reason !== undefined) reasons.set(space, reason);
    else
      all.push({
        space,
        units: leastUnits(unitNorms(ranked, space, isWeight), fraction, stepOf(params, space, multiple)),
      });
  }
  const check = { op: "pruneUnits", file, params, fileNames, sizes, tolerance };
  const cuts = await passing(
    check,
    all.filter(({ units }) => units.length > 0),
    reasons,
  );
  const after = cuts.length === 0 ? file : ((await smaller(check, cuts)) as OnnxFile);
  const removed = new Map(cuts.map(({ space, units }) => [space, units.length]));
  return {
    bytes: after === file ? new Uint8Array(bytes) : after.bytes,
    groups: found.permutations.map((space) => ({
      parameters: [...new Set(space.axes.map(({ path }) => path))],
      size: space.size,
      removed: removed.get(space) ?? 0,
      ...(reasons.has(space) ? { reason: reasons.get(space) } : {}),
    })),
    ...countZeros(imported(after).params),
  };
}

/** Scalings of parameters, those that bounds follow among them. Linear maps would mix the units that are ranked. */
function liftedScalings(
  file: OnnxFile,
  params: ImportedModel["params"],
  sizes: Readonly<Record<string, number>>,
) {
  const lifted = liftBoundsIn(file).file;
  const { isParameter } = channeledParameters(lifted);
  const { scalings } = tracedFile("pruneUnits", lifted, { sizes, isParameter, epsilons: true }).found;
  return { scalings: scalings.map((own) => actingOn(params, own)), linear: [] };
}
