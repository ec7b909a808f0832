// A step of the trainer, and when a hook is called:
// 1. the batch is drawn;
// 2. `beforeStep(context)`, an option, may look at losses, Gramian, conflicts and combined direction of that batch, and
//    return other parameters, another state of the optimizer, a factor for its moments in this step alone (`reuse`), a
//    learning rate for it, a `memory` of its own for the next call (saved with the state) and an `event` for the history; with
//    `skip` the step ends after that;
// 3. losses and gradients of the batch are computed, unless step 2 did it and nothing moved;
// 4. the method makes weights or a direction of them; 5. the optimizer's update; 6. `afterStep` and `endEpoch` of the method.
import type { NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import type { OptimizerState } from "../../optim/optimizer.js";
import type { CompileOptions } from "../../runtime/compile.js";
import type { Conflict } from "../conflict.js";
import type { Representation } from "../gradients/forward.js";
import type { MultiTaskHistory } from "./history.js";
import type { TaskLosses } from "./task-losses.js";

/** Numbers, strings, typed arrays, and lists and plain objects of them: what a checkpoint can hold. */
export type PlainData = unknown;

/** The parts from which a {@link BeforeStep} may compile graphs of its own; the same at every step. */
export interface RunSetup<P> {
  readonly losses: TaskLosses<P>;
  /** The trainer's option, which the losses find in their context. */
  readonly representation?: Representation<P> | undefined;
  /** Names, in the order of the losses. */
  readonly tasks: readonly string[];
  /** Paths of the shared parameters in a tree of parameters: `shared.conv1.weight`. */
  readonly sharedPaths: readonly string[];
  /** Whether the optimizer leaves parameters as they are, by their path. */
  readonly isFrozen?: ((path: string) => boolean) | undefined;
  readonly dtype: "float32" | "float64";
  readonly compileOptions: Omit<CompileOptions, "scan" | "dtype">;
}

/**
 * The input of a {@link BeforeStep}. Values that cost a pass over the batch are functions: they are computed
 * only on request and only once, and the step reuses them if the parameters have not moved.
 *
 * @typeParam P tree of parameters, `{ shared, heads }`
 */
export interface StepContext<P> {
  readonly setup: RunSetup<P>;
  /** Number of steps done before this one: it is step `step`, counted from 0, in epoch `epoch`. */
  readonly step: number;
  readonly epoch: number;
  /** Infinity for a function without data. */
  readonly stepsPerEpoch: number;
  readonly params: P;
  readonly optimizer: OptimizerState;
  /** The model's state, as losses find it in their context; `{}` for most models. */
  readonly state?: unknown;
  readonly learningRate: number;
  /** The run's learning rate at a step that is done, or at this one. */
  learningRateAt(step: number): number;
  /** The batch that the step will use, arrays by name. */
  readonly batch: Batch;
  /** What the hook returned as `memory` the last time; undefined before. */
  readonly memory: PlainData;
  /** History of the steps so far; `seconds` tells how long an ordinary step takes. */
  readonly history: MultiTaskHistory;
  /** L_k on the step's batch. */
  losses(): Promise<Float64Array>;
  /**
   * G = J J' in the shared parameters or the representation, on the step's batch: free for methods that need it anyway, K backward
   * passes for others.
   */
  gramian(): Promise<NdArray<Float64Array>>;
  /** The angles of that Gramian. */
  conflict(): Promise<Conflict>;
  /** d, the method's combined gradient in the shared parameters on the step's batch, clipped: leaves in order, [P]. */
  direction(): Promise<Float64Array>;
  /**
   * `count` examples drawn at random without replacement, independent of the training's batches. Equal labels give
   * equal examples at a step. Of a stream they are the next ones of a reading with a seed of the step's own: random
   * as far as the stream's order depends on the seed.
   */
  sample(count: number, label?: string | number): Promise<Batch>;
  /**
   * The examples of such a draw that is as long as an epoch, in batches as large as the training's. One batch is in memory at a
   * time: every iteration reads and makes them anew, and gives the same ones.
   */
  batches(label?: string | number): AsyncIterable<Batch>;
  /** Frees the memory of the step's large graphs until they run again, for a hook that needs as much: see `Executable`. */
  unload(): Promise<void>;
}

/** What a {@link BeforeStep} changes. */
export interface StepChange<P> {
  /** Left out: nothing moves, and the step is the same as without the hook, bit for bit. */
  readonly params?: P | undefined;
  /** Left out: the optimizer keeps its state. */
  readonly optimizer?: OptimizerState | undefined;
  /**
   * sigma in [-1, 1] of historical trajectory reuse: for this step alone the optimizer's moments are those of
   * v <- sigma b v + (1 - sigma b) g; sigma <= 0 is a fresh start from g. Default 1: an ordinary step.
   */
  readonly reuse?: number | undefined;
  /** The learning rate of this step; left out: the run's. */
  readonly learningRate?: number | undefined;
  /** Whether the step ends here: its batch changes neither parameters nor the method's state. Its losses are those before the move. */
  readonly skip?: boolean | undefined;
  /** Kept for the next call and saved with the state. Left out: the memory does not change. */
  readonly memory?: PlainData | undefined;
  /** Added to `history.events` with the step's number, for example a report. */
  readonly event?: PlainData | undefined;
}

/**
 * Called before every step, with the batch of the step; may move the parameters. Undefined: nothing changes.
 * When parameters move, losses and gradients of the step are those at the new point on the same batch.
 *
 * @example
 * const kick: BeforeStep<Params> = async ({ step, params, conflict }) => {
 *   if (step < 1000 || !(await conflict()).dominated) return undefined;
 *   return { params: moved(params), event: { kind: "kick" } };
 * };
 */
export type BeforeStep<P> = (context: StepContext<P>) => Promise<StepChange<P> | undefined>;
