import { expectClose, float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { type Plateau, type PlateauOptions, reduceOnPlateau } from "../../src/optim/plateau.js";
import { golden } from "./support.js";

/** One row a case of the golden file, with the same settings here. */
const rows: [string, PlateauOptions][] = [
  ["plateau-min-rel", { factor: 0.5, patience: 2, threshold: 0.01, cooldown: 1, least: 0.004 }],
  ["plateau-max-abs", { mode: "max", patience: 1, threshold: 0.01, thresholdMode: "absolute" }],
];

/** The rate after each metric. */
function rates(plateau: Plateau, first: number, metrics: readonly number[]): number[] {
  let state = plateau.init(first);
  return metrics.map((metric) => {
    const result = plateau.next(state, metric);
    ({ state } = result);
    return result.rate;
  });
}

describe("reduceOnPlateau", () => {
  it("has a row for every plateau of the golden file", () => {
    const names = golden.schedules.filter((s) => s.metrics !== undefined).map((s) => s.name);
    expect(rows.map(([name]) => name)).toEqual(names);
  });

  it.each(rows)("equals PyTorch's ReduceLROnPlateau over 30 metrics: %s", (name, options) => {
    const { baseLr, metrics, lr, finalLr } = golden.schedules.find((s) => s.name === name)!;
    const got = rates(reduceOnPlateau(options), baseLr, metrics);
    expectClose(float64(got), float64([...lr.slice(1), finalLr]), 1e-13);
    expect(finalLr).toBeLessThan(baseLr);
  });

  it.each(rows)("goes on from a state that went through JSON: %s", (name, options) => {
    const { baseLr, metrics } = golden.schedules.find((s) => s.name === name)!;
    const plateau = reduceOnPlateau(options);
    let state = plateau.init(baseLr);
    const got = metrics.map((metric) => {
      const before = JSON.stringify(state);
      const result = plateau.next(JSON.parse(before), metric);
      expect(plateau.next(state, metric)).toEqual(result);
      expect(JSON.stringify(state)).toBe(before);
      ({ state } = result);
      return result.rate;
    });
    expect(got).toEqual(rates(plateau, baseLr, metrics));
  });

  it("waits for ten metrics and divides by ten by default", () => {
    // The first metric is the best; the ten that follow are waited for; the eleventh reduces.
    const got = rates(
      reduceOnPlateau(),
      1,
      Array.from({ length: 12 }, () => 5),
    );
    expect(got).toEqual([...Array.from({ length: 11 }, () => 1), 0.1]);
  });

  it("counts a metric that is not finite as no improvement, even as the first", () => {
    expect(rates(reduceOnPlateau({ patience: 1, factor: 0.5 }), 1, [Number.NaN, Infinity, 3, 2])).toEqual([
      1, 0.5, 0.5, 0.5,
    ]);
    expect(rates(reduceOnPlateau({ patience: 1, factor: 0.5, mode: "max" }), 1, [3, Infinity, 4])).toEqual([
      1, 1, 1,
    ]);
  });

  it("leaves out a reduction that is smaller than epsilon", () => {
    const metrics = [1, 1, 1];
    expect(rates(reduceOnPlateau({ patience: 0, factor: 0.5, epsilon: 0.3 }), 1, metrics)).toEqual([
      1, 0.5, 0.5,
    ]);
  });

  it.each<[string, PlateauOptions, RegExp]>([
    ["a factor above one", { factor: 2 }, /factor must be a number in \[0, 1\]; got 2/],
    ["a negative patience", { patience: -1 }, /patience must be an integer >= 0; got -1/],
    ["an unknown mode", { mode: "low" as never }, /mode must be one of min, max; got "low"/],
    ["an unknown option", { min_lr: 0 } as never, /no option "min_lr"; it has mode, factor, patience/],
  ])("refuses %s", (_, options, message) => {
    expect(() => reduceOnPlateau(options)).toThrow(OptionError);
    expect(() => reduceOnPlateau(options)).toThrow(message);
  });

  it("refuses a negative rate", () => {
    expect(() => reduceOnPlateau().init(-1)).toThrow(OptionError);
  });
});
