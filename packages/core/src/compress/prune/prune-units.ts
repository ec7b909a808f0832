import type { NdArray } from "../../array.js";
import { requireBytes } from "../../bytes.js";
import { IsolossError } from "../../errors.js";
import { compareModels } from "../../model-file/compare/compare-models.js";
import { axisSizes } from "../../model-file/compare/random-inputs.js";
import { withParams } from "../../model-file/edit/with-params.js";
import { balanced } from "../../moves/balance/balanced.js";
import { flag, positive, share } from "../../option-kinds.js";
import { type OptionRows, optionTable } from "../../options.js";
import type { PermutationSpace } from "../../symmetry/discovery/descriptors.js";
import { tracedFile } from "../traced-file.js";
import { isUncuttable, zeroedCuts } from "./cut.js";
import { channeledParameters } from "./file-parameters.js";
import { smallerFile } from "./smaller-file.js";
import { cutsOf, leastUnits, type UnitCut, unitNorms, whyUncuttable } from "./units.js";

export interface PruneUnitsOptions {
  /** Share of the units of each group that go, 0 to 1, rounded down; one unit stays at least. */
  readonly fraction: number;
  /** Whether the units are ranked by balanced weights, so that the ranking does not depend on their scales; default true. */
  readonly balance?: boolean | undefined;
  /** Sizes of axes that the file leaves open, for tracing and checking it; default 4 of a first axis, else 32. */
  readonly sizes?: Readonly<Record<string, number>> | undefined;
  /** Largest difference of the check, relative to an output's largest value; default 1e-4. */
  readonly tolerance?: number | undefined;
}

const pruneUnitsOptions = optionTable("pruneUnits", {
  fraction: share.required(),
  balance: flag.default(true),
  sizes: axisSizes.default({}),
  tolerance: positive.default(1e-4),
} satisfies OptionRows<PruneUnitsOptions>);

/** A group of coupled units of a file, and how many of them went. */
export interface PrunedGroup {
  /** Names of the parameters that have the units along an axis. */
  readonly parameters: readonly string[];
  readonly size: number;
  readonly removed: number;
  /** Why none went. */
  readonly reason?: string | undefined;
}

/** A file with fewer units. */
export interface PrunedUnitsFile {
  readonly bytes: Uint8Array;
  /** The groups of units that can be permuted with one another. */
  readonly groups: readonly PrunedGroup[];
  /** Numbers of the parameters before and after. */
  readonly numbers: readonly [before: number, after: number];
}

/**
 * Removes channels, hidden units and heads of an ONNX file: its tensors get smaller, and it gets faster. The groups of
 * coupled units are the spaces of units that can be permuted with one another, through residual sums, depthwise
 * convolutions and batch norms; in each, the units with the least sum of |w|^2 over all of their weights go, of the weights
 * balanced on the orbit of all scalings (`foldBatchNorm` first gives the file more of them).
 *
 * The smaller file is compared with the old one with the weights of these units set to zero: they must compute the same
 * to rounding. A group that does not pass stays whole, with the reason: a norm or a mean over the units, groups of
 * channels in a convolution, a Split or Reshape of fixed sizes. What the model computes changes: measure it, and train on.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside
 * @param options `fraction`, `balance`, `sizes` and `tolerance`
 * @throws DataError if `fromOnnx` cannot read the file; OptionError, ShapeError for sizes with which it cannot be run;
 *   NumericalError when weights are not finite
 *
 * @example
 * const { bytes: smaller, groups } = await pruneUnits(foldBatchNorm(before).bytes, { fraction: 0.5 });
 * groups.map(({ size, removed }) => `${removed} of ${size}`); // ["2 of 4", "2 of 5"]
 * smaller.length < before.length; // true
 */
