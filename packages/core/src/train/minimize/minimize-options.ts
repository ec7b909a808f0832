import type { Batch, BatchLoss } from "../../batch.js";
import { OptionError } from "../../errors.js";
import type { Optimizer } from "../../optim/optimizer.js";
import type { CompileOptions } from "../../runtime/compile.js";
import type { Checkpoint } from "../checkpoint.js";
import type { History } from "../history.js";
import type { ResumeOptions, RunSettings } from "../run-settings.js";
import type { LearningRate } from "../run-steps.js";
import type { TrainState } from "../state.js";
import type { TeleportEvent, TeleportPlan } from "../teleports.js";

/** What is minimized: a problem of `problems/`, or one's own. */
export interface MinimizationProblem<P, B extends Batch = Batch> {
  readonly loss: BatchLoss<P, B>;
  readonly start: P;
  /** Data that the loss sees; default none. */
  readonly batch?: B | undefined;
}

export interface MinimizeOptions<P, B extends Batch = Batch> extends Omit<CompileOptions, "scan" | "dtype"> {
  readonly optimizer: Optimizer;
  /** A number, or a function of the step (0, 1, ...). */
  readonly learningRate: LearningRate;
  readonly steps: number;
  /** Default none. */
  readonly teleport?: TeleportPlan<P, B> | undefined;
  /** Whether the parameters of every step are kept, and where teleports led; default false. */
  readonly trajectory?: boolean | undefined;
}

/** How one run of a minimization goes. */
export interface MinimizeRunOptions<P> {
  /** Told some times a second where the run is; `true` ends it there. */
  readonly onLoop?:
    | ((at: MinimizationProgress<P>) => boolean | undefined | Promise<boolean | undefined>)
    | undefined;
  /** To go on with, of a run with the same problem and options: it ends with the same numbers, bit for bit. */
  readonly checkpoint?: Checkpoint | undefined;
  /** Settings that may differ from those of the checkpoint's run: see {@link ResumeOptions}. */
  readonly allowChanges?: ResumeOptions["allowChanges"] | undefined;
}

/** Names of the options of a run, and of a minimization. */
export const runOptions = ["onLoop", "checkpoint", "allowChanges"] as const;
export const minimizeOptions = [
  ...(["optimizer", "learningRate", "steps", "teleport", "trajectory"] as const),
  ...(["runtime", "provider", "threads"] as const),
];

/** A teleport that was accepted, with the points that it led from and to. */
export interface Jump<P> {
  readonly step: number;
  readonly from: P;
  readonly to: P;
}

/** A minimization under way: `encodeCheckpoint(progress)` is its checkpoint. */
export interface MinimizationProgress<P> {
  readonly current: TrainState<P, Record<string, never>>;
  /** One entry a step that was done. */
  readonly history: History;
  /** What the numbers of the run depend on besides its state. */
  readonly settings: RunSettings;
  /** With `trajectory`: see {@link Minimization}. */
  readonly trajectory: readonly P[];
  readonly jumps: readonly Jump<P>[];
}

/** What a minimization went through. Entry t of each list is the point before step t; the last one is the end. */
export interface Minimization<P> {
  readonly params: P;
  readonly loss: readonly number[];
  readonly gradNormSq: readonly number[];
  /** Seconds of computing up to each point, teleports included, compilation not. */
  readonly seconds: readonly number[];
  /**
   * With `trajectory`: the parameters of each point, from the checkpoint on where it went on from one. A teleport before
   * step t shows as a jump to point t.
   */
  readonly trajectory?: readonly P[] | undefined;
  /** With `trajectory`: the accepted teleports of these points. */
  readonly jumps?: readonly Jump<P>[] | undefined;
  readonly teleports: readonly TeleportEvent[];
  /** `diverged` where a loss or gradient is no longer finite: the lists then end before it. `stopped` by `onLoop`. */
  readonly status: "done" | "diverged" | "stopped";
}

/** A minimization, compiled. */
export interface Minimizer<M, O = Readonly<Record<never, never>>> {
  /** From the start to the end; again and again. Just-in-time compilers make later runs faster than the first. */
  run(options?: O): Promise<M>;
  dispose(): Promise<void>;
}

/** Refuses what is no problem. @throws OptionError */
export function requireProblem<P, B extends Batch>(owner: string, problem: MinimizationProblem<P, B>): void {
  if (typeof problem?.loss === "function" && problem.start !== undefined) return;
  const got =
    typeof problem === "object" && problem !== null ? Object.keys(problem).join(", ") : typeof problem;
  throw new OptionError(
    `${owner} takes a problem { loss, start, batch }, such as rosenbrock(), and then its options; got ${got || "no entries"}.`,
  );
}
