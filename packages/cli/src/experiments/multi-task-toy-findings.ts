import type { Judgement } from "../run/report-html.js";
import type { Finding } from "./findings.js";
import type { JobResult } from "./job.js";
import { plainKey } from "./multi-task-plain.js";
import { byVariant } from "./summary.js";

interface Way {
  readonly name: string;
  readonly reached: number;
  readonly of: number;
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
    const others = [plain, ...controls].map(({ name, reached }) => `${name} from ${reached}`);
    return [
      {
        title: way.name,
        judgement: judgement(way, plain, controls),
        text:
          `${way.name} came to the Pareto front from ${way.reached} of ${way.of} starts, ${others.join(", ")}.` +
          (controls.length > 0 &&
          way.reached > plain.reached &&
          controls.some((c) => c.reached >= way.reached)
            ? " A control does as well, so the gain is not that of COST's objective."
            : ""),
      },
    ];
  });
}

function judgement(way: Way, plain: Way, controls: readonly Way[]): Judgement {
  if (way.reached <= plain.reached) return "does not help";
  return controls.some((c) => c.reached >= way.reached) ? "no better than a control" : "helps";
}

function wayOf(name: string, group: readonly JobResult[]): Way {
  const [{ settings }] = group;
  const { cost } = settings as { readonly cost?: { readonly control?: string } };
  return {
    name,
    reached: group.reduce((sum, r) => sum + (r.document.metrics["front.reached"] ?? 0), 0),
    of: group.length,
    key: plainKey(settings),
    role: cost === undefined ? "plain" : cost.control === undefined ? "cost" : "control",
  };
}
