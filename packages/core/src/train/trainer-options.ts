import type { Model } from "../nn/model.js";
import type { Optimizer } from "../optim/optimizer.js";
import type { CompileOptions } from "../runtime/compile.js";
import type { Dataset } from "./dataset.js";
import type { Loss } from "./step.js";
import type { TeleportPlan } from "./teleports.js";

export interface Progress {
  /** Steps done. */
  readonly step: number;
  /** Passes over the data done, with their fraction. */
  readonly epoch: number;
  /** Mean training loss since the last report. */
  readonly loss: number;
  readonly stepsPerSecond: number;
}

export interface TrainerOptions<P, S> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly model: Model<P, S>;
  readonly data: Dataset;
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...): see schedules. */
  readonly learningRate: number | ((step: number) => number);
  /** Default: mean cross-entropy. */
  readonly loss?: Loss;
  /** Default: the whole data set. */
  readonly batchSize?: number;
  /** Of initialisation, order of batches and dropout; an integer, default 0. */
  readonly seed?: number;
  readonly dtype?: "float32" | "float64";
  /** Largest global norm of the gradient; default no limit. */
  readonly clipNorm?: number;
  /** Whether the history records the squared norm of each step's gradient; default false. */
  readonly gradNorm?: boolean;
  /** Teleports on the batch of the step that they come before; default none. */
  readonly teleport?: TrainerTeleportPlan<P>;
}

export interface TrainerTeleportPlan<P> extends TeleportPlan<P> {
  /** Examples of a teleport's batch, from that of its step on; default the training's batch size. */
  readonly batchSize?: number;
}

export interface RunTrainerOptions {
  readonly steps: number;
  /** Called between steps, and awaited: it may save a checkpoint, evaluate or restore. What it throws ends the run. */
  readonly onProgress?: (progress: Progress) => void | Promise<void>;
  /** Steps between reports; default a hundredth of the run, at least 10. */
  readonly reportEvery?: number;
}
