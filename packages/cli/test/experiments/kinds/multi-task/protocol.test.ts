import { describe, expect, it } from "vitest";
import { benchmarkNames, loadExperiment } from "../../../../src/experiments/definition/find.js";
import { resolveExperiment } from "../../../../src/experiments/definition/resolve.js";
import { plateauRate } from "../../../../src/experiments/kinds/multi-task/plateau.js";
import {
  checkProtocol,
  type Protocol,
  reportedMetrics,
  reportedValues,
} from "../../../../src/experiments/kinds/multi-task/protocol.js";
import { publishedTables } from "../../../../src/experiments/kinds/multi-task/protocol-table.js";

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
    // Larger values of either count as much; ties go to the later one.
    ["mean", undefined, evaluations[0]],
    ["deltaM", [30, 2], evaluations[3]],
    ["improvement", undefined, evaluations[3]],
  ] as const)("are those on the test data at the best %s on the validation data", (best, base, expected) => {
    const protocol: Protocol = { columns, report: { best }, ...(base ? { base: [...base] } : {}) };
    expect(reportedValues(protocol, evaluations)).toEqual([expected["test.a.iou"], expected["test.b.error"]]);
  });

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
