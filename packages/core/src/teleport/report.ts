/** What one teleport did, measured. */
export interface TeleportReport {
  readonly symmetry: string;
  /** Whether the parameters were moved. If not, they are the very arrays that were given. */
  readonly accepted: boolean;
  /** Why the search ended, or why nothing was moved. */
  readonly reason: string;
  /** Loss on the batch of the teleport. */
  readonly lossBefore: number;
  readonly lossAfter: number;
  /** |lossAfter - lossBefore| / max(|lossBefore|, 1e-12). */
  readonly drift: number;
  /** Squared norm of the gradient on that batch. */
  readonly gradNormSqBefore: number;
  readonly gradNormSqAfter: number;
  /** The same loss on other data, where some were given. */
  readonly heldOut?: { readonly lossBefore: number; readonly lossAfter: number; readonly drift: number };
  /** Ascent steps taken, and how often a step was halved because the guard refused it. */
  readonly steps: number;
  readonly halvings: number;
  readonly seconds: number;
}
