import { dtypeOf, isNdArray, type NdArray } from "../../array.js";
import type { Batch, BatchLoss } from "../../batch.js";
import { DTypeError, OptionError, ShapeError } from "../../errors.js";
import { formatShape } from "../../graph/tensor.js";
import type { Optimizer } from "../../optim/optimizer.js";
import { type CompileOptions, compileOptionNames } from "../../runtime/compile.js";
import { flatten, leavesIfLike } from "../../tree.js";
import type { Checkpoint } from "../checkpoint.js";
import type { History } from "../history.js";
import type { LearningRate } from "../run.js";
import type { ResumeOptions, RunSettings } from "../run-settings.js";
import type { TrainState } from "../state.js";
import type { TeleportEvent } from "../teleport-event.js";
import type { TeleportPlan } from "../teleports.js";

/** What to minimize: a problem of `problems/`, or a custom one. */
export interface MinimizationProblem<P, B extends Batch = Batch> {
  readonly loss: BatchLoss<P, B>;
  readonly start: P;
  /** Data that the loss reads; default none. */
  readonly batch?: B | undefined;
}

export interface MinimizeOptions<P, B extends Batch = Batch> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...). */
  readonly learningRate: LearningRate;
  readonly steps: number;
  /** Teleports; default none. */
  readonly teleport?: TeleportPlan<P, B> | undefined;
  /** Whether the parameters of every step, and the points before and after teleports, are stored; default false. */
  readonly trajectory?: boolean | undefined;
}

/** Where one run of a minimization starts. */
export interface StartOptions<P> {
  /** Parameters of the same shapes and dtypes; default the problem's start. */
  readonly start?: P | undefined;
}

/** Options of one run of a minimization. A checkpoint has a start of its own. */
export interface MinimizeRunOptions<P> extends StartOptions<P> {
  /** Default that of the minimizer. Guards and objectives with a rate of their own (`race`, `decrease`) keep it. */
  readonly learningRate?: LearningRate | undefined;
  /** Called several times a second with the progress of the run; returning `true` ends the run. */
  readonly onLoop?:
    | ((at: MinimizationProgress<P>) => boolean | undefined | Promise<boolean | undefined>)
    | undefined;
  /** Steps after which `onLoop` is called in any case, ascending. The numbers do not depend on them. */
  readonly pauses?: readonly number[] | undefined;
  /**
   * Checkpoint to resume from, of a run with the same problem and options: it ends with the same numbers, bit
   * for bit.
   */
  readonly checkpoint?: Checkpoint | undefined;
  /** Settings that may differ from those of the checkpoint's run: see {@link ResumeOptions}. */
  readonly allowChanges?: ResumeOptions["allowChanges"] | undefined;
}

/** Names of the options of a run, and of a minimization. */
export const runOptions = [
  "start",
  "learningRate",
  "onLoop",
  "pauses",
  "checkpoint",
  "allowChanges",
] as const;
export const minimizeOptions = [
  ...(["optimizer", "learningRate", "steps", "teleport", "trajectory"] as const),
  ...compileOptionNames,
];

/** A teleport that was accepted, with the points before and after it. */
export interface Jump<P> {
  readonly step: number;
  readonly from: P;
  readonly to: P;
}

/** A minimization in progress: `encodeCheckpoint(progress)` is its checkpoint. */
export interface MinimizationProgress<P> {
  readonly current: TrainState<P, Record<string, never>>;
  /** One entry per finished step. */
  readonly history: History;
  /** What the numbers of the run depend on besides its state. */
  readonly settings: RunSettings;
  /** With `trajectory`: see {@link Minimization}. */
  readonly trajectory: readonly P[];
  readonly jumps: readonly Jump<P>[];
}

/** The course of a minimization. Entry t of each list is the point before step t; the last one is the end. */
export interface Minimization<P> {
  readonly params: P;
  readonly loss: readonly number[];
  readonly gradNormSq: readonly number[];
  /** Seconds of computation up to each point, including teleports but not compilation. */
  readonly seconds: readonly number[];
  /**
   * With `trajectory`: the parameters of each point, beginning with the checkpoint if it resumed from one. A
   * teleport before step t appears as a jump to point t.
   */
  readonly trajectory?: readonly P[] | undefined;
  /** With `trajectory`: the accepted teleports of these points. */
  readonly jumps?: readonly Jump<P>[] | undefined;
  readonly teleports: readonly TeleportEvent[];
  /** `diverged` if a loss or gradient is no longer finite: the lists then end before it. `stopped` by `onLoop`. */
  readonly status: "done" | "diverged" | "stopped";
}

/** A minimization, compiled. */
export interface Minimizer<M, O = Readonly<Record<never, never>>> {
  /**
   * Runs from the start to the end; may be called repeatedly. Just-in-time compilers make later runs faster
   * than the first.
   */
  run(options?: O): Promise<M>;
  dispose(): Promise<void>;
}

/** Throws unless `problem` is a MinimizationProblem. @throws OptionError */
export function requireProblem<P, B extends Batch>(owner: string, problem: MinimizationProblem<P, B>): void {
  if (typeof problem?.loss === "function" && problem.start !== undefined) return;
  const got =
    typeof problem === "object" && problem !== null ? Object.keys(problem).join(", ") : typeof problem;
  throw new OptionError(
    `${owner} takes a problem { loss, start, batch }, such as rosenbrock(), and then its options; got ${got || "no entries"}.`,
  );
}

/**
 * The start of a run, checked against that of the problem.
 *
 * @throws OptionError for other names; ShapeError, DTypeError for arrays of another form
 */
export function startOf<P>(owner: string, start: P, given: P | undefined): P {
  if (given === undefined) return start;
  const like = flatten<NdArray>(start, isNdArray);
  const leaves = leavesIfLike<NdArray>(like.def, given, isNdArray);
  const names = like.paths.map((path) => path || "an array").join(", ");
  if (leaves === undefined) {
    throw new OptionError(`${owner}: start must be a tree like the problem's start: ${names}.`);
  }
  like.leaves.forEach((leaf, i) => {
    const [expected, got] = [leaf, leaves[i]].map((x) => formatShape(x.shape));
    if (got !== expected) {
      throw new ShapeError(`${owner}: start.${like.paths[i]} must have the shape ${expected}; got ${got}.`);
    }
    if (dtypeOf(leaf) !== dtypeOf(leaves[i])) {
      throw new DTypeError(
        `${owner}: start.${like.paths[i]} must be ${dtypeOf(leaf)}; got ${dtypeOf(leaves[i])}.`,
      );
    }
  });
  return given;
}
