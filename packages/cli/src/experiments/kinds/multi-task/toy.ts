import { mean, sum } from "es-toolkit";
import { fractionInterval } from "isoloss/internal";
import type { TaskTableData } from "isoloss-figures";
import type { Judgement } from "../../../run/report-html.js";
import type { Controls, Finding, JobResult } from "../../kind.js";
import { formatNumber } from "../../results/format-number.js";
import { byVariant } from "../../results/summary.js";
import { besideControls } from "../../results/to-target.js";
import { plainOf, variantsOf } from "./plain.js";

interface Compared {
  readonly name: string;
  /** Of each seed, which chooses the start: whether its run reached the front. */
  readonly arrived: ReadonlyMap<number, boolean>;
  readonly diverged: number;
}

/** From how many starts the toy's runs reach the Pareto front: with COST, without, and with controls. */
export function toyFindings(results: readonly JobResult[], controls: Controls): Finding[] {
  const shown = results.filter((r) => typeof r.document.metrics["front.reached"] === "number");
  const groups = byVariant(shown);
  const variants = variantsOf(groups);
  return variants.flatMap(({ name, settings }): Finding[] => {
    const base = plainOf(variants, settings);
    if (base === undefined || controls[base]?.includes(name)) return [];
    const [one, plain, ...beside] = [name, base, ...(controls[base] ?? [])].map((title) =>
      comparedOf(title, groups.get(title) ?? []),
    );
    const { judgment, why = "" } = judgementOf(one, plain, beside);
    const others = [plain, ...beside].map((other) => {
      const starts = other.arrived.size;
      return `${other.name} from ${shareText(other, starts === one.arrived.size ? "" : ` of ${starts}`)}`;
    });
    return [
      {
        title: name,
        judgment,
        text:
          `${name} reached the Pareto front from ${shareText(one, ` of ${one.arrived.size} starts`)}, ${others.join(", ")} ` +
          `(95 % intervals of the shares).${why}`,
      },
    ];
  });
}

function judgementOf(
  one: Compared,
  plain: Compared,
  controls: readonly Compared[],
): { readonly judgment: Judgement; readonly why?: string } {
  if (isSurelyMore(plain, one)) return { judgment: "does not help" };
  if (!isSurelyMore(one, plain)) return { judgment: "undecided", why: " Too few starts to decide." };
  const isMore = controls.map((control) => {
    if (isSurelyMore(one, control)) return true;
    // A run that failed says nothing of its start.
    return [...one.arrived.keys()].every((seed) => control.arrived.has(seed)) ? false : undefined;
  });
  const partial = controls.filter((_, i) => isMore[i] === undefined).map(({ name }) => name);
  const why = {
    helps: "",
    "no better than a control":
      " That is not clearly more than a control, so the gain may not be that of COST's objective.",
    undecided: ` Too few starts from which a control, ${partial.join(", ")}, ran, too, to decide.`,
  };
  const judgment = besideControls(isMore);
  return { judgment, why: why[judgment] };
}

/**
 * McNemar's exact test of the starts from which both ran and only one of them reached the front: whether most are those of `one`.
 */
function isSurelyMore(one: Compared, other: Compared): boolean {
  const only = (a: Compared, b: Compared) =>
    [...a.arrived].filter(([seed, isThere]) => isThere && b.arrived.get(seed) === false).length;
  const [ours, theirs] = [only(one, other), only(other, one)];
  return ours > theirs && fractionInterval(ours, ours + theirs)[0] > 0.5;
}

const reached = ({ arrived }: Compared): number => [...arrived.values()].filter(Boolean).length;

/** A number of starts with the interval of its share: "3 [0.15, 0.95]". */
function shareText(one: Compared, unit: string): string {
  const starts = one.arrived.size;
  if (starts === 0) return "none, as no run ended";
  const [low, high] = fractionInterval(reached(one), starts);
  const diverged = one.diverged > 0 ? ` (${one.diverged} diverged)` : "";
  return `${reached(one)}${unit} [${formatNumber(low, 2)}, ${formatNumber(high, 2)}]${diverged}`;
}

const comparedOf = (name: string, group: readonly JobResult[]): Compared => ({
  name,
  arrived: new Map(group.map((r) => [r.seed, r.document.metrics["front.reached"] === 1])),
  diverged: group.filter(({ document }) => document.status === "diverged").length,
});

/** Of the toy: how far from the Pareto front the runs of each variant ended, start by start. */
export function toyTables(results: readonly JobResult[]): TaskTableData[] {
  const shown = results.filter((r) => typeof r.document.metrics["front.reached"] === "number");
  if (shown.length === 0) return [];
  const starts = new Map(shown.map((r) => [startOf(r), r.seed] as const).sort((a, b) => a[1] - b[1]));
  const names = [...starts.keys()];
  return [
    {
      caption:
        "Distance to the Pareto front at the end, from each start, and how many runs reached it (within 0.15)",
      rowLabel: "variant",
      columns: [
        ...names.map((name) => ({ name, direction: "lower" as const, group: "from" })),
        { name: "reached", direction: "higher", digits: 0 },
        { name: "of", digits: 0 },
        { name: "teleports", digits: 1 },
        { name: "largest loss change", digits: 2 },
      ],
      rows: [...byVariant(shown)].map(([name, group]) => {
        const metric = (key: string) =>
          group.flatMap(({ document }) => {
            const value = document.metrics[key];
            return typeof value === "number" ? [value] : [];
          });
        const [teleports, drifts] = [metric("cost.accepted"), metric("cost.absoluteDriftMax")];
        return {
          name,
          values: [
            ...names.map((start) => {
              const result = group.find((r) => startOf(r) === start);
              if (result === undefined) return null;
              return result.document.status === "diverged"
                ? Number.NaN
                : (result.document.metrics["front.distance"] ?? Number.NaN);
            }),
            sum(metric("front.reached")),
            group.length,
            teleports.length > 0 ? mean(teleports) : null,
            drifts.length > 0 ? Math.max(...drifts) : null,
          ],
        };
      }),
    },
  ];
}

const startOf = ({ trajectory, seed }: JobResult): string => {
  const start = trajectory?.[0];
  return start ? `(${start.join(", ")})` : `seed ${seed}`;
};
