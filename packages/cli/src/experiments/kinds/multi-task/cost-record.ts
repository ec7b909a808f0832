import { mean } from "es-toolkit";
import type { CostReport, DriftGuardOptions } from "isoloss";
import type { RunMeasurements } from "../../../formats/json.js";
import type { StepRecord } from "../../../run/directory.js";
import type { JumpRecord } from "../../kind.js";
import type { CostEvent } from "./cost-clock.js";

type Teleport = NonNullable<RunMeasurements["teleports"]>[number];

/** ||g_0||^2 of the mean gradient: the mean of ||g_k|| cos(g_0, g_k) is ||g_0||. */
const meanGradientSq = (figures: CostReport["before"]): number =>
  figures === undefined
    ? Number.NaN
    : mean(figures.norms.map((norm, k) => norm * (norm > 0 ? figures.meanCosines[k] : 0))) ** 2;

/** An attempt at a COST teleport as the runs' documents have teleports: losses are means over the tasks. */
export function teleportOf(report: CostReport): Teleport {
  const { step, before, after, drift, outcome, reason, seconds } = report;
  return {
    step,
    lossBefore: mean(before?.losses ?? []),
    lossAfter: mean((after ?? before)?.losses ?? []),
    drift: drift?.meanRelative ?? Number.NaN,
    gradNormSqBefore: meanGradientSq(before),
    gradNormSqAfter: meanGradientSq(after ?? before),
    accepted: outcome === "accepted",
    reason: outcome === "accepted" ? reason : `${outcome}: ${reason}`,
    seconds,
  };
}

/** The whole report as a line of a run's records. */
export const costRecord = (report: CostReport): StepRecord =>
  ({ ...report, ...teleportOf(report), reason: report.reason }) as unknown as StepRecord;

export const jumpsOf = (events: readonly CostEvent[]): JumpRecord[] =>
  events.flatMap(({ step, from, to, outcome }) =>
    from && to && outcome === "accepted" ? [{ step, from, to }] : [],
  );

/** Results of a run's teleports; with a guard also the largest drift that was accepted as a share of what it allows. */
export function costMetrics(
  reports: readonly CostReport[],
  guard: DriftGuardOptions | false,
): Record<string, number> {
  const taken = reports.filter(({ outcome }) => outcome === "accepted");
  const count = (outcome: CostReport["outcome"]) => reports.filter((r) => r.outcome === outcome).length;
  const over = (pick: (report: CostReport) => number | undefined) =>
    mean(taken.flatMap((r) => pick(r) ?? []));
  const drifts = taken.map(({ drift }) => ({
    relative: drift?.meanRelative ?? 0,
    absolute: drift?.mean ?? 0,
  }));
  const largest = (kind: "relative" | "absolute") => Math.max(0, ...drifts.map((d) => d[kind]));
  return {
    "cost.attempts": reports.length,
    "cost.accepted": taken.length,
    "cost.negligible": count("negligible"),
    "cost.rejected": count("rejected"),
    ...finite({
      "cost.displacement": over((r) => r.displacement),
      "cost.drift": over((r) => r.drift?.meanRelative),
      "cost.driftMax": largest("relative"),
      "cost.absoluteDriftMax": largest("absolute"),
      ...(guard ? { "cost.driftOfGuard": largest(guard.kind ?? "relative") / (guard.drift ?? 0) } : {}),
      "cost.cosineBefore": over((r) => mean(r.before?.cosines ?? [])),
      "cost.cosineAfter": over((r) => mean(r.after?.cosines ?? [])),
      "cost.stillDominated": over((r) =>
        r.stillDominated === undefined ? undefined : Number(r.stillDominated),
      ),
      "cost.ordinarySteps": over((r) => r.ordinarySteps),
    }),
  };
}

const finite = (values: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => Number.isFinite(value)));
