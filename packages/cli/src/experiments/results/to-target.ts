// How soon runs come to where others end: steps and seconds, teleports included, and the loss at equal wall-clock.
import { mean } from "es-toolkit";
import { pairedRatio, type RatioSummary } from "../../run/statistics.js";
import type { JobResult } from "../kind.js";
import { formatNumber } from "./format-number.js";
import { finalLoss, firstAtMost, lossCurve } from "./loss-curve.js";

/** Runs against those of a baseline with the same seeds. */
export interface ToTarget {
  /** Mean final loss. */
  readonly finalLoss: number | null;
  /** How many runs came to the final loss of the baseline's run of their seed. */
  readonly reached: number;
  readonly seeds: number;
  /** Steps and seconds to there, as shares of the baseline's; null unless every run came there. */
  readonly steps: RatioSummary | null;
  readonly seconds: RatioSummary | null;
  /** Medians of the same over all seeds, where one that never comes there is beyond all; null where half of them do not. */
  readonly medianSteps: number | null;
  readonly medianSeconds: number | null;
  /** Loss at the wall-clock time at which the baseline ends, as a share of its final loss. */
  readonly equalTime: RatioSummary | null;
  /** Last validation loss, as a share of the baseline's; null without validation data. */
  readonly validation: RatioSummary | null;
}

/** Mean of the runs' final losses; null where one has none. */
export function meanFinalLoss(runs: readonly JobResult[]): number | null {
  const last = runs.map((r) => finalLoss(r));
  if (last.length === 0 || last.includes(null)) return null;
  return mean(last as number[]);
}

/** Compares runs with those of a baseline, seed by seed. */
export function toTarget(plain: readonly JobResult[], others: readonly JobResult[]): ToTarget {
  const pairs = plain.flatMap((p) => {
    const other = others.find((o) => o.seed === p.seed);
    return other ? [{ plain: p, other }] : [];
  });
  const reached = pairs.flatMap(({ plain: p, other }) => {
    const target = finalLoss(p);
    // Losses that are noisy come to their last value before the end: both runs are asked when they come there first.
    const [own, theirs] = target === null ? [] : [p, other].map((run) => arrival(run, target));
    return own && theirs
      ? [{ steps: [theirs.step, own.step], seconds: [theirs.seconds, own.seconds] } as const]
      : [];
  });
  const isComplete = reached.length === plain.length;
  const ratio = (lists: readonly (readonly [number, number])[]) =>
    lists.length > 0 && lists.flat().every((v) => Number.isFinite(v) && v > 0)
      ? pairedRatio(
          lists.map(([a]) => a),
          lists.map(([, b]) => b),
        )
      : null;
  const losses = pairs.map(
    ({ plain: p, other }) => [lossAt(other, p.seconds.at(-1) ?? 0), finalLoss(p) ?? Number.NaN] as const,
  );
  const validations = pairs.map(({ plain: p, other }) => [validationOf(other), validationOf(p)] as const);
  return {
    finalLoss: meanFinalLoss(others),
    reached: reached.length,
    seeds: plain.length,
    steps: isComplete ? ratio(reached.map((r) => r.steps)) : null,
    seconds: isComplete ? ratio(reached.map((r) => r.seconds)) : null,
    medianSteps: medianOf(
      reached.map((r) => r.steps),
      plain.length,
    ),
    medianSeconds: medianOf(
      reached.map((r) => r.seconds),
      plain.length,
    ),
    equalTime: pairs.length === plain.length ? ratio(losses) : null,
    validation: pairs.length === plain.length ? ratio(validations) : null,
  };
}

const validationOf = ({ document }: JobResult): number => document.metrics["validation.loss"] ?? Number.NaN;

/** The median of ratios among so many, the others infinite. */
function medianOf(ratios: readonly (readonly [number, number])[], of: number): number | null {
  const sorted = ratios.map(([a, b]) => a / b).sort((a, b) => a - b);
  const [low, high] = [sorted[Math.ceil(of / 2) - 1], sorted[Math.floor(of / 2)]];
  return low === undefined || high === undefined ? null : (low + high) / 2;
}

/** When a run's loss first is at or below a target. */
function arrival(
  run: JobResult,
  target: number,
): { readonly step: number; readonly seconds: number } | undefined {
  const step = firstAtMost(lossCurve(run), target);
  if (step === undefined) return undefined;
  // Entry t of the lists is the point before step t; a point at the start is worth one step.
  const at = Math.min(Math.max(1, step), run.seconds.length - 1);
  return { step: at, seconds: Math.max(run.seconds[at], 1e-9) };
}

/** The loss of a run at a time; its last one after its end. NaN where it has none yet. */
function lossAt(run: JobResult, seconds: number): number {
  const { losses } = lossCurve(run);
  const after = run.seconds.findIndex((s) => s > seconds);
  const index = (after < 0 ? run.seconds.length : after) - 1;
  return losses[Math.min(index, losses.length - 1)] ?? Number.NaN;
}

/** A ratio with its interval, as text: "0.27 [0.20, 0.36]". */
export function ratioText(ratio: RatioSummary | null): string {
  if (ratio === null) return "-";
  const { interval } = ratio;
  return `${formatNumber(ratio.ratio, 3)}${interval === null ? "" : ` [${formatNumber(interval[0], 3)}, ${formatNumber(interval[1], 3)}]`}`;
}

/** How many times sooner or later, as text: "1.8 times sooner [1.5, 2.2]"; no claim where the interval contains 1. */
export function soonerText({ ratio, interval }: RatioSummary): string {
  const span = (low: number, high: number) => {
    const [a, b] = [formatNumber(low, 3), formatNumber(high, 3)];
    return a === b ? "" : ` [${a}, ${b}]`;
  };
  if (interval && interval[0] < 1 && interval[1] > 1) {
    return `from ${formatNumber(1 / interval[0], 3)} times sooner to ${formatNumber(interval[1], 3)} times later`;
  }
  if (ratio === 1) return "at the same time";
  return ratio < 1
    ? `${formatNumber(1 / ratio, 3)} times sooner${interval ? span(1 / interval[1], 1 / interval[0]) : ""}`
    : `${formatNumber(ratio, 3)} times later${interval ? span(...interval) : ""}`;
}
