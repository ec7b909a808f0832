/** What one teleport did, measured. */
export interface TeleportReport {
  /** How points were proposed: a symmetry's name, or that of a search without a group. */
  readonly search: string;
  /** Whether the parameters were moved. If not, they are the very arrays that were given. */
  readonly accepted: boolean;
  /** Why the search ended, or why nothing was moved. */
  readonly reason: string;
  /** With `allowInexact`: that the symmetry does not keep this loss, and by how much. */
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
  /** The same loss on other data, where some were given. */
  readonly heldOut?:
    | { readonly lossBefore: number; readonly lossAfter: number; readonly drift: number }
    | undefined;
  /**
   * After / before, of an accepted move: of ||g||^2, of the largest Hessian eigenvalue, and of J = ||g||^4/(2 g'Hg). A
   * gradient that grows as its curvature does is a larger learning rate in disguise: then J stays. J's is left out where
   * g'Hg is not positive at both ends.
   */
  readonly ratios?:
    | {
        readonly gradNormSq: number;
        readonly lambdaMax: number;
        readonly modelDecrease?: number | undefined;
      }
    | undefined;
  /** Steps taken, and how often a step was halved because the guard refused it. */
  readonly steps: number;
  readonly halvings: number;
  readonly seconds: number;
}
