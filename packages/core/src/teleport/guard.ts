import { integerFrom, nested, nonNegative, type OptionsOf, optionTable } from "../options.js";
import type { Point } from "./point.js";
import { type RaceOptions, raceOptions } from "./race.js";

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
  const { isFinite: has } = Number;
  return has(loss) && has(objective) && has(gradNormSq) && has(heldOutLoss);
}

interface Compared {
  readonly start: Point;
  readonly before: Point;
  readonly after: Point;
}

/** Why a walk does not begin. */
export const startNotFinite = "the loss or its gradient is not finite at the start";

const decimal = (x: number | undefined): string => String(x?.toPrecision(6));
const drifts = (a: number | undefined, b: number | undefined, most: number): string =>
  `drifts by ${relativeDrift(Number(a), Number(b)).toExponential(1)}, more than ${most}`;

/** What the guard may have against a point, in the order of its tests: whether it fails, and how a report says so. */
const tests = {
  parameters: {
    // Of a search's program alone: else it is tested before anything is measured.
    fails: () => false,
    says: () => "a parameter of the new point is not finite",
  },
  numbers: {
    fails: ({ after }) => !isFinitePoint(after),
    says: () => "the new point's loss or gradient is not finite",
  },
  drift: {
    fails: ({ start, after }, { drift }) => relativeDrift(start.loss, after.loss) > drift,
    says: ({ start, after }, { drift }) => `the loss ${drifts(start.loss, after.loss, drift)}`,
  },
  heldOut: {
    fails: ({ start: { heldOutLoss: a }, after: { heldOutLoss: b } }, { heldOutDrift }) =>
      a !== undefined && b !== undefined && !(relativeDrift(a, b) <= heldOutDrift),
    says: ({ start, after }, { heldOutDrift }) =>
      `the loss on held-out data ${drifts(start.heldOutLoss, after.heldOutLoss, heldOutDrift)}`,
  },
  objective: {
    fails: ({ before, after }, { anyObjective }) => !anyObjective && !(after.objective > before.objective),
    says: () => "the objective does not increase",
  },
  divergence: {
    fails: ({ before: { racedLoss: a }, after: { racedLoss: b } }) =>
      a !== undefined && b !== undefined && !Number.isFinite(b),
    says: () => "descent from the new point diverges",
  },
  race: {
    // Descent from the old point may have diverged: then the new one has won.
    fails: ({ before, after }) => Number(after.racedLoss) > Number(before.racedLoss),
    says: ({ before, after }) =>
      `descent from the new point reaches ${decimal(after.racedLoss)}, from the old one ${decimal(before.racedLoss)}`,
  },
} as const satisfies Record<
  string,
  {
    fails(points: Compared, limits: Limits): boolean;
    says(points: Compared, limits: Limits): string;
  }
>;

export type Finding = keyof typeof tests;
/** The guard's tests by number. */
export const findings = Object.keys(tests) as Finding[];

/** Says what a test found. */
export const sentenceOf = (finding: Finding, points: Compared, limits: Limits): string =>
  tests[finding].says(points, limits);

/** The tests of drift, and of the race. */
export const driftTests: readonly Finding[] = ["numbers", "drift", "heldOut"];
export const raceTests: readonly Finding[] = ["divergence", "race"];

/**
 * Why a point may not replace another, or undefined if it may: its numbers are finite, its losses equal those
 * of the start within tolerance, its objective is larger than at the point before, unless the search has a goal of its
 * own, and descent from it does not reach a higher loss.
 */
export function objection(
  start: Point,
  before: Point,
  after: Point,
  limits: Limits,
  tested: readonly Finding[] = findings,
): string | undefined {
  const points = { start, before, after };
  for (const name of tested) if (tests[name].fails(points, limits)) return sentenceOf(name, points, limits);
  return undefined;
}
