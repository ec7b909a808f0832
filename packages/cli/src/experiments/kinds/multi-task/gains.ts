import type { Judgement } from "../../../run/report-html.js";
import { type Summary, summarize } from "../../../run/statistics.js";
import type { Finding, JobResult } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { plainKey } from "./plain.js";

/** What a variant with COST, or a control of it, has in mean test accuracy that another variant has not, in points. */
export interface Gain {
  readonly over: string;
  /** Over the pairs of runs with the same seed. */
  readonly points: Summary;
}

/** A variant with COST beside the same method without it, and beside COST's controls. */
export interface GainRow {
  readonly name: string;
  readonly isControl: boolean;
  readonly plain: Gain;
  /** Of controls: none. */
  readonly controls: readonly Gain[];
}

const accuracyOf = ({ document }: JobResult): number => document.metrics["test.accuracy"] ?? Number.NaN;

const costOf = ({ settings }: JobResult) => settings.cost as { readonly control?: string } | undefined;

/** The gains of all variants with COST. Seeds without a partner, and runs that diverged, are left out. */
export function gainRows(results: readonly JobResult[]): GainRow[] {
  const groups = [...byVariant(results.filter((r) => Number.isFinite(accuracyOf(r))))];
  return groups.flatMap(([name, group]): GainRow[] => {
    if (costOf(group[0]) === undefined) return [];
    const key = plainKey(group[0].settings);
    const like = groups.filter(([, [first]]) => plainKey(first.settings) === key);
    const gainOver = ([over, others]: readonly [string, readonly JobResult[]]): Gain[] => {
      const differences = group.flatMap((r) => {
        const other = others.find(({ seed }) => seed === r.seed);
        return other ? [100 * (accuracyOf(r) - accuracyOf(other))] : [];
      });
      return differences.length > 0 ? [{ over, points: summarize(differences) }] : [];
    };
    const [plain] = like.filter(([, [first]]) => costOf(first) === undefined).flatMap(gainOver);
    if (plain === undefined) return [];
    const isControl = costOf(group[0])?.control !== undefined;
    const controls = like.filter(([, [first]]) => !isControl && costOf(first)?.control !== undefined);
    return [{ name, isControl, plain, controls: controls.flatMap(gainOver) }];
  });
}

/** Whether networks with COST end with more accuracy than without it and than its controls; only intervals decide. */
export const gainFindings = (results: readonly JobResult[]): Finding[] =>
  gainRows(results)
    .filter(({ isControl }) => !isControl)
    .map(({ name, plain, controls }) => ({
      title: name,
      judgment: judgementOf(plain, controls),
      text: `Gain in mean accuracy of ${name}, in points, over ${[plain, ...controls].map(gainText).join(", ")}.`,
    }));

function judgementOf(plain: Gain, controls: readonly Gain[]): Judgement {
  if (plain.points.interval === null) return "undecided";
  if (!isAbove(plain)) return "does not help";
  return controls.every(isAbove) ? "helps" : "no better than a control";
}

const isAbove = ({ points: { interval } }: Gain): boolean => interval !== null && interval[0] > 0;

const gainText = ({ over, points: { mean, interval } }: Gain): string =>
  `${over}: ${mean.toFixed(2)}${interval === null ? "" : ` [${interval.map((v) => v.toFixed(2)).join(", ")}]`}`;
