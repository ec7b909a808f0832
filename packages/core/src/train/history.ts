/** Figures of a model on a data set. */
export interface Metrics {
  readonly loss: number;
  /** Share of right classes, 0..1; only for classifiers. */
  readonly accuracy?: number;
}

/** What happened in a run so far, as plain data: every number was measured in that run. */
export interface History {
  /** Training loss of each step's batch, before the step's update. */
  readonly loss: number[];
  /** Seconds of computing up to the end of each step, teleports included, evaluation and compilation not. */
  readonly seconds: number[];
}

export function emptyHistory(): History {
  return { loss: [], seconds: [] };
}
