import { describe, expect, it } from "vitest";
import { runDocument } from "../../src/formats/json.js";
import { aggregated, isInSeconds, metricOf, oriented, partOf, testNameOf } from "../../src/sweep/metric.js";
import type { Metric } from "../../src/sweep/schema.js";

const document = (loss: readonly number[]) =>
  runDocument({
    name: "x",
    seed: 0,
    status: "completed",
    steps: loss.length,
    wallSeconds: 1,
    loss,
    metrics: { "validation.loss": 0.5, "front.reached": 1 },
  });

const metric = (aggregate: Metric["aggregate"], goal: Metric["goal"] = "minimize"): Metric => ({
  name: "loss",
  goal,
  aggregate,
});

describe("metricOf", () => {
  it("finds numbers by their paths, and those of metrics without the word", () => {
    const run = document([4, 3, 2]);
    const found = [
      "loss",
      "loss.last",
      "loss.history[0]",
      "steps",
      "validation.loss",
      "metrics.validation.loss",
    ];
    expect(found.map((name) => metricOf(run, name))).toEqual([2, 2, 4, 3, 0.5, 0.5]);
    expect(metricOf(run, "validation.acuracy")).toBeUndefined();
  });

  it("has the mean of the last 2 % of steps as loss", () => {
    const losses = Array.from({ length: 200 }, (_, i) => i);
    expect(metricOf(document(losses), "loss")).toBe((196 + 197 + 198 + 199) / 4);
    expect(metricOf(document([...losses.slice(0, 198), Number.NaN, 1]), "loss")).toBeUndefined();
  });

  it("knows times by their names", () => {
    expect(["wallSeconds", "target.seconds", "steps", "loss"].map(isInSeconds)).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
});

describe("partOf", () => {
  it.each([
    ["validation", ["validation.loss", "metrics.validation.accuracy", "start.loss", "start.accuracy"]],
    ["test", ["test.loss", "reported.depth.rmse", "metrics.reported.deltaM"]],
    ["training", ["loss", "loss.last", "train.left.loss", "gradNormSq.last", "steps", "front.reached"]],
    ["training", ["wallSeconds", "seconds.perEpoch", "target.step", "metrics.target.seconds"]],
    [undefined, ["best.epoch", "validationLoss", "sharpness"]],
  ] as const)("is %s of %j", (part, names) => {
    expect(names.map(partOf)).toEqual(names.map(() => part));
  });

  it("has a name on test rows of what is on validation rows by name alone", () => {
    const nameOf = (name: string) =>
      testNameOf({ metric: { ...metric("mean"), name }, confirm: {} } as unknown as Parameters<
        typeof testNameOf
      >[0]);
    expect(["validation.loss", "start.loss", "reported.x"].map(nameOf)).toEqual([
      "test.loss",
      undefined,
      undefined,
    ]);
  });
});

describe("aggregated", () => {
  it("is the value of a trial over its seeds", () => {
    const values = [1, 4, 16];
    expect(aggregated(metric("mean"), values)).toBe(7);
    expect(aggregated(metric("median"), values)).toBe(4);
    expect(aggregated(metric("geometric"), values)).toBeCloseTo(4, 12);
    expect(aggregated(metric("worst"), values)).toBe(16);
    expect(aggregated(metric("worst", "maximize"), values)).toBe(1);
    expect(aggregated(metric("geometric"), [0, 1])).toBeNaN();
  });

  it("is turned so that less is better", () => {
    expect([oriented(metric("mean"), 3), oriented(metric("mean", "maximize"), 3)]).toEqual([3, -3]);
  });
});
