// What the worker computes for the train screen, as plain data.
import type { RegionData } from "../../charts/regions.js";
import type { Columns } from "../../worker/columns.js";
import type { MoveName, RunName } from "./state.js";

/** A teleport, or an attempt at one. */
export interface Teleport {
  readonly step: number;
  readonly accepted: boolean;
  readonly reason: string;
  /** How far the loss moved, relative to its size: on its batch and on held-out examples. */
  readonly drift: number;
  readonly heldOutDrift: number | undefined;
  readonly gradNormSqBefore: number;
  readonly gradNormSqAfter: number;
  /** The largest eigenvalue of the Hessian after over before; of accepted ones. */
  readonly lambdaRatio: number | undefined;
  readonly seconds: number;
}

/** What the seeds of a run have at the same points: their median, the least and the largest; of losses Infinity where one diverged. */
export interface Spread {
  readonly median: Float64Array;
  readonly low: Float64Array;
  readonly high: Float64Array;
}

/** What all seeds of a run have, at the steps that all of them have done. */
export interface Spreads {
  /** How many seeds there are, and how many of them diverged. */
  readonly count: number;
  readonly diverged: number;
  readonly step: Float64Array;
  readonly seconds: Spread;
  readonly smoothLoss: Spread;
  readonly smoothGradNormSq: Spread;
  /** On held-out data. */
  readonly evaluated: {
    readonly step: Float64Array;
    readonly seconds: Spread;
    readonly loss: Spread;
    readonly accuracy: Spread;
  };
}

/** A run so far, of its first seed that has not diverged. Curves have a point every `unit` steps. */
export interface TrainRun {
  readonly name: RunName;
  readonly steps: number;
  /** Steps of the whole run. */
  readonly last: number;
  readonly step: Float64Array;
  readonly seconds: Float64Array;
  /** Of the step's batch, and means over a fiftieth of the run. */
  readonly loss: Float64Array;
  readonly smoothLoss: Float64Array;
  readonly smoothGradNormSq: Float64Array;
  /** On held-out data: the points of a curve, and the newest. */
  readonly evaluations: readonly Evaluation[];
  readonly heldOut: Evaluation | undefined;
  readonly teleports: Columns<Teleport>;
  readonly spreads: Spreads;
  readonly rate: number;
  readonly status: "running" | "done" | "diverged";
  /** Why there is no more of it. */
  readonly note: string;
}

export interface Evaluation {
  readonly step: number;
  readonly seconds: number;
  readonly loss: number;
  readonly accuracy: number;
}

/** A move that the network has. */
export interface FoundMove {
  readonly name: MoveName;
  readonly title: string;
  /** What it acts on. */
  readonly text: string;
  /** Whether it keeps the loss on all data, or on its batch alone. */
  readonly isExact: boolean;
}

/** What a run's network sees in the plane. */
export interface Regions extends RegionData {
  readonly name: RunName;
  /** On held-out data, of the network that is seen. */
  readonly heldOut: Evaluation | undefined;
}
