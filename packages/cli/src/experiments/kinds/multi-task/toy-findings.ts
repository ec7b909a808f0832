import type { Judgement } from "../../../run/report-html.js";
import { fractionInterval } from "../../../run/statistics.js";
import type { Finding, JobResult } from "../../kind.js";
import { formatNumber } from "../../results/format-number.js";
import { byVariant } from "../../results/summary.js";
import { plainKey } from "./plain.js";

interface Way {
  readonly name: string;
  /** Of each seed, which chooses the start: whether its run came to the front. */
  readonly came: ReadonlyMap<number, boolean>;
  readonly key: string;
  readonly role: "plain" | "cost" | "control";
}

/** From how many starts the toy's runs come to the Pareto front: with COST, without, and with COST's controls. */
export function toyFindings(results: readonly JobResult[]): Finding[] {
  const shown = results.filter((r) => typeof r.document.metrics["front.reached"] === "number");
  const ways = [...byVariant(shown)].map(([name, group]) => wayOf(name, group));
  return ways.flatMap((way): Finding[] => {
    const plain = ways.find(({ role, key }) => role === "plain" && key === way.key);
    if (way.role !== "cost" || plain === undefined) return [];
    const controls = ways.filter(({ role, key }) => role === "control" && key === way.key);
    const judgment = judgementOf(way, plain, controls);
    const others = [plain, ...controls].map((other) => `${other.name} from ${shareText(other)}`);
    return [
      {
        title: way.name,
        judgment,
        text:
          `${way.name} came to the Pareto front from ${shareText(way, ` of ${way.came.size} starts`)}, ${others.join(", ")} ` +
          `(95 % intervals of the shares).${explanations[judgment] ?? ""}`,
      },
    ];
  });
}

const explanations: Readonly<Partial<Record<Judgement, string>>> = {
  "no better than a control": " A control does as well, so the gain is not that of COST's objective.",
  undecided: " Too few starts to tell.",
};

function judgementOf(way: Way, plain: Way, controls: readonly Way[]): Judgement {
  if (reached(way) <= reached(plain)) return "does not help";
  if (controls.some((control) => reached(control) >= reached(way))) return "no better than a control";
  return [plain, ...controls].every((other) => isSurelyMore(way, other)) ? "helps" : "undecided";
}

/** McNemar's exact test: whether, of the starts from which only one of the two came, surely most are those of `way`. */
function isSurelyMore(way: Way, other: Way): boolean {
  const only = (a: Way, b: Way) => [...a.came].filter(([seed, came]) => came && !b.came.get(seed)).length;
  const [ours, theirs] = [only(way, other), only(other, way)];
  return ours > theirs && fractionInterval(ours, ours + theirs)[0] > 0.5;
}

const reached = ({ came }: Way): number => [...came.values()].filter(Boolean).length;

/** A number of starts with the interval of its share: "3 [0.15, 0.95]". */
function shareText(way: Way, unit = ""): string {
  const [low, high] = fractionInterval(reached(way), way.came.size);
  return `${reached(way)}${unit} [${formatNumber(low, 2)}, ${formatNumber(high, 2)}]`;
}

function wayOf(name: string, group: readonly JobResult[]): Way {
  const [{ settings }] = group;
  const { cost } = settings as { readonly cost?: { readonly control?: string } };
  return {
    name,
    came: new Map(group.map((r) => [r.seed, r.document.metrics["front.reached"] === 1])),
    key: plainKey(settings),
    role: cost === undefined ? "plain" : cost.control === undefined ? "cost" : "control",
  };
}
