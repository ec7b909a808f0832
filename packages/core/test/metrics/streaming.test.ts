import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { array, ndarray } from "../../src/array.js";
import { rowsOf } from "../../src/data/batches.js";
import { calibrationError, confusion, f1, iou, mae, rmse, topK } from "../../src/entries/metrics.js";
import { DataError, OptionError, ShapeError } from "../../src/errors.js";
import {
  accumulate,
  type MetricBatch,
  requireMetrics,
  type StreamingMetric,
} from "../../src/metrics/metric.js";

function resultOf<R>(metric: StreamingMetric<unknown, R>, ...batches: MetricBatch[]): R {
  const accumulation = accumulate({ metric });
  for (const batch of batches) accumulation.update(batch);
  return accumulation.results().metric;
}

const classes = 4;
/** Examples with few different logits, so that there are ties, and labels of which some do not count. */
const examples = fc.array(
  fc.record({
    logits: fc.array(fc.integer({ min: -2, max: 2 }), { minLength: classes, maxLength: classes }),
    label: fc.integer({ min: -1, max: classes - 1 }),
  }),
  { minLength: 1, maxLength: 20 },
);

type Example = { readonly logits: number[]; readonly label: number };

const batchOf = (given: readonly Example[]): MetricBatch => ({
  output: ndarray(Float32Array.from(given.flatMap(({ logits }) => logits)), [given.length, classes]),
  labels: ndarray(
    BigInt64Array.from(given, ({ label }) => BigInt(label)),
    [given.length],
  ),
});

const argmaxOf = (logits: number[]) => logits.indexOf(Math.max(...logits));

/** Every metric of classes, by its definition, from all examples at once. */
const definitions: Record<string, [StreamingMetric<unknown, number>, (known: readonly Example[]) => number]> =
  {
    "topK(1)": [
      topK({ k: 1 }),
      (known) => known.filter(({ logits, label }) => argmaxOf(logits) === label).length / known.length,
    ],
    "topK(2)": [
      topK({ k: 2 }),
      (known) => {
        const order = (logits: number[]) =>
          logits.map((_, c) => c).sort((a, b) => logits[b] - logits[a] || a - b);
        return (
          known.filter(({ logits, label }) => order(logits).slice(0, 2).includes(label)).length / known.length
        );
      },
    ],
    "f1 macro": [f1(), (known) => mean(scores(known).map(({ f }) => f))],
    "f1 weighted": [
      f1({ average: "weighted" }),
      (known) => scores(known).reduce((sum, { f, support }) => sum + f * support, 0) / known.length,
    ],
    // Of one label for each example it is the accuracy.
    "f1 micro": [
      f1({ average: "micro" }),
      (known) => known.filter(({ logits, label }) => argmaxOf(logits) === label).length / known.length,
    ],
    iou: [iou(), (known) => mean(scores(known).map(({ tp, union }) => tp / union))],
    calibrationError: [
      calibrationError({ bins: 5 }),
      (known) => {
        const judged = known.map(({ logits, label }) => {
          const e = logits.map(Math.exp);
          return { p: Math.max(...e) / e.reduce((a, b) => a + b, 0), right: argmaxOf(logits) === label };
        });
        const gaps = [1, 2, 3, 4, 5].map((m) => {
          const bin = judged.filter(({ p }) => p > (m - 1) / 5 && p <= m / 5);
          if (bin.length === 0) return 0;
          const accuracy = bin.filter(({ right }) => right).length / bin.length;
          return (bin.length / judged.length) * Math.abs(accuracy - mean(bin.map(({ p }) => p)));
        });
        return gaps.reduce((a, b) => a + b, 0);
      },
    ],
  };

const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;

/** Counts of each class that is a label or a prediction. */
function scores(known: readonly Example[]) {
  return [0, 1, 2, 3].flatMap((c) => {
    const is = known.filter(({ label }) => label === c);
    const said = known.filter(({ logits }) => argmaxOf(logits) === c);
    const tp = is.filter(({ logits }) => argmaxOf(logits) === c).length;
    const union = is.length + said.length - tp;
    if (union === 0) return [];
    const [precision, recall] = [tp / Math.max(1, said.length), tp / Math.max(1, is.length)];
    const f = tp === 0 ? 0 : (2 * precision * recall) / (precision + recall);
    return [{ f, tp, union, support: is.length }];
  });
}

describe.each(Object.entries(definitions))("%s", (_, [metric, expected]) => {
  it("equals its definition, however the examples are cut into batches", () => {
    fc.assert(
      fc.property(examples, fc.integer({ min: 1, max: 7 }), (given, size) => {
        const { output, labels } = batchOf(given);
        const starts = Array.from({ length: Math.ceil(given.length / size) }, (__, i) => i * size);
        const parts = starts.map((from) => {
          const to = Math.min(from + size, given.length);
          return { output: rowsOf(output, from, to), labels: rowsOf(labels, from, to) };
        });
        const known = given.filter(({ label }) => label >= 0);
        const result = resultOf(metric, ...parts);
        if (known.length === 0) expect(result).toBeNaN();
        else expect(result).toBeCloseTo(expected(known), 12);
      }),
      { numRuns: 60 },
    );
  });
});

