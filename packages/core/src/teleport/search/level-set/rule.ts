// The numbers and names of a walk on a level set.

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

/** How a walk ended, by number. */
export const outcomes = [
  "going on",
  "steps taken",
  "refused",
  "stationary",
  "exhausted",
  "start",
  "no gradient",
  "no objective",
  "not finite",
  /** The host has to say whether the candidate may be taken. */
  "asking",
] as const;
export type Outcome = (typeof outcomes)[number];

/** Numbers that are passed from pass to pass, in this order. */
export const statusNames = [
  "level",
  /** Length of the first try of a step, and of the try under way. */
  "rho",
  "trial",
  "scale",
  /** How fast the loss moved off the level in the last try, divided by the square of its length. */
  "bend",
  /** How far the loss was expected to move off the level in the try under way. */
  "rise",
  "backtracks",
  "projections",
  /** Number of accepted steps, -1 before the start itself is accepted, and of refused ones. */
  "taken",
  "halvings",
  /** What the guard found, or the host, at the step that was refused since the last one that was accepted; 0: none. */
  "finding",
  /** What the host said of the candidate: 0 it was not asked, 1 it may be taken, 2 it may not. */
  "answer",
  /** The loss after the race from the last accepted point; 0 without a race. */
  "racedLoss",
  /** Length of the step on the level set at which the walk ended. */
  "projected",
  "outcome",
] as const;

export type Status<T> = Record<(typeof statusNames)[number], T>;

/** What a step from the last accepted point depends on: d = `direction`, its product with g / ||g||^2, norms. */
export const factNames = ["loss", "objective", "gg", "multiplier", "dd", "tangent"] as const;

export type Facts<T> = Record<(typeof factNames)[number], T>;
