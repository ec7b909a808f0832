import { type Summary, summarize } from "isoloss/internal";
import type { Finding, JobResult, Role, Roles } from "../../kind.js";
import { byVariant } from "../../results/summary.js";
import { pairsOf } from "../../results/to-target.js";
import { alternativeTexts, differenceStanding, judged } from "../../results/verdict.js";
import { plainOf, variantsOf } from "./plain.js";

/** The mean test accuracy of a variant with COST, or with a role beside it, less that of another variant, in points. */
export interface Gain {
  readonly over: string;
  /** Over the pairs of runs with the same seed of which none diverged; null: there is no such pair. */
  readonly points: Summary | null;
  /** The pairs of which one diverged. */
  readonly lost: number;
}

/** A variant with COST beside the same method without it, and beside variants with a role. */
export interface GainRow {
  readonly name: string;
  /** Of a variant that is no method. */
  readonly role: Role | undefined;
  /** Its own runs that diverged. */
  readonly diverged: number;
  readonly plain: Gain;
  /** Of a variant with a role: none. */
  readonly beside: readonly (Gain & { readonly role: Role })[];
}

const hasDiverged = ({ document }: JobResult): boolean => document.status === "diverged";

/** Of a run that diverged: none, although it may have been evaluated before. */
const accuracyOf = (result: JobResult): number =>
  hasDiverged(result) ? Number.NaN : (result.document.metrics["test.accuracy"] ?? Number.NaN);

/** The gains of all variants with COST. Seeds without a partner are left out. */
export function gainRows(results: readonly JobResult[], roles: Roles = {}): GainRow[] {
  const groups = byVariant(results.filter((r) => hasDiverged(r) || Number.isFinite(accuracyOf(r))));
  const variants = variantsOf(groups);
  if (!results.some((r) => Number.isFinite(accuracyOf(r)))) return [];
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
    const among = roles[plain] ?? {};
    const role = among[name];
    const beside = Object.entries(role === undefined ? among : {}).map(([over, its]) => ({
      ...gainOver(over),
      role: its,
    }));
    return [{ name, role, diverged: group.filter(hasDiverged).length, plain: gainOver(plain), beside }];
  });
}

/**
 * Whether networks with COST end with more accuracy than without it and than its controls; only intervals decide, and runs with COST
 * that diverged.
 */
export function gainFindings(results: readonly JobResult[], roles: Roles): Finding[] {
  const rows = gainRows(results, roles);
  return rows
    .filter(({ role }) => role === undefined)
    .map(({ name, diverged, plain, beside }) => {
      const others = beside.map(({ over, role, ...gain }) => ({
        name: over,
        role,
        standing: standingOf(gain),
        gain: standingOf(rows.find((row) => row.name === over)?.plain),
      }));
      const judgment = judged(diverged > 0 ? "worse" : standingOf(plain), others);
      const few = others.filter((other) => other.role === "control" && other.standing === undefined);
      const why =
        judgment === "undecided" && standingOf(plain) === "better"
          ? ` Too few runs of a control to compare with: ${few.map((other) => other.name).join(", ")}.`
          : "";
      return {
        title: name,
        judgment,
        measures: [{ measure: "test accuracy", judgment, text: `${gainText(plain)} points of accuracy` }],
        alternatives: judgment === "helps" ? alternativeTexts(others) : [],
        text: `Gain in mean accuracy of ${name}, in points, over ${[plain, ...beside].map((gain) => `${gain.over}: ${gainText(gain)}`).join(", ")}.${why}`,
      };
    });
}

const standingOf = (gain?: Pick<Gain, "points">) => differenceStanding(gain?.points?.interval);

/** How many pairs a gain leaves out. */
export const lostText = ({ lost }: Gain): string => (lost > 0 ? ` (${lost} diverged)` : "");

function gainText(gain: Gain): string {
  const { points } = gain;
  const interval = points?.interval ? ` [${points.interval.map((v) => v.toFixed(2)).join(", ")}]` : "";
  return `${points === null ? "-" : `${points.mean.toFixed(2)}${interval}`}${lostText(gain)}`;
}
