// The numbers that a walk on a level set passes from pass to pass.

/** How a walk ended, by number; the host takes the steps itself after `start` and `undefined step`. */
export const outcomes = [
  "going on",
  "steps taken",
  "refused",
  "stationary",
  "exhausted",
  "start",
  "undefined step",
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
  /** 1 if a step was refused since the last one that was accepted. */
  "isRefused",
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
