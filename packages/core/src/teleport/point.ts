/** Loss, objective and squared gradient norm at a point. */
export interface Point {
  readonly loss: number;
  readonly objective: number;
  readonly gradNormSq: number;
  /** Loss on held-out data, if there is any. */
  readonly heldOutLoss?: number | undefined;
  /** Loss after the steps of the race, on held-out data if there is any. */
  readonly racedLoss?: number | undefined;
}
