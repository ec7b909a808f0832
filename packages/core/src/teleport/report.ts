/** What one teleport did, measured. */
export interface TeleportReport {
  /** How points were proposed: the name of a symmetry, or of a search without a group. */
  readonly search: string;
  /** Whether the parameters were moved. If not, they are the same arrays that were given. */
  readonly accepted: boolean;
  /**
   * Why nothing was moved, or how the search ended: `10 steps taken`, or `3 steps taken; then: ..` with what
   * ended it before all its steps were taken.
   */
  readonly reason: string;
  /** With `allowInexact`: says that the symmetry does not keep this loss, and by how much the loss changes. */
  readonly inexact?: string | undefined;
  /** Loss on the batch of the teleport. */
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** |lossAfter - lossBefore| / max(|lossBefore|, 1e-12). */
  readonly drift: number;
  readonly objectiveBefore: number;
  readonly objectiveAfter: number;
  /** Squared norm of the gradient on that batch. */
  readonly gradNormSqBefore: number;
  readonly gradNormSqAfter: number;
  /** The same loss on held-out data, if given. */
  readonly heldOut?:
    | { readonly lossBefore: number; readonly lossAfter: number; readonly drift: number }
    | undefined;
  /**
   * After / before, of an accepted move: of ||g||^2, of the largest Hessian eigenvalue, as Lanczos steps estimate it, and of
   * J = ||g||^4/(2 g'Hg). A gradient that grows in proportion to its curvature amounts to a larger learning rate: J then
   * stays the same. The ratio of J is left out unless g'Hg is positive at both ends.
   */
  readonly ratios?:
    | {
        readonly gradNormSq: number;
        readonly lambdaMax: number;
        readonly modelDecrease?: number | undefined;
      }
    | undefined;
  /** Number of steps taken, and of halvings because the guard refused a step. */
  readonly steps: number;
  readonly halvings: number;
  readonly seconds: number;
}

export const stepsTaken = (steps: number): string => `${steps} ${steps === 1 ? "step" : "steps"} taken`;

/** How a search ended after some accepted steps: what ended it is no reason against them. */
export function endAfter(steps: number, reason: string): string {
  const taken = stepsTaken(steps);
  return steps === 0 || reason === taken ? reason : `${taken}; then: ${reason}`;
}
