// The numbers and names of a walk on a level set.
import type { Reason } from "../guarded-loop.js";

/** How steps on a level set are taken. */
export interface LevelSetRule {
  readonly steps: number;
  readonly rho: number;
  readonly lineSearch: boolean;
  readonly tolerance: number;
  readonly project: boolean;
  /** Whether points below the level set are taken as well. */
  readonly sublevel: boolean;
  /** Relative distance from the level at which a point counts as on it. */
  readonly closeness: number;
  /** The same before the last step, where the next one leads back as well. */
  readonly between: number;
}

/** Required fraction of the gain that a step promises. */
export const sufficient = 0.1;
/** Least and largest factor on rho after a failed try, and from one step to the next. */
export const shrinking = [0.3, 0.7] as const;
export const changing = [0.7, 1 / 0.7] as const;
/** How far, relative to it, the loss's curvature may change the length of a Newton step. */
export const mostCorrection = 0.5;
/** Relative difference of the objective and ||g||^2 up to which the one is taken to be the other. */
export const sameObjective = 1e-3;
/** Most of the guard's drift that points before the last may have. */
export const driftShare = 0.25;
/** Most of a step's gain that the distance of its point from the level may make up. */
export const gainShare = 0.01;
export const mostBacktracks = 40;
export const mostProjections = 12;

/** Why a walk ends, by number from 1. */
export const stops = [
  "stationary",
  "lost",
  "exhausted",
  "no gradient",
  "no objective",
  "not finite",
] as const;
export type Stop = (typeof stops)[number];

export const sentences: Readonly<Record<Stop, Reason>> = {
  stationary: (projected) =>
    `a stationary point of the level set: the projected step is ${projected.toExponential(1)}`,
  lost: "the step does not lead back to the level set",
  exhausted: "no step along the level set raises the objective",
  "no gradient": "the gradient of the loss is zero: there is no level set to follow",
  "no objective": "the objective is zero, and steps are relative to it",
  "not finite":
    "the gradient of the objective, relative to the objective, is not finite or too large to be squared",
};

/** Numbers of a try. */
export const tryNames = [
  /** Length of the first try of a step, and of the try under way. */
  "rho",
  "trial",
  /** How fast the loss moved off the level in the last try, divided by the square of its length. */
  "bend",
  /** How far the loss was expected to move off the level in the try under way. */
  "rise",
  "backtracks",
  "projections",
] as const;

export type Try<T> = Record<(typeof tryNames)[number], T>;

/** What a step from the last accepted point depends on: d = `direction`, its product with g / ||g||^2, norms. */
export const factNames = ["loss", "objective", "gg", "multiplier", "dd", "tangent"] as const;

export type Facts<T> = Record<(typeof factNames)[number], T>;
