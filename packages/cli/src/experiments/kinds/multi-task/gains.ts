import { type Summary, summarize } from "isoloss/internal";
import type { Judgement } from "../../../run/report-html.js";
import type { Controls, Finding, JobResult } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { besideControls, pairsOf } from "../../results/to-target.js";
import { plainOf, variantsOf } from "./plain.js";

/** What a variant with COST, or a control of it, has in mean test accuracy that another variant has not, in points. */
export interface Gain {
  readonly over: string;
  /** Over the pairs of runs with the same seed of which none diverged; null: there is no such pair. */
  readonly points: Summary | null;
  /** The pairs of which one diverged. */
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

const hasDiverged = ({ document }: JobResult): boolean => document.status === "diverged";

/** Of a run that diverged: none, although it may have been evaluated before. */
const accuracyOf = (result: JobResult): number =>
  hasDiverged(result) ? Number.NaN : (result.document.metrics["test.accuracy"] ?? Number.NaN);

/** The gains of all variants with COST. Seeds without a partner are left out. */
export function gainRows(results: readonly JobResult[], controls: Controls = {}): GainRow[] {
  const groups = byVariant(results.filter((r) => hasDiverged(r) || Number.isFinite(accuracyOf(r))));
  const variants = variantsOf(groups);
  return [...groups].flatMap(([name, group]): GainRow[] => {
    const plain = plainOf(variants, group[0].settings);
    if (plain === undefined) return [];
    const gainOver = (over: string): Gain => {
      const differences = pairsOf(group, groups.get(over) ?? []).map(
        ([own, other]) => 100 * (accuracyOf(own) - accuracyOf(other)),
      );
      const known = differences.filter(Number.isFinite);
      const points = known.length > 0 ? summarize(known) : null;
      return { over, points, lost: differences.length - known.length };
    };
    const beside = controls[plain] ?? [];
    const isControl = beside.includes(name);
    const diverged = group.filter(hasDiverged).length;
    return [
      { name, isControl, diverged, plain: gainOver(plain), controls: isControl ? [] : beside.map(gainOver) },
    ];
  });
}

/**
 * Whether networks with COST end with more accuracy than without it and than its controls; only intervals decide, and runs with COST
 * that diverged.
 */
export const gainFindings = (results: readonly JobResult[], controls: Controls): Finding[] =>
  gainRows(results, controls)
    .filter(({ isControl }) => !isControl)
    .map((row) => {
      const { judgment, why = "" } = judgementOf(row);
      const gains = [row.plain, ...row.controls].map(gainText).join(", ");
      return {
        title: row.name,
        judgment,
        text: `Gain in mean accuracy of ${row.name}, in points, over ${gains}.${why}`,
      };
    });

function judgementOf({ diverged, plain, controls }: GainRow): {
  readonly judgment: Judgement;
  readonly why?: string;
} {
  const { interval } = plain.points ?? {};
  if (diverged > 0 || (interval && interval[1] < 0)) return { judgment: "does not help" };
  if (!isAbove(plain)) return { judgment: "undecided" };
  const judgment = besideControls(controls.map(isAbove));
  if (judgment !== "undecided") return { judgment };
  const names = controls.filter((control) => isAbove(control) === undefined).map(({ over }) => over);
  return { judgment, why: ` Too few runs of a control to compare with: ${names.join(", ")}.` };
}

/** Undefined where too few runs tell. */
const isAbove = ({ points }: Gain): boolean | undefined =>
  points?.interval ? points.interval[0] > 0 : undefined;

/** How many pairs a gain leaves out. */
export const lostText = ({ lost }: Gain): string => (lost > 0 ? ` (${lost} diverged)` : "");

function gainText(gain: Gain): string {
  const { over, points } = gain;
  const interval = points?.interval ? ` [${points.interval.map((v) => v.toFixed(2)).join(", ")}]` : "";
  return `${over}: ${points === null ? "-" : `${points.mean.toFixed(2)}${interval}`}${lostText(gain)}`;
}