describe("metrics of classes", () => {
  it("find them along axis 1 of images, and count every pixel", () => {
    // Two images of 1 x 2 pixels and 3 classes.
    const output = array([
      [[[5, 0]], [[0, 5]], [[0, 0]]],
      [[[0, 0]], [[0, 0]], [[1, 1]]],
    ]);
    const labels = array([[[0, 1]], [[2, -1]]], "int64");
    expect(resultOf(topK({ k: 1 }), { output, labels })).toBe(1);
    expect(resultOf(confusion(), { output, labels }).data).toEqual(
      Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1),
    );
  });

  it("take one logit a label for the classes 0 and 1", () => {
    const output = array([[2], [-1], [3], [-2]]);
    const labels = array([1, 1, 0, 0]);
    // tp 1, fp 1, fn 1
    expect(resultOf(f1(), { output, labels })).toBe(0.5);
    expect(resultOf(topK({ k: 1 }), { output, labels })).toBe(0.5);
    const p = [
      1 / (1 + Math.exp(-2)),
      1 / (1 + Math.exp(-1)),
      1 / (1 + Math.exp(-3)),
      1 / (1 + Math.exp(-2)),
    ];
    const [right, wrong] = [p[0] + p[3], p[1] + p[2]];
    const one = resultOf(calibrationError({ bins: 1 }), { output, labels });
    expect(one).toBeCloseTo(Math.abs(2 - right - wrong) / 4, 12);
  });

  it("tell the F1 of one class", () => {
    const batch = { output: array([[1, 0], [0, 1], [0, 1]]), labels: array([0, 1, 0], "int64") }; // biome-ignore format: a matrix
    expect(resultOf(f1({ positive: 0 }), batch)).toBeCloseTo(2 / 3, 12);
    expect(resultOf(f1({ positive: 1 }), batch)).toBeCloseTo(2 / 3, 12);
    expect(resultOf(f1({ positive: 7 }), batch)).toBe(0);
    const nothing = { output: array([1, 2]), labels: array([-1, -1]) };
    expect(resultOf(f1(), nothing)).toBeNaN();
  });

  it("count a logit that is NaN as no hit", () => {
    const output = array([[Number.NaN, 0], [0, Number.NaN]]); // biome-ignore format: a matrix
    expect(resultOf(topK({ k: 1 }), { output, labels: array([0, 1], "int64") })).toBe(0);
  });

  it("refuse outputs and labels that do not fit", () => {
    const output = array([[1, 2], [3, 4]]); // biome-ignore format: a matrix
    expect(() => resultOf(f1(), { output, labels: array([0], "int64") })).toThrow(ShapeError);
    expect(() => resultOf(f1(), { output, labels: array([0, 2], "int64") })).toThrow(DataError);
    expect(() => resultOf(f1(), { output, labels: array([0, 2], "int64") })).toThrow(
      "f1: label 1 is 2; classes are 0..1.",
    );
    expect(() => topK({ k: 0 })).toThrow(OptionError);
  });
});

describe("errors of predictions", () => {
  it("are means over the elements of all batches", () => {
    const a = { output: array([[1, 2], [3, 4]]), labels: array([[1, 4], [0, 4]]) }; // biome-ignore format: a matrix
    const b = { output: array([[10, 0]]), labels: array([[0, 0]]) };
    expect(resultOf(mae({ scale: 2 }), a, b)).toBe((2 * (2 + 3 + 10)) / 6);
    expect(resultOf(rmse(), a, b)).toBe(Math.sqrt((4 + 9 + 100) / 6));
    expect(resultOf(mae())).toBeNaN();
  });

  it("take outputs with an axis of one for labels without", () => {
    expect(resultOf(mae(), { output: array([[1], [2]]), labels: array([1, 4]) })).toBe(1);
    expect(() => resultOf(mae(), { output: array([[1, 2]]), labels: array([1]) })).toThrow(ShapeError);
  });
});

it("what is no metric is named", () => {
  const check = (metrics: unknown) => () => requireMetrics("run", metrics, ["loss"]);
  expect(check({ f1 })).toThrow(
    'the metric "f1" must have the functions init, update and result; got the function f1. Call it.',
  );
  expect(check({ loss: f1() })).toThrow('"loss" is measured anyway');
  expect(check([f1()])).toThrow("metrics must be an object of metrics by name");
  expect(check({ f1: f1() })).not.toThrow();
});
