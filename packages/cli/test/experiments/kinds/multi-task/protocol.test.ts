import { mapValues } from "es-toolkit";
import { adam, array, compileJavaScript, type NdArray, namedArrays, torchGenerator, trace } from "isoloss";
import { namesMatching } from "isoloss/internal";
import type { Optimizer, OptimizerState } from "isoloss/optim";
import { denseTasks, moleculeTasks } from "isoloss-benchmarks";
import { describe, expect, it } from "vitest";
import type { CostConfig } from "../../../../src/experiments/catalogue/cost.js";
import { benchmarkNames, loadExperiment } from "../../../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../../../src/experiments/definition/resolve.js";
import { networkRates, plateauRate } from "../../../../src/experiments/kinds/multi-task/plateau.js";
import {
  checkProtocol,
  type Protocol,
  publishedTables,
  reportedMetrics,
  reportedValues,
} from "../../../../src/experiments/kinds/multi-task/protocol.js";
import { sessionOf } from "../../../../src/experiments/kinds/multi-task/run.js";

const columns: Protocol["columns"] = [
  { name: "IoU", metric: "a.iou", better: "higher", factor: 100 },
  { name: "error", metric: "b.error", better: "lower" },
];

/** An evaluation with the same two values on both parts, but for the test's, which are 10 times as large. */
const at = (step: number, iou: number, error: number) => ({
  step,
  seconds: 0,
  "validation.a.iou": iou,
  "validation.b.error": error,
  "test.a.iou": 10 * iou,
  "test.b.error": 10 * error,
});

const evaluations = [at(1, 0.1, 4), at(2, 0.3, 2), at(3, 0.2, 2), at(4, 0.3, 2)];

describe("the reported values of a protocol", () => {
  it("are means over the last evaluations, and Delta_m is that of the means, which is the mean of theirs", () => {
    const protocol: Protocol = { columns, report: { last: 2 }, base: [250, 25] };
    const metrics = reportedMetrics(protocol, evaluations);
    expect(metrics["reported.a.iou"]).toBeCloseTo(2.5, 12);
    expect(metrics["reported.b.error"]).toBe(20);
    // 100 ((250 - 250) / 250 + (20 - 25) / 25) / 2; and of each alone 10 and -30.
    expect(metrics["reported.deltaM"]).toBeCloseTo(-10, 12);
    const each = evaluations.slice(2).map((e) => reportedMetrics(protocol, [e])["reported.deltaM"] as number);
    expect(each.map((v) => Number(v.toFixed(9)))).toEqual([0, -20]);
  });

  it.each([
    // Larger values of either count as much. Ties go to the later one of Delta_m (github.com/OptMN-Lab/fairgrad, commit bb7e8a6,
    // experiments/quantum_chemistry/trainer.py, line 182) and to the earlier one else (experiments/celeba/trainer.py, line 119;
    // LibMTL, commit 2d842d6, LibMTL/_record.py, line 94).
    ["mean", undefined, evaluations[0]],
    ["deltaM", [30, 2], evaluations[3]],
    ["improvement", undefined, evaluations[1]],
  ] as const)("are those on the test data at the best %s on the validation data", (best, base, expected) => {
    const protocol: Protocol = { columns, report: { best }, ...(base ? { base: [...base] } : {}) };
    expect(reportedValues(protocol, evaluations)).toEqual([expected["test.a.iou"], expected["test.b.error"]]);
  });

  // A network for each task is a run of its own there, with its own best epoch: github.com/OptMN-Lab/fairgrad, commit bb7e8a6,
  // experiments/celeba/trainer_one_task.py, lines 94-96, and experiments/quantum_chemistry/trainer.py, lines 179-182.
  it.each([
    ["mean", undefined, [10 * 0.4, 10 * 6]],
    ["deltaM", [30, 2], [10 * 0.4, 10 * 1]],
    ["improvement", undefined, [10 * 0.4, 10 * 1]],
  ] as const)(
    "are those at the best %s of each network for itself where tasks are alone",
    (best, base, expected) => {
      // The first task is best in the second evaluation, the other one's error least in the first and its mean largest in the third.
      const own = [at(1, 0.1, 1), at(2, 0.4, 5), at(3, 0.2, 6)];
      const protocol: Protocol = { columns, report: { best }, ...(base ? { base: [...base] } : {}) };
      expect(reportedValues(protocol, own, { alone: true })).toEqual(expected);
      expect(reportedMetrics(protocol, own, { alone: true })["reported.b.error"]).toBe(expected[1]);
    },
  );

  it("refuse rows of another length, and the best Delta_m without a base", () => {
    expect(() => checkProtocol({ columns, report: { last: 1 }, base: [1] })).toThrow(
      "protocol.base: expected 2 values, one a column (IoU, error); got 1",
    );
    expect(() => checkProtocol({ columns, report: { best: "deltaM" } })).toThrow("needs a base");
  });
});

