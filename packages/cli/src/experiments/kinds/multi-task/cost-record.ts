import { mean, pickBy } from "es-toolkit";
import type { BeforeStep, CostReport, StepChange } from "isoloss/mtl";
import type { RunMeasurements } from "../../../formats/json.js";
import type { StepRecord } from "../../../run/directory.js";
import type { Tree } from "../../catalogue/problems.js";
import type { JumpRecord } from "../../kind.js";
import { numbersOf } from "../../records/points.js";

type Teleport = NonNullable<RunMeasurements["teleports"]>[number];

/** ||g_0||^2 of the mean gradient: the mean of ||g_k|| cos(g_0, g_k) is ||g_0||. */
const meanGradientSq = (figures: CostReport["before"]): number =>
  figures === undefined
    ? Number.NaN
    : mean(figures.norms.map((norm, k) => norm * (norm > 0 ? figures.meanCosines[k] : 0))) ** 2;

/** The change of the losses that the guard judged: of the task that moved most, or the mean where that was asked for. */
function changeOf({ drift, judged }: CostReport) {
  if (drift === undefined) return undefined;
  return judged?.judge === "mean"
    ? { relative: drift.meanRelative, absolute: drift.mean }
    : { relative: drift.worstRelative, absolute: drift.worst };
}

/** An attempt at a COST teleport as the runs' documents have teleports: losses are means over the tasks. */
export function teleportOf(report: CostReport, tasks: readonly string[]): Teleport {
  const { step, before, after, drift, outcome, reason, seconds } = report;
  return {
    step,
    lossBefore: mean(before?.losses ?? []),
    lossAfter: mean((after ?? before)?.losses ?? []),
    drift: changeOf(report)?.relative ?? Number.NaN,
    ...(drift ? { drifts: Object.fromEntries(tasks.map((task, k) => [task, drift.relative[k]])) } : {}),
    gradNormSqBefore: meanGradientSq(before),
    gradNormSqAfter: meanGradientSq(after ?? before),
    accepted: outcome === "accepted",
    reason: outcome === "accepted" ? reason : `${outcome}: ${reason}`,
    seconds,
  };
}

/** The whole report as a line of a run's records. */
export const costRecord = (report: CostReport, tasks: readonly string[]): StepRecord =>
  ({ ...report, ...teleportOf(report, tasks), reason: report.reason }) as unknown as StepRecord;

export const jumpsOf = (events: readonly CostEvent[]): JumpRecord[] =>
  events.flatMap(({ step, from, to, outcome }) =>
    from && to && outcome === "accepted" ? [{ step, from, to }] : [],
  );

/**
 * Results of a run's teleports: what the guard judged of those that were accepted, and the largest change of each task's
 * loss; of guarded ones also the largest drift as a share of what the guard allows.
 */
export function costMetrics(
  reports: readonly CostReport[],
  { tasks, guarded }: { readonly tasks: readonly string[]; readonly guarded: boolean },
): Record<string, number> {
  const taken = reports.filter(({ outcome }) => outcome === "accepted");
  const count = (outcome: CostReport["outcome"]) => reports.filter((r) => r.outcome === outcome).length;
  const picked = (pick: (report: CostReport) => number | undefined) => taken.flatMap((r) => pick(r) ?? []);
  const over = (pick: (report: CostReport) => number | undefined) => mean(picked(pick));
  const largest = (pick: (report: CostReport) => number | undefined) => Math.max(0, ...picked(pick));
  const ofTasks = tasks.map((task, k) => [`cost.driftMax.${task}`, largest((r) => r.drift?.relative[k])]);
  return {
    "cost.attempts": reports.length,
    "cost.accepted": taken.length,
    "cost.negligible": count("negligible"),
    "cost.rejected": count("rejected"),
    ...pickBy(
      {
        "cost.displacement": over((r) => r.displacement),
        "cost.drift": over((r) => changeOf(r)?.relative),
        "cost.driftMax": largest((r) => changeOf(r)?.relative),
        ...Object.fromEntries(ofTasks),
        "cost.absoluteDriftMax": largest((r) => changeOf(r)?.absolute),
        ...(guarded ? { "cost.driftOfGuard": largest(({ judged: j }) => j && j.moved / j.bound) } : {}),
        "cost.cosineBefore": over((r) => mean(r.before?.cosines ?? [])),
        "cost.cosineAfter": over((r) => mean(r.after?.cosines ?? [])),
        "cost.stillDominated": over((r) =>
          r.stillDominated === undefined ? undefined : Number(r.stillDominated),
        ),
        "cost.ordinarySteps": over((r) => r.ordinarySteps),
      },
      Number.isFinite,
    ),
  };
}

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

export const secondsOf = (memory: unknown): number => (memory as ClockMemory | undefined)?.seconds ?? 0;
