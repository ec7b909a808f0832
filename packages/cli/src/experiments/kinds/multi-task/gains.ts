import type { Judgement } from "../../../run/report-html.js";
import { type Summary, summarize } from "../../../run/statistics.js";
import type { Controls, Finding, JobResult } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { plainKey } from "./plain.js";

/** What a variant with COST, or a control of it, has in mean test accuracy that another variant has not, in points. */
export interface Gain {
  readonly over: string;
  /** Over the pairs of runs with the same seed of which none diverged; null: there is no such pair. */
  readonly points: Summary | null;
  /** The other pairs. */
  readonly lost: number;
}

/** A variant with COST beside the same method without it, and beside COST's controls. */
export interface GainRow {
  readonly name: string;
  readonly isControl: boolean;
  /** Its own runs that diverged. */
  readonly diverged: number;
  readonly plain: Gain;
  /** Of controls: none. */
  readonly controls: readonly Gain[];
}

const costOf = ({ settings }: JobResult) => settings.cost as { readonly control?: string } | undefined;

const hasDiverged = ({ document }: JobResult): boolean => document.status === "diverged";

/** Of a run that diverged: none, although it may have been evaluated before. */
const accuracyOf = (result: JobResult): number =>
  hasDiverged(result) ? Number.NaN : (result.document.metrics["test.accuracy"] ?? Number.NaN);

/**
 * The gains of all variants with COST. Seeds without a partner are left out.
 *
 * @param declared further controls than those of COST
 */
export function gainRows(results: readonly JobResult[], declared: Controls = {}): GainRow[] {
  const groups = [...byVariant(results.filter((r) => hasDiverged(r) || Number.isFinite(accuracyOf(r))))];
  return groups.flatMap(([name, group]): GainRow[] => {
    if (costOf(group[0]) === undefined) return [];
    const key = plainKey(group[0].settings);
    const like = groups.filter(([, [first]]) => plainKey(first.settings) === key);
    const gainOver = ([over, others]: readonly [string, readonly JobResult[]]): Gain[] => {
      const differences = group.flatMap((r) => {
        const other = others.find(({ seed }) => seed === r.seed);
        return other ? [100 * (accuracyOf(r) - accuracyOf(other))] : [];
      });
      if (differences.length === 0) return [];
      const known = differences.filter(Number.isFinite);
      const points = known.length > 0 ? summarize(known) : null;
      return [{ over, points, lost: differences.length - known.length }];
    };
    const [plain] = like.filter(([, [first]]) => costOf(first) === undefined).flatMap(gainOver);
    if (plain === undefined) return [];
    const isControl = costOf(group[0])?.control !== undefined;
    const controls = groups.filter(
      ([other, [first]]) =>
        !isControl &&
        (declared[plain.over]?.includes(other) ||
          (plainKey(first.settings) === key && costOf(first)?.control !== undefined)),
    );
    const diverged = group.filter(hasDiverged).length;
    return [{ name, isControl, diverged, plain, controls: controls.flatMap(gainOver) }];
  });
}

/**
 * Whether networks with COST end with more accuracy than without it and than its controls; only intervals decide, and runs with COST
 * that diverged.
 */
export const gainFindings = (results: readonly JobResult[], declared: Controls = {}): Finding[] =>
  gainRows(results, declared)
    .filter(({ isControl }) => !isControl)
    .map(({ name, diverged, plain, controls }) => ({
      title: name,
      judgment: diverged > 0 ? "does not help" : judgementOf(plain, controls),
      text: `Gain in mean accuracy of ${name}, in points, over ${[plain, ...controls].map(gainText).join(", ")}.`,
    }));

function judgementOf(plain: Gain, controls: readonly Gain[]): Judgement {
  const { interval } = plain.points ?? {};
  if (interval && interval[1] < 0) return "does not help";
  if (!isAbove(plain)) return "undecided";
  return controls.every(isAbove) ? "helps" : "no better than a control";
}

const isAbove = ({ points }: Gain): boolean => points?.interval != null && points.interval[0] > 0;

/** How many pairs a gain leaves out. */
export const lostText = ({ lost }: Gain): string => (lost > 0 ? ` (${lost} diverged)` : "");

function gainText(gain: Gain): string {
  const { over, points } = gain;
  const interval = points?.interval ? ` [${points.interval.map((v) => v.toFixed(2)).join(", ")}]` : "";
  return `${over}: ${points === null ? "-" : `${points.mean.toFixed(2)}${interval}`}${lostText(gain)}`;
}
