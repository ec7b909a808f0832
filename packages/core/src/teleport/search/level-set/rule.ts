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

/** Required fraction of the gain that a step promises. */
export const sufficient = 0.1;
/** Least and largest factor on rho after a failed try, and from one step to the next. */
export const shrinking = [0.3, 0.7] as const;
export const changing = [0.7, 1 / 0.7] as const;
/**
 * Factor on rho to where the parabola through a try's gain is highest that rises from 0 by what the try promised to
 * first order.
 */
export function lengthening(
  gain: number,
  promised: number,
  [least, most]: readonly [number, number],
): number {
  const lost = promised - gain;
  return lost > 0 ? Math.max(least, Math.min(most, (0.5 * promised) / lost)) : most;
}
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
