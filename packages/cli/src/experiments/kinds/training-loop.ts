import { earlyStoppingOptions, NumericalError, OptionError, type RunResult } from "isoloss";
import { z } from "zod";
import { count, fromZero, positive } from "../catalogue/named.js";
import { schemaOf } from "../catalogue/schema-of.js";
import type { Evaluation, JobContext, JobProgress, Measured } from "../kind.js";
import { checkpointClock, pausesOf } from "../records/pauses.js";

export const computeSettings = {
  runtime: z.enum(["auto", "javascript", "onnx"]).meta({ title: "runtime" }).optional(),
  /** Execution provider of ONNX Runtime, such as cuda or webgpu; default the processor. */
  provider: z.string().min(1).optional(),
  /** Of one run; several runs at a time each have as many. */
  threads: count.optional(),
};

export type ComputeSettings = z.output<z.ZodObject<typeof computeSettings>>;

export const computedBy = ({ runtime, provider, threads }: ComputeSettings): ComputeSettings => ({
  runtime,
  provider,
  threads,
});

/** @throws OptionError where the length of a run is not given, or twice */
export function requireLength(run: string, { epochs, steps }: Pick<EpochSettings, "epochs" | "steps">): void {
  if ((epochs === undefined) !== (steps === undefined)) return;
  const why =
    steps === undefined
      ? "give one"
      : `both are given, epochs: ${epochs} and steps: ${steps}. Set the one that the file has, or leave it out there`;
  throw new OptionError(`${run} needs either epochs or steps: ${why}.`);
}

/** Settings of how long a run trains, and of what happens at the ends of epochs. */
export const epochSettings = {
  epochs: positive.optional(),
  steps: fromZero.optional(),
  /** Epochs between evaluations; default 1. */
  evaluateEvery: positive.optional(),
  /** Ends the run when a quantity of the validation data, measured after each epoch, stops improving; null: it does not. */
  earlyStopping: schemaOf({ options: earlyStoppingOptions }).nullable().optional(),
  /** `restore`: a complete run ends with its best epoch, by the quantity of `earlyStopping` or the validation loss. */
  best: z.enum(["restore"]).optional(),
};

export type EpochSettings = z.output<z.ZodObject<typeof epochSettings>>;

/**
 * Options of a trainer's runs for what it measures after each epoch. The loop has many runs: only the end of the whole restores the
 * best epoch.
 *
 * @throws OptionError without validation data
 */
export function watchedBy<D, M>(
  { earlyStopping: given, best }: EpochSettings,
  { validation, metrics }: { readonly validation: D | undefined; readonly metrics: M },
) {
  const earlyStopping = given ?? undefined;
  if (earlyStopping === undefined && best === undefined) return {};
  if (validation === undefined) {
    throw new OptionError(
      `${earlyStopping ? "earlyStopping" : "best"} chooses by the validation data, and this run has none: hold a part of its data out, such as validation: 0.2.`,
    );
  }
  return { validation, metrics, earlyStopping, ...(best ? { best: "keep" as const } : {}) };
}

/** What the loop needs of a training, of one loss or of several tasks. */
export interface Training {
  readonly trainer: {
    readonly current: { readonly step: number };
    readonly stepsPerEpoch: number;
  };
  /** Trains, at most so many steps: fewer where early stopping ends the run. */
  run(options: { readonly steps: number; readonly reportEvery: number }): Promise<RunResult>;
  /** Steps to do, as far as that is known. */
  length(): number;
  /** Whether the training ends early, at its current step. */
  isThere?(): boolean;
  readonly evaluateEvery: number;
  /** Measures the figures on the evaluation data, which the loop records. Left out: there are none. */
  evaluate?(): Promise<Evaluation>;
  /** Those of the resumed run; the loop adds its own. */
  readonly evaluations: Evaluation[];
  /** Steps between calls of `onStop`. */
  readonly stopEvery?: number;
  onStop?(): void;
  /** Appends what is new to the run's records. */
  append(): void;
  /** Called after the last step of a run that is complete, before its checkpoint. */
  onEnd?(): Promise<unknown>;
  encodeCheckpoint(): Uint8Array;
  /** The state after the last steps. */
  progressOf(steps: number): Pick<JobProgress, "loss" | "gradNormSq" | "teleports">;
}

/**
 * Trains to the end, or until the user stops it, a pause does, or the loss is no longer finite: with evaluations, records,
 * checkpoints and progress.
 */
export async function trainingLoop(training: Training, context: JobContext): Promise<Measured["status"]> {
  const { trainer, evaluations, evaluateEvery, stopEvery = Infinity } = training;
  const stepNow = () => trainer.current.step;
  const clock = checkpointClock(context, stepNow());
  const pauses = pausesOf(context, { length: training.length(), stepsPerEpoch: trainer.stepsPerEpoch });
  const evaluate = async () => {
    if (!training.evaluate) return;
    const evaluation = await training.evaluate();
    evaluations.push(evaluation);
    context.directory?.appendMetrics([evaluation]);
  };
  /** A metric at a pause. What is evaluated there alone is no evaluation of the run: its results would change. */
  const measure = async (metric: string): Promise<number | undefined> => {
    if (metric === "loss") return training.progressOf(Math.max(1, Math.floor(stepNow() / 50))).loss;
    const last = evaluations.at(-1);
    return (last?.step === stepNow() ? last : await training.evaluate?.())?.[metric];
  };
  const saveCheckpoint = async () => {
    clock.saved(stepNow());
    await context.directory?.saveCheckpoint(stepNow(), training.encodeCheckpoint());
  };
  const reportEvery = Math.min(200, Math.max(10, Math.ceil(training.length() / 100)));
  let status: Measured["status"] = "completed";
  while (stepNow() < training.length() && !training.isThere?.()) {
    const step = stepNow();
    if (context.shouldStop()) {
      status = "interrupted";
      break;
    }
    if (await pauses.isStopped(step, measure)) {
      status = "pruned";
      break;
    }
    training.onStop?.();
    const steps = Math.min(
      reportEvery,
      training.length() - step,
      evaluateEvery - (step % evaluateEvery),
      stopEvery - (step % stopEvery),
      clock.stepsLeft(step),
      pauses.stepsLeft(step),
    );
    const begin = performance.now();
    let isOver = false;
    try {
      isOver = (await training.run({ steps, reportEvery: steps })).status === "stopped";
    } catch (error) {
      if (!(error instanceof NumericalError)) throw error;
      status = "diverged";
      break;
    }
    const at = stepNow();
    // Early stopping may end the run where the steps before ended.
    if (at === step) break;
    training.append();
    if (at % evaluateEvery === 0 && at < training.length()) await evaluate();
    if (clock.isDue(at)) await saveCheckpoint();
    context.progress({
      step: at,
      steps: training.length(),
      ...training.progressOf(at - step),
      stepsPerSecond: (1000 * (at - step)) / (performance.now() - begin),
    });
    if (isOver) break;
  }
  // A resumed run does not repeat evaluations.
  if (status === "completed" && evaluations.at(-1)?.step !== stepNow()) await evaluate();
  if (status === "completed") await training.onEnd?.();
  await saveCheckpoint();
  return status;
}
