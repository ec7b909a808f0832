import type { Judgement } from "../../../run/report-html.js";
import { fractionInterval } from "../../../run/statistics.js";
import type { Controls, Finding, JobResult } from "../../kind.js";
import { formatNumber } from "../../results/format-number.js";
import { byVariant } from "../../results/summary.js";
import { plainKey } from "./plain.js";

interface Compared {
  readonly name: string;
  /** Of each seed, which chooses the start: whether its run reached the front. */
  readonly arrived: ReadonlyMap<number, boolean>;
  readonly key: string;
  readonly role: "plain" | "cost" | "control";
}

/** From how many starts the toy's runs reach the Pareto front: with COST, without, and with controls, COST's and declared ones. */
export function toyFindings(results: readonly JobResult[], declared: Controls = {}): Finding[] {
  const shown = results.filter((r) => typeof r.document.metrics["front.reached"] === "number");
  const all = [...byVariant(shown)].map(([name, group]) => comparedOf(name, group));
  return all.flatMap((one): Finding[] => {
    const plain = all.find(({ role, key }) => role === "plain" && key === one.key);
    if (one.role !== "cost" || plain === undefined) return [];
    const controls = all.filter(
      ({ name, role, key }) =>
        (role === "control" && key === one.key) || declared[plain.name]?.includes(name),
    );
    const judgment = judgementOf(one, plain, controls);
    const others = [plain, ...controls].map((other) => `${other.name} from ${shareText(other)}`);
    return [
      {
        title: one.name,
        judgment,
        text:
          `${one.name} reached the Pareto front from ${shareText(one, ` of ${one.arrived.size} starts`)}, ${others.join(", ")} ` +
          `(95 % intervals of the shares).${explanations[judgment] ?? ""}`,
      },
    ];
  });
}

const explanations: Readonly<Partial<Record<Judgement, string>>> = {
  "no better than a control":
    " That is not clearly more than a control, so the gain may not be that of COST's objective.",
  undecided: " Too few starts to decide.",
};

function judgementOf(one: Compared, plain: Compared, controls: readonly Compared[]): Judgement {
  if (isSurelyMore(plain, one)) return "does not help";
  if (!isSurelyMore(one, plain)) return "undecided";
  return controls.every((control) => isSurelyMore(one, control)) ? "helps" : "no better than a control";
}

/** McNemar's exact test of the starts from which only one of the two reached the front: whether most are those of `one`. */
function isSurelyMore(one: Compared, other: Compared): boolean {
  const only = (a: Compared, b: Compared) =>
    [...a.arrived].filter(([seed, isThere]) => isThere && !b.arrived.get(seed)).length;
  const [ours, theirs] = [only(one, other), only(other, one)];
  return ours > theirs && fractionInterval(ours, ours + theirs)[0] > 0.5;
}

const reached = ({ arrived }: Compared): number => [...arrived.values()].filter(Boolean).length;

/** A number of starts with the interval of its share: "3 [0.15, 0.95]". */
function shareText(one: Compared, unit = ""): string {
  const [low, high] = fractionInterval(reached(one), one.arrived.size);
  return `${reached(one)}${unit} [${formatNumber(low, 2)}, ${formatNumber(high, 2)}]`;
}

function comparedOf(name: string, group: readonly JobResult[]): Compared {
  const [{ settings }] = group;
  const { cost } = settings as { readonly cost?: { readonly control?: string } };
  return {
    name,
    arrived: new Map(group.map((r) => [r.seed, r.document.metrics["front.reached"] === 1])),
    key: plainKey(settings),
    role: cost === undefined ? "plain" : cost.control === undefined ? "cost" : "control",
  };
}