export async function pruneUnits(bytes: Uint8Array, options: PruneUnitsOptions): Promise<PrunedUnitsFile> {
  const { fraction, balance, sizes, tolerance } = pruneUnitsOptions.read(options);
  requireBytes("pruneUnits", bytes);
  const { isParameter, isWeight, fileNames } = channeledParameters(bytes);
  const { model, found } = tracedFile("pruneUnits", bytes, { sizes, isParameter });
  const { params } = model;
  const ranked = balance ? await balanced(params, found) : params;
  const reasons = new Map<PermutationSpace, string>();
  const all: UnitCut[] = [];
  for (const space of found.permutations) {
    const reason = whyUncuttable(params, space);
    if (reason !== undefined) reasons.set(space, reason);
    else all.push({ space, units: leastUnits(unitNorms(ranked, space, isWeight), fraction) });
  }
  const check = { bytes, params, fileNames, sizes, tolerance };
  const cuts = await passing(
    check,
    all.filter(({ units }) => units.length > 0),
    reasons,
  );
  const after = cuts.length === 0 ? bytes.slice() : ((await smaller(check, cuts)) as Uint8Array);
  const removed = new Map(cuts.map(({ space, units }) => [space, units.length]));
  return {
    bytes: after,
    groups: found.permutations.map((space) => ({
      parameters: [...new Set(space.axes.map(({ path }) => path))],
      size: space.size,
      removed: removed.get(space) ?? 0,
      ...(reasons.has(space) ? { reason: reasons.get(space) } : {}),
    })),
    numbers: [countOf(params), countOf(params, cutsOf(params, cuts))],
  };
}

interface Check {
  readonly bytes: Uint8Array;
  readonly params: Readonly<Record<string, NdArray>>;
  readonly fileNames: ReadonlyMap<string, string>;
  readonly sizes: Readonly<Record<string, number>>;
  readonly tolerance: number;
}

/** The cuts after which the file computes what it does with zeros; reasons are noted for the others. */
async function passing(
  check: Check,
  cuts: readonly UnitCut[],
  reasons: Map<PermutationSpace, string>,
): Promise<readonly UnitCut[]> {
  if (cuts.length === 0) return [];
  const reason = await smaller(check, cuts);
  if (typeof reason !== "string") return cuts;
  if (cuts.length === 1) {
    reasons.set(cuts[0].space, reason);
    return [];
  }
  const half = Math.ceil(cuts.length / 2);
  const first = await passing(check, cuts.slice(0, half), reasons);
  const second = await passing(check, cuts.slice(half), reasons);
  const both = [...first, ...second];
  if (first.length === 0 || second.length === 0) return both;
  if (typeof (await smaller(check, both)) !== "string") return both;
  for (const { space } of second) reasons.set(space, `it cannot go together with other groups: ${reason}`);
  return first;
}

/** The smaller file, or why it is not the same as the old one with zeros. */
async function smaller(
  { bytes, params, fileNames, sizes, tolerance }: Check,
  cuts: readonly UnitCut[],
): Promise<Uint8Array | string> {
  const byParameter = cutsOf(params, cuts);
  const byTensor = new Map([...byParameter].map(([name, own]) => [fileNames.get(name) ?? name, own]));
  const after = smallerFile("pruneUnits", bytes, byTensor);
  if (isUncuttable(after)) return after.reason;
  const zeroed = Object.fromEntries(
    [...byParameter].map(([name, own]) => [name, zeroedCuts(params[name], own)]),
  );
  try {
    const { largest } = await compareModels(withParams(bytes, zeroed), after, { sizes, examples: 2 });
    return largest <= tolerance
      ? after
      : `the model uses the number of its units: without them it differs by ${largest.toPrecision(2)} from the model with their weights at zero`;
  } catch (cause) {
    if (!(cause instanceof IsolossError)) throw cause;
    return `the smaller model does not run: ${cause.message}`;
  }
}

/** Numbers of all parameters, without those that are cut. */
function countOf(
  params: Readonly<Record<string, NdArray>>,
  cuts: ReturnType<typeof cutsOf> = new Map(),
): number {
  return Object.entries(params).reduce((sum, [name, { shape }]) => {
    const left = (axis: number) => {
      const gone = cuts.get(name)?.get(axis);
      return gone === undefined ? shape[axis] : gone.reduce((n, g) => n + 1 - g, 0);
    };
    return sum + shape.reduce((product, _, axis) => product * left(axis), 1);
  }, 0);
}
