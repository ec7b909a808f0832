/** Loss, objective and squared gradient norm at a point. */
export interface Point {
  readonly loss: number;
  readonly objective: number;
  readonly gradNormSq: number;
  /** On held-out data, where there are some. */
  readonly heldOutLoss?: number | undefined;
  /** Loss, on held-out data where there are some, after the steps of the race. */
  readonly racedLoss?: number | undefined;
}
