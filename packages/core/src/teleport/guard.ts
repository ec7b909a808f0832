import { integerFrom, nested, nonNegative } from "../option-kinds.js";
import { type OptionsOf, optionTable } from "../options.js";
import type { Point } from "./point.js";
import type { RaceOptions } from "./race.js";
import { raceOptions } from "./race.js";

/** Bounds on what a teleport may change. */
export interface GuardOptions extends OptionsOf<typeof guardOptions> {}

export const guardOptions = optionTable("guard", {
  /** Largest relative drift of the loss on the batch; default 1e-6 in float64, 1e-4 in float32. */
  drift: nonNegative.otherwise("1e-6 in float64, 1e-4 in float32"),
  /** Largest relative drift of the loss on held-out data; default 0.01. */
  heldOutDrift: nonNegative.default(0.01),
  /** Maximum number of times that a refused step is halved before the search ends; default 3. */
  halvings: integerFrom(0).default(3),
  /**
   * Runs descent from the old and the new point and keeps the point whose descent reaches the lower loss;
   * default none. A larger gradient comes with a larger curvature, which can be too large for a fixed
   * learning rate.
   */
  race: nested<RaceOptions>(raceOptions).otherwise("none"),
  /**
   * Lanczos steps at most for the ratios of curvature in the report of an accepted teleport, each a Hessian-vector product
   * at either end; default 20, 0 leaves the ratios out. They end where the largest eigenvalue changes by no more than 1e-4
   * of it, usually after six or seven, and often cost more than the teleport. Its seconds do not include them, as they serve
   * the report alone.
   */
  curvature: integerFrom(0).default(20),
});

/** The guard's bounds, complete. */
export interface Limits {
  readonly drift: number;
  readonly heldOutDrift: number;
  readonly halvings: number;
  readonly curvature: number;
  /** Whether a point that does not raise the objective may be taken. */
  readonly anyObjective?: boolean | undefined;
}

/** Takes every finite point. */
const unguarded: Limits = {
  drift: Infinity,
  heldOutDrift: Infinity,
  halvings: 0,
  curvature: 20,
  anyObjective: true,
};

/**
 * Checks a guard's options and fills in what is left out.
 *
 * @throws OptionError for an unknown option or a value out of range
 */
export function limitsOf(guard: GuardOptions | false, dtype: "float32" | "float64"): Limits {
  if (guard === false) return unguarded;
  const {
    drift = dtype === "float64" ? 1e-6 : 1e-4,
    heldOutDrift,
    halvings,
    curvature,
  } = guardOptions.read(guard);
  return { drift, heldOutDrift, halvings, curvature };
}

/** |b - a| relative to |a|; 0 for equal values, also when they are not finite. */
export function relativeDrift(a: number, b: number): number {
  if (Object.is(a, b)) return 0;
  return Math.abs(b - a) / Math.max(Math.abs(a), 1e-12);
}

/** Whether every number of a point, except that of the race, is finite. */
export function isFinitePoint({ loss, objective, gradNormSq, heldOutLoss = 0 }: Point): boolean {
  return [loss, objective, gradNormSq, heldOutLoss].every(Number.isFinite);
}

/**
 * Why a point may not replace another, or undefined if it may: its numbers are finite, its losses equal those
 * of the start within tolerance, its objective is larger than at the point before, unless the search has a goal of its
 * own, and descent from it does not reach a higher loss.
 */
export function objection(start: Point, before: Point, after: Point, limits: Limits): string | undefined {
  const drifted = driftObjection(start, after, limits);
  if (drifted !== undefined) return drifted;
  if (!limits.anyObjective && !(after.objective > before.objective)) return "the objective does not increase";
  return raceObjection(before, after);
}

/** Why a point loses the race against the point before it, or undefined if it does not lose or there was no race. */
export function raceObjection(before: Point, after: Point): string | undefined {
  if (before.racedLoss === undefined || after.racedLoss === undefined) return undefined;
  if (!Number.isFinite(after.racedLoss)) return "descent from the new point diverges";
  // Descent from the old point may have diverged: then the new one has won.
  if (after.racedLoss > before.racedLoss) {
    return `descent from the new point reaches ${after.racedLoss.toPrecision(6)}, from the old one ${before.racedLoss.toPrecision(6)}`;
  }
  return undefined;
}

/** Why a point is not on the start's level set, or undefined if it is, within tolerance. */
export function driftObjection(start: Point, after: Point, limits: Limits): string | undefined {
  if (!isFinitePoint(after)) return "the new point's loss or gradient is not finite";
  const moved = relativeDrift(start.loss, after.loss);
  if (moved > limits.drift) return `the loss drifts by ${moved.toExponential(1)}, more than ${limits.drift}`;
  if (start.heldOutLoss === undefined || after.heldOutLoss === undefined) return undefined;
  const elsewhere = relativeDrift(start.heldOutLoss, after.heldOutLoss);
  if (elsewhere <= limits.heldOutDrift) return undefined;
  return `the loss on held-out data drifts by ${elsewhere.toExponential(1)}, more than ${limits.heldOutDrift}`;
}