describe("a plateau", () => {
  it("lowers the rate when Delta_m has not fallen for more than its patience, and not in a run's settings", () => {
    const protocol: Protocol = { columns, report: { last: 1 }, base: [30, 2] };
    const flat = [1, 2, 3, 4, 5].map((step) => at(step, 0.1, 4));
    const rows: never[] = [];
    const rate = plateauRate(
      1,
      { factor: 0.5, patience: 1 },
      {
        protocol,
        evaluations: flat,
        isRun: ({ epochs }) => epochs === rows,
      },
    );
    const rates = [0, 1, 2, 3, 4, 5].map((step) => rate(step, { stepsPerEpoch: 1, epochs: rows }));
    // The first is the best one; two more that are not better, and the rate falls.
    expect(rates).toEqual([1, 1, 1, 0.5, 0.5, 0.25]);
    expect(rate(5, { stepsPerEpoch: 1, epochs: [] })).toBe(1);
    expect(() => plateauRate({ name: "step" }, {}, { protocol, evaluations: [], isRun: () => true })).toThrow(
      "plateau needs a learningRate that is a number",
    );
  });
});

it("lowers the rate of a run that is better than its base and no longer improves", () => {
  const protocol: Protocol = { columns, report: { last: 1 }, base: [30, 2] };
  // Delta_m is -50: by a threshold relative to it, each value would be a gain.
  const evaluations = [1, 2, 3, 4].map((step) => at(step, 0.3, 0));
  const rate = plateauRate(1, { factor: 0.5, patience: 0 }, { protocol, evaluations, isRun: () => true });
  expect([1, 2, 3, 4].map((step) => rate(step, { stepsPerEpoch: 1, epochs: [] }))).toEqual([
    1, 0.5, 0.25, 0.125,
  ]);
});

describe("a plateau of networks side by side", () => {
  const setup = { dtype: "float64" } as never;
  const start = { networks: { a: { w: array([1, -2], "float64") }, b: { w: array([3], "float64") } } };
  const rows: never[] = [];
  // The error of b does not fall, that of a does: 100 (1 - IoU / 30) alone.
  const evaluations = [1, 2, 3].map((step) => at(step, 0.1 * step, 4));
  const run = {
    protocol: { columns, report: { best: "deltaM" as const }, base: [30, 2] },
    evaluations,
    isRun: ({ epochs }: { readonly epochs: readonly unknown[] }) => epochs === rows,
  };
  const config = { factor: 0.5, patience: 0 };

  // QM9's program gives the plateau the validation error of the one task that is trained: github.com/OptMN-Lab/fairgrad, commit
  // bb7e8a6, experiments/quantum_chemistry/trainer.py, lines 213-217.
  it("lowers the rate of each by its own metric", async () => {
    const { optimizer, beforeStep } = networkRates(adam(), 0.1, { config, ...run });
    const state = optimizer.init(start);
    const rates = async (step: number) => {
      const change = await beforeStep({ step, optimizer: state, setup } as never);
      return mapValues(change?.optimizer?.rates as Record<string, NdArray>, ({ data }) => data[0]);
    };
    expect(await rates(0)).toEqual({ a: 0.1, b: 0.1 });
    expect(await rates(2)).toEqual({ a: 0.1, b: 0.05 });
    expect(await rates(3)).toEqual({ a: 0.1, b: 0.025 });
    // The whole run would wait for Delta_m, which falls.
    expect(plateauRate(0.1, config, run)(3, { stepsPerEpoch: 1, epochs: rows })).toBe(0.1);
  });

  it("steps each network as alone at that rate, bit for bit", async () => {
    const { optimizer } = networkRates(adam(), 0.1, { config, ...run });
    const rates = { a: array(0.1, "float64"), b: array(0.025, "float64") };
    const after = (rule: Optimizer, params: object, state: object, rate: number) => {
      const given = { gradients: params, params, state };
      const { graph } = trace(
        (g) => rule.update(g.gradients, g.state as OptimizerState, g.params, rate),
        given,
      );
      return compileJavaScript(graph).runSync(namedArrays(given));
    };
    const both = after(optimizer, start, { ...optimizer.init(start), rates }, 7);
    for (const [task, rate] of [
      ["a", 0.1],
      ["b", 0.025],
    ] as const) {
      const own = { networks: { [task]: start.networks[task] } };
      const expected = after(adam(), own, adam().init(own), rate);
      for (const [name, value] of Object.entries(expected)) expect([name, both[name]]).toEqual([name, value]);
    }
    expect(both["state.rates.b"]).toEqual(rates.b);
  });

  it("is the optimizer of a run with a plateau whose tasks are alone", async () => {
    const session = await sessionOf(
      {
        problem: { name: "digitQuestions" },
        alone: true,
        method: { name: "linearScalarization" },
        optimizer: { name: "adam" },
        learningRate: 0.1,
        plateau: config,
        protocol: {
          columns: [{ name: "even", metric: "even.error", better: "lower" }],
          report: { last: 1 },
          base: [1],
        },
        batchSize: 64,
        steps: 2,
      } as never,
      0,
      [
        { step: 1, seconds: 0, "validation.even.error": 1 },
        { step: 1, seconds: 0, "validation.even.error": 1 },
      ],
    );
    await session.trainer.run({ steps: 2 });
    const rates = session.trainer.current.optimizer.rates as Record<string, NdArray>;
    expect(Object.keys(rates)).toEqual(session.made.tasks);
    const [even, ...others] = session.made.tasks.map((task) => rates[task]?.data[0]);
    expect([even, new Set(others)]).toEqual([Math.fround(0.05), new Set([Math.fround(0.1)])]);
    await session.dispose();
  });
});

