import { integerFrom, nonNegative, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { relativeDrift } from "../../teleport/guard.js";

export interface DriftGuardOptions extends OptionsOf<typeof driftGuardOptions> {}

export const driftGuardOptions = optionTable("cost: guard", {
  /** Maximum change of the losses, see `judge`; default 0.05. */
  drift: nonNegative.default(0.05),
  /**
   * What is compared with `drift`: the largest change over the tasks (`worst`, the default), which bounds
   * every task; or the `mean` over the tasks of |L_k' - L_k|, as in L_t, in which a large loss hides the
   * change of a small one.
   */
  judge: oneOf(["worst", "mean"]).default("worst"),
  /** Whether the change is relative to the losses (default) or in their units. */
  kind: oneOf(["relative", "absolute"]).default("relative"),
  /** Number of examples, drawn independently of those of the move, on which it is measured, in whole batches; default 1000. */
  samples: integerFrom(0).default(1000),
  /** Maximum number of halvings of a displacement that changes them too much; default 3. */
  halvings: integerFrom(0).default(3),
});

/** A guard with all options filled in; `false` accepts every finite point. */
export type DriftGuard = Required<DriftGuardOptions>;

/** The change of the losses by a move. */
export interface Drift {
  /** L_k before and after, [K]. */
  readonly lossesBefore: readonly number[];
  readonly lossesAfter: readonly number[];
  /** |L_k' - L_k| / max(|L_k|, 1e-12). */
  readonly relative: readonly number[];
  /** mean_k |L_k' - L_k|, and that over mean_k |L_k|. */
  readonly mean: number;
  readonly meanRelative: number;
  /** max_k |L_k' - L_k|, and the largest of `relative`. */
  readonly worst: number;
  readonly worstRelative: number;
}

/** The values that a guard compared with its bound. */
export interface Judged extends Required<Pick<DriftGuardOptions, "judge" | "kind">> {
  /** The change, and the maximum allowed. */
  readonly moved: number;
  readonly bound: number;
  /** Index of the task with the largest change. */
  readonly worstTask: number;
}

/**
 * Fills in the defaults of a guard's options.
 *
 * @throws OptionError for values out of range
 */
export function driftGuardOf(options: DriftGuardOptions | false): DriftGuard | false {
  if (options === false) return false;
  return driftGuardOptions.read(options);
}

export function driftOf(before: Float64Array, after: Float64Array): Drift {
  const moves = after.map((loss, k) => Math.abs(loss - before[k]));
  const average = (values: Float64Array) => values.reduce((sum, v) => sum + v / values.length, 0);
  const mean = average(moves);
  const relative = Array.from(after, (loss, k) => relativeDrift(before[k], loss));
  return {
    lossesBefore: [...before],
    lossesAfter: [...after],
    relative,
    mean,
    meanRelative: mean / Math.max(average(before.map(Math.abs)), 1e-12),
    worst: Math.max(...moves),
    worstRelative: Math.max(...relative),
  };
}

/** The values that a guard compares for a move between finite losses. */
export function judged(drift: Drift, { judge, kind, drift: bound }: DriftGuard): Judged {
  const { relative, mean, meanRelative, worst, worstRelative, lossesBefore, lossesAfter } = drift;
  const moves =
    kind === "relative" ? relative : lossesAfter.map((loss, k) => Math.abs(loss - lossesBefore[k]));
  const [largest, average] = kind === "relative" ? [worstRelative, meanRelative] : [worst, mean];
  const moved = judge === "worst" ? largest : average;
  return { judge, kind, moved, bound, worstTask: moves.indexOf(largest) };
}

/**
 * Why a move is not allowed, or undefined if it is: the losses after it are finite, and the change that the
 * guard judges is within its bound.
 */
export function objectionTo(drift: Drift, guard: DriftGuard | false): string | undefined {
  const bad = drift.lossesAfter.findIndex((loss) => !Number.isFinite(loss));
  if (bad >= 0) return `the loss of task ${bad} is ${drift.lossesAfter[bad]} at the new point`;
  if (guard === false) return undefined;
  const found = judged(drift, guard);
  return found.moved <= found.bound ? undefined : `${sentenceOf(found)}, more than ${found.bound}`;
}

/** Describes the result of a guard for an accepted move. */
export function approvalOf(drift: Drift, guard: DriftGuard | false): string {
  if (guard === false) return "the losses are finite, and no guard judges their change";
  const found = judged(drift, guard);
  return `${sentenceOf(found)}, within ${found.bound}`;
}

function sentenceOf({ judge, kind, moved, worstTask }: Judged): string {
  const far = moved.toPrecision(3);
  if (judge === "worst") {
    return `the loss of task ${worstTask} moves most, by ${far}${kind === "relative" ? " of its size" : ""}`;
  }
  return `on the mean over the tasks the losses move by ${far}${kind === "relative" ? " of their size" : ""}`;
}

/** Element-wise mean of vectors. */
export const meanOf = (vectors: readonly Float64Array[]): Float64Array =>
  vectors[0].map((_, k) => vectors.reduce((sum, v) => sum + v[k] / vectors.length, 0));
