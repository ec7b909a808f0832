import { createRng } from "isoloss/data";
import { pairedDifference } from "isoloss/internal";
import { describe, expect, it } from "vitest";
import type { Finding, JobResult, Roles } from "../../../src/experiments/kind.js";
import { kinds } from "../../../src/experiments/kinds/kinds.js";
import { toyFindings } from "../../../src/experiments/kinds/multi-task/toy.js";
import { verdictOf } from "../../../src/experiments/report/findings.js";
import { toTarget } from "../../../src/experiments/results/to-target.js";
import { alternativeTexts, judged, runsToDecide } from "../../../src/experiments/results/verdict.js";
import { runDocument } from "../../../src/formats/json.js";

describe("judged", () => {
  const [control, alternative, ceiling] = ["control", "alternative", "ceiling"] as const;

  it.each([
    ["helps", "better", []],
    ["does not help", "worse", []],
    ["undecided", "unclear", []],
    ["undecided", undefined, []],
    ["helps", "better", [{ role: control, standing: "better" }]],
    ["no better than a control", "better", [{ role: control, standing: "unclear" }]],
    ["no better than a control", "better", [{ role: control, standing: "worse" }]],
    ["undecided", "better", [{ role: control, standing: undefined }]],
    ["helps", "better", [{ role: alternative, standing: "worse" }]],
    ["helps", "better", [{ role: ceiling, standing: "worse" }]],
    ["undecided", "unclear", [{ role: control, standing: "better" }]],
  ] as const)("says %s of a method that is %s beside %j", (judgment, standing, beside) => {
    expect(judged(standing, beside)).toBe(judgment);
  });
});

describe("alternativeTexts", () => {
  it.each([
    ["better than LAMP", "better", "unclear"],
    ["LAMP does better", "worse", "better"],
    ["LAMP does as well", "unclear", "better"],
    ["LAMP may do as well", "unclear", "unclear"],
    ["LAMP had too few runs to compare", undefined, undefined],
  ] as const)("says %j", (text, standing, gain) => {
    const beside = { name: "LAMP", standing, gain } as const;
    expect(alternativeTexts([{ ...beside, role: "alternative" }])).toEqual([text]);
    expect(alternativeTexts([{ ...beside, role: "ceiling" }])).toEqual([]);
  });
});

describe("runsToDecide", () => {
  it("says how many runs have an interval that ends at no difference", () => {
    // Half the width shrinks with the root of n: 0.5 to 0.25 takes four times the runs.
    const shifted = { n: 10, difference: 0.25, interval: [-0.25, 0.75] } as const;
    expect(runsToDecide(shifted)).toBe("about 40 runs of each would decide");
    expect(runsToDecide({ n: 10, ratio: 2, interval: [2 ** -1, 2 ** 3] })).toMatch(/about 40 runs/);
    expect(runsToDecide({ ...shifted, difference: 1e-3 })).toBe("more than 1000 runs of each");
    expect(runsToDecide({ n: 10, difference: 1, interval: [0.5, 1.5] })).toBe("");
    expect(runsToDecide(pairedDifference([1], [2]))).toBe("");
  });
});

/** A method beside its baseline, and a variant in each role. */
const variants = ["plain", "method", "control", "alternative", "ceiling"];
const roles: Roles = { plain: { control: "control", alternative: "alternative", ceiling: "ceiling" } };
const experiments = 400;

/** Three standard errors of a share of 0.05 above it. */
const most = experiments * 0.05 + 3 * Math.sqrt(experiments * 0.05 * 0.95);

describe("verdicts on pure noise, with a variant in each role", () => {
  const rng = createRng(7);
  const runsOf = (
    variant: string,
    seeds: number,
    make: () => {
      readonly loss: number[];
      readonly seconds: number[];
      readonly metrics: Record<string, number>;
    },
    settings: object,
  ) =>
    Array.from({ length: seeds }, (_, seed): JobResult => {
      const { loss, seconds, metrics } = make();
      const steps = loss.length - 1;
      const document = runDocument({
        name: "x",
        seed,
        status: "completed",
        steps,
        wallSeconds: 1,
        loss,
        metrics,
      });
      return { experiment: "x", variant, seed, settings: settings as never, document, seconds, jumps: [] };
    });

  /** How often each verdict on the method came. */
  function countOf(judgmentOf: () => Finding["judgment"]): Readonly<Record<string, number>> {
    const counts: Record<string, number> = {};
    for (let i = 0; i < experiments; i++) {
      const judgment = judgmentOf();
      counts[judgment] = (counts[judgment] ?? 0) + 1;
    }
    return counts;
  }

  const isWithin = (counts: Readonly<Record<string, number>>) => {
    const { undecided = 0, helps = 0, "fewer steps": fewer = 0 } = counts;
    expect(helps + fewer, JSON.stringify(counts)).toBeLessThanOrEqual(most / 2);
    expect(experiments - undecided, JSON.stringify(counts)).toBeLessThanOrEqual(most);
  };

  it("stay within the nominal rate without training", () => {
    const starts: Readonly<Record<string, readonly object[]>> = {
      plain: [],
      method: [{ name: "balance" }],
      control: [{ name: "scaleChannels" }],
      alternative: [{ name: "prune", by: "lamp" }],
      ceiling: [{ name: "restoreBatchNorm" }],
    };
    const noisy = () => ({
      loss: [1],
      seconds: [0],
      metrics: { "start.accuracy": 0.5 + 0.05 * rng.normal() },
    });
    isWithin(
      countOf(() => {
        const results = variants.flatMap((name) =>
          runsOf(name, 6, noisy, { start: starts[name] }).map((run) => ({
            ...run,
            document: { ...run.document, steps: 0 },
          })),
        );
        const found = kinds.continue.comparison?.findings?.(results, roles) ?? [];
        return found.find(({ title }) => title === "method")?.judgment as Finding["judgment"];
      }),
    );
  });

  it("stay within the nominal rate for starts that reach the front", () => {
    const costs: Readonly<Record<string, object>> = {
      method: { cost: {} },
      control: { cost: { control: "random" } },
    };
    const coin = () => ({
      loss: [1],
      seconds: [0],
      metrics: { "front.reached": Number(rng.normal() < 0) },
    });
    isWithin(
      countOf(() => {
        const results = variants.flatMap((name) =>
          runsOf(name, 12, coin, { problem: { name: "toy" }, ...costs[name] }),
        );
        return toyFindings(results, roles)[0].judgment;
      }),
    );
  });

  it("stay within the nominal rate by steps and by time", () => {
    const descent = () => {
      const rate = Math.exp(-0.1 * Math.exp(0.2 * rng.normal()));
      const second = Math.exp(0.2 * rng.normal());
      const loss = Array.from({ length: 61 }, (_, t) => rate ** t);
      return { loss, seconds: loss.map((_, t) => t * second), metrics: {} };
    };
    isWithin(
      countOf(() => {
        const [plain, method, ...others] = variants.map((name) => runsOf(name, 6, descent, {}));
        const beside = others.map((runs, i) => {
          const role = variants[i + 2] as "control";
          return [role, { role, diverged: 0, ...toTarget(runs, method, { target: plain }) }] as const;
        });
        return verdictOf({ ...toTarget(plain, method), beside: Object.fromEntries(beside) }, null, {
          rowsChose: false,
        }).judgment;
      }),
    );
  });
});