describe("the published table", () => {
  it("has Delta_m as printed, and computed again from the rows that are known", () => {
    const [table] = publishedTables({
      columns,
      report: { last: 1 },
      base: [50, 2],
      source: "a paper",
      published: { LS: { values: [40, 2.2], deltaM: 15 }, other: { deltaM: 3 } },
    });
    expect(table?.caption).toBe("Published, on the whole data: a paper");
    expect(table?.rows.map(({ name }) => name)).toEqual(["single-task models", "LS", "other"]);
    expect(table?.rows[1]?.values[3]).toBeCloseTo(15, 12);
    expect(table?.rows[2]?.values).toEqual([null, null, 3, null]);
  });
});

describe("benchmarks/", () => {
  it.each(benchmarkNames)(
    "%s has settings and rows that the check accepts, whole and quick",
    async (name) => {
      const experiment = await loadExperiment(name);
      expect(name).toBe(`benchmarks/${experiment.name}`);
      for (const quick of [false, true]) {
        const { variants } = resolveExperiment(experiment, { quick });
        for (const { settings } of variants) checkProtocol(settings.protocol as Protocol);
        if (!quick) expect(variants.map((v) => v.name)).toContain("single-task");
      }
      // The published rows that can be computed again are those of their papers.
      const [table] = publishedTables(experiment.protocol as Protocol);
      for (const { name: row, values } of table?.rows ?? []) {
        const [printed, computed] = values.slice(-2) as (number | null)[];
        if (printed === null || computed === null) continue;
        expect([row, Math.abs((printed as number) - (computed as number)) < 0.5]).toEqual([row, true]);
      }
    },
  );
});

describe("COST in the benchmarks", () => {
  const costOf = async (name: string) => {
    const { variants } = resolveExperiment(await loadExperiment(`benchmarks/${name}`));
    return variants.flatMap(({ name: variant, settings: { cost } }) =>
      cost === undefined ? [] : [{ variant, cost: cost as CostConfig }],
    );
  };
  const dense = (normals: boolean) => denseTasks({ channels: [1, 1, 1, 1, 1], normals });
  const molecules = moleculeTasks({ tasks: ["mu", "alpha"], width: 2, hidden: 1 });

  // The authors' program: github.com/zzpustc/COST, commit 28172e7, experiments/cityscapes/models.py, lines 301-318, and
  // experiments/nyuv2/models.py, get_lora_target_modules; of QM9 appendix B.2 of the paper, the input and the output linear layer.
  it.each([
    ["cityscapes", dense(false), 36],
    ["nyuv2", dense(true), 36],
    ["qm9", molecules, 2],
  ] as const)("moves the authors' layers of %s", async (name, tasks, count) => {
    const { shared } = tasks.params(torchGenerator(0));
    const arrays = namedArrays(shared);
    for (const { variant, cost } of await costOf(name)) {
      const layers = (cost.adapter?.layers ?? []) as readonly string[];
      const chosen = [...namesMatching(variant, layers, Object.keys(arrays))];
      expect([variant, chosen.length]).toEqual([variant, count]);
      if (name === "qm9") expect(chosen).toEqual(["lin0.weight", "lin1.weight"]);
      else for (const path of chosen) expect([path, arrays[path]?.shape.slice(2)]).toEqual([path, [3, 3]]);
    }
  });

  // Zhou et al., arXiv 2503.04046, equation 4, for a large number of tasks. The program has no trigger but any task's conflict:
  // methods/weight_methods.py, line 845.
  it.each(["celeba", "qm9"])(
    "of %s has the paper's trigger for many tasks in the paper's rows",
    async (name) => {
      const rows = await costOf(name);
      expect(rows.filter(({ cost }) => cost.preset === "paper")).toHaveLength(6);
      for (const { variant, cost } of rows) {
        expect([variant, cost.trigger]).toEqual([variant, cost.preset === "paper" ? "many" : undefined]);
      }
    },
  );

  it("of NYUv2 skips the batch of a teleport where it is as released", async () => {
    for (const { variant, cost } of await costOf("nyuv2")) {
      expect([variant, cost.after]).toEqual([variant, cost.preset === "released" ? "skip" : undefined]);
    }
  });
});
