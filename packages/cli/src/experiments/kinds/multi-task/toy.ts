import { mean, sum } from "es-toolkit";
import { fractionInterval } from "isoloss/internal";
import type { TaskTableData } from "isoloss-figures";
import type { Finding, JobResult, Roles } from "../../kind.js";
import { formatNumber } from "../../results/format-number.js";
import { byVariant } from "../../results/summary.js";
import { alternativeTexts, judged, type Standing } from "../../results/verdict.js";
import { plainOf, variantsOf } from "./plain.js";

interface Compared {
  readonly name: string;
  /** Of each seed, which chooses the start: whether its run reached the front. */
  readonly arrived: ReadonlyMap<number, boolean>;
  readonly diverged: number;
}

/** From how many starts the toy's runs reach the Pareto front: with COST, without, and of variants with a role. */
export function toyFindings(results: readonly JobResult[], roles: Roles): Finding[] {
  const shown = results.filter((r) => typeof r.document.metrics["front.reached"] === "number");
  const groups = byVariant(shown);
  const variants = variantsOf(groups);
  const comparedOf = (name: string): Compared => {
    const group = groups.get(name) ?? [];
    return {
      name,
      arrived: new Map(group.map((r) => [r.seed, r.document.metrics["front.reached"] === 1])),
      diverged: group.filter(({ document }) => document.status === "diverged").length,
    };
  };
  return variants.flatMap(({ name, settings }): Finding[] => {
    const base = plainOf(variants, settings);
    const among = roles[base ?? ""] ?? {};
    if (base === undefined || name in among) return [];
    const [one, plain] = [name, base].map(comparedOf);
    const beside = Object.entries(among).map(([title, role]) => {
      const other = comparedOf(title);
      return { ...other, role, standing: standingOf(one, other), gain: standingOf(other, plain) };
    });
    const standing = standingOf(one, plain);
    const judgment = judged(standing, beside);
    const few = beside.filter((other) => other.role === "control" && other.standing === undefined);
    const why = {
      "no better than a control":
        " That is not clearly more than a control, so the gain may not be that of COST's objective.",
      undecided:
        standing === "better"
          ? ` Too few starts from which a control, ${few.map((other) => other.name).join(", ")}, ran, too, to decide.`
          : " Too few starts to decide.",
    }[judgment as string];
    const others = [plain, ...beside].map((other) => {
      const starts = other.arrived.size;
      return `${other.name} from ${shareText(other, starts === one.arrived.size ? "" : ` of ${starts}`)}`;
    });
    return [
      {
        title: name,
        judgment,
        measures: [
          {
            measure: "starts",
            judgment,
            text: `the front from ${[one, plain, ...beside].map((other, i) => `${reached(other)}${i === 0 ? ` of ${one.arrived.size} starts` : ` by ${other.name}`}`).join(", ")}`,
          },
        ],
        alternatives: judgment === "helps" ? alternativeTexts(beside) : [],
        text:
          `${name} reached the Pareto front from ${shareText(one, ` of ${one.arrived.size} starts`)}, ${others.join(", ")} ` +
          `(95 % intervals of the shares).${why ?? ""}`,
      },
    ];
  });
}

/**
 * McNemar's exact test of the starts from which both ran and only one of them reached the front: whether most are those of `one`.
 * Undefined where the other's runs that failed might have changed that: a failed run says nothing of its start.
 */
function standingOf(one: Compared, other: Compared): Standing {
  const only = (a: Compared, b: Compared) =>
    [...a.arrived].filter(([seed, isThere]) => isThere && b.arrived.get(seed) === false).length;
  const [ours, theirs] = [only(one, other), only(other, one)];
  const isSure = ours !== theirs && fractionInterval(Math.max(ours, theirs), ours + theirs)[0] > 0.5;
  if (isSure) return ours > theirs ? "better" : "worse";
  return [...one.arrived.keys()].every((seed) => other.arrived.has(seed)) ? "unclear" : undefined;
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

/** Of more starts a table has no distances. */
const mostColumns = 10;

/** Of the toy: how far from the Pareto front the runs of each variant ended, start by start. */
export function toyTables(results: readonly JobResult[]): TaskTableData[] {
  const shown = results.filter((r) => typeof r.document.metrics["front.reached"] === "number");
  if (shown.length === 0) return [];
  const starts = new Map(shown.map((r) => [startOf(r), r.seed] as const).sort((a, b) => a[1] - b[1]));
  const names = starts.size <= mostColumns ? [...starts.keys()] : [];
  return [
    {
      caption: `${names.length > 0 ? "Distance to the Pareto front at the end, from each start, and how" : "How"} many runs reached the front (within 0.15)`,
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
