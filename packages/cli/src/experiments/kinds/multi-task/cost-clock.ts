import type { BeforeStep, CostReport, StepChange } from "isoloss/mtl";
import type { Tree } from "../../catalogue/problems.js";
import { numbersOf } from "../../records/points.js";

/** What the hook keeps: COST's own memory, and the seconds that it has taken. */
interface ClockMemory {
  readonly own: unknown;
  readonly seconds: number;
}

/** A report with the points of a plane that the teleport led from and to. */
export type CostEvent = CostReport & { readonly from?: readonly number[]; readonly to?: readonly number[] };

export interface ClockOptions {
  /** Attempts are made and measured, and nothing is moved. */
  readonly idle: boolean;
  /** From this step on there are no attempts. */
  readonly end: number;
  /** Whether the method needs the Gramian in any case. */
  readonly hasGramian: boolean;
  /** Whether reports say where they led. */
  readonly isPlanar: boolean;
}

/**
 * A hook that keeps the time of another one. The Gramian that shows a conflict counts where the method does without it.
 */
export function clocked(
  hook: BeforeStep<Tree>,
  { idle, end, hasGramian, isPlanar }: ClockOptions,
): BeforeStep<Tree> {
  return async (context) => {
    if (context.step >= end) return undefined;
    const begin = performance.now();
    const { own, seconds } = (context.memory as ClockMemory | undefined) ?? { own: undefined, seconds: 0 };
    const change: StepChange<Tree> = (await hook({ ...context, memory: own })) ?? {};
    const report = change.event as CostReport | undefined;
    const spent = hasGramian ? (report?.seconds ?? 0) : (performance.now() - begin) / 1000;
    const memory: ClockMemory = { own: change.memory ?? own, seconds: seconds + spent };
    if (idle)
      return { memory, ...(report ? { event: { ...report, outcome: "rejected", reason: idleReason } } : {}) };
    const place =
      isPlanar && change.params !== undefined
        ? { from: numbersOf(context.params), to: numbersOf(change.params) }
        : {};
    return { ...change, memory, ...(report ? { event: { ...report, ...place } } : {}) };
  };
}

const idleReason = "a control: its time is spent on ordinary steps";

/** Seconds that teleports have taken so far. */
export const secondsOf = (memory: unknown): number => (memory as ClockMemory | undefined)?.seconds ?? 0;
