/** How steps on a level set are taken, on the host and in a compiled walk. */
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

/** Factor on rho after a failed step; its inverse applies after an easy one. */
export const backtracking = 0.7;
/** Required fraction of the gain predicted to first order. */
export const sufficient = 0.1;
/** Fraction of that gain from which on the next step begins longer. */
export const promising = 0.5;
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

/** Why a walk ends. */
export const ends = {
  lost: "the step does not lead back to the level set",
  exhausted: "no step along the level set raises the objective",
  stationary: (projected: number) =>
    `a stationary point of the level set: the projected step is ${projected.toExponential(1)}`,
};
