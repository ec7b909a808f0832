import { OptionError } from "isoloss";
import type { JobContext, PausePlan } from "../kind.js";

export interface Pauses {
  /** Ascending, below the run's length. */
  readonly steps: readonly number[];
  /** Steps to the next one, at least 1; Infinity: there is none. */
  stepsLeft(step: number): number;
  /**
   * Reports the metric if the run is at a pause, and waits for the answer: whether it ends there. A run that was resumed
   * at a pause asks again.
   *
   * @param measure the metric at this step; undefined where the run has none
   */
  isStopped(step: number, measure: (metric: string) => Measurement): Promise<boolean>;
}

type Measurement = number | undefined | Promise<number | undefined>;

/** @param run its length in steps, and steps in a pass over its data */
export function pausesOf(
  { pauses: plan, report, before, directory }: JobContext,
  run: { readonly length: number; readonly stepsPerEpoch: number },
): Pauses {
  if (!plan || !report) return { steps: [], stepsLeft: () => Infinity, isStopped: async () => false };
  const rungs = rungsIn(plan, run);
  const steps = [...rungs.keys()];
  const values = new Map((before?.metrics ?? []).flatMap(pauseRecord));
  return {
    steps,
    stepsLeft: (step) => (steps.find((at) => at > step) ?? Infinity) - step,
    async isStopped(step, measure) {
      const rung = rungs.get(step);
      if (rung === undefined) return false;
      if (!values.has(step)) {
        const value = await measure(plan.metric);
        if (value === undefined) {
          throw new OptionError(
            `This run has no ${plan.metric} to compare it by at step ${step}. For validation.loss, data needs a validation share.`,
          );
        }
        values.set(step, value);
        directory?.appendMetrics([{ step, pause: value }]);
      }
      const upToNow = steps.filter((at) => at <= step).map((at) => values.get(at) ?? Number.NaN);
      return (await report({ rung, step, values: upToNow })) === "stop";
    },
  };
}

function rungsIn(
  { from, factor, every, below = Infinity, unit }: PausePlan,
  { length, stepsPerEpoch }: { readonly length: number; readonly stepsPerEpoch: number },
): Map<number, number> {
  const size = unit === "epochs" ? stepsPerEpoch : 1;
  if (!Number.isFinite(size)) {
    throw new OptionError("Pauses in epochs need a run with epochs; this one has none: count steps.");
  }
  // In steps: 100 / 27 times 27 is a little less than 100.
  const end = Math.min(length, Math.round(below * size));
  const rungs = new Map<number, number>();
  for (let rung = from; ; ) {
    const step = Math.max(1, Math.round(rung * size));
    if (step >= end) break;
    if (!rungs.has(step)) rungs.set(step, rung);
    if (factor !== undefined) rung *= factor;
    else if (every !== undefined) rung += every;
    else break;
  }
  return rungs;
}

/** The value of an earlier part of the run, which was reported at a pause. */
function pauseRecord({ step, pause }: { readonly [key: string]: unknown }): [number, number][] {
  return typeof step === "number" && pause !== undefined
    ? [[step, (pause as number | null) ?? Number.NaN]]
    : [];
}

/** Decides when a run's next checkpoint is due. @param step at which the run starts or resumes */
export function checkpointClock({ checkpointSeconds, checkpointSteps = Infinity }: JobContext, step: number) {
  let last = step;
  let at = performance.now();
  return {
    /** Steps that may be done before the next one, at least 1. */
    stepsLeft: (now: number) => Math.max(1, last + checkpointSteps - now),
    isDue: (now: number) =>
      performance.now() - at >= 1000 * checkpointSeconds || now - last >= checkpointSteps,
    /** Call this when one is written. */
    saved(now: number) {
      last = now;
      at = performance.now();
    },
  };
}
