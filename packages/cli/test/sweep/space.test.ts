import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { axisOf, binAt } from "../../src/sweep/axis.js";
import { spaceOf } from "../../src/sweep/space.js";
import type { Choice, Normal, Parameter, Range } from "../../src/sweep/types.js";

const parameters: readonly (Choice | Range | Normal)[] = [
  { values: ["a", [1, 2], { b: 3 }, null] },
  { values: [1, 2, 3], probabilities: [0.2, 0.3, 0.5] },
  { min: -2, max: 5, scale: "linear" },
  { min: 1e-5, max: 10, scale: "log" },
  { min: 3, max: 12 },
  { min: 0.1, max: 1, step: 0.1 },
  { min: 1, max: 200, step: 1, scale: "log" },
  { min: -1, max: 1, roundTo: 0.3 },
  { min: 1, max: 100, roundTo: 8, scale: "log" },
  { min: 10, max: 1000, count: 3, scale: "log" },
  { min: 0, max: 1, count: 5 },
  { distribution: "normal", mu: 3, sigma: 2 },
  { distribution: "log_normal", mu: -1, sigma: 0.5 },
  { distribution: "normal", mu: 0, sigma: 1, step: 0.25 },
  { distribution: "log_normal", mu: 1, sigma: 1, step: 2 },
];

const unit = fc.double({ min: 1e-9, max: 1, maxExcluded: true, noNaN: true });

describe("axisOf", () => {
  it.each(parameters)("maps numbers to values and back: %j", (parameter) => {
    const axis = axisOf(parameter);
    fc.assert(
      fc.property(unit, (u) => {
        const value = axis.valueAt(u);
        const back = axis.unitOf(value);
        if (axis.bins === undefined) expect(back).toBeCloseTo(u, 8);
        else expect(binAt(axis.bins, back)).toBe(binAt(axis.bins, u));
        expect(axis.valueAt(back)).toEqual(
          axis.bins === undefined ? expect.closeTo(value as number, 6) : value,
        );
      }),
    );
  });

  it.each([
    [{ min: 3, max: 12 }, 10, 3, 12],
    [{ min: 0.1, max: 1, step: 0.1 }, 10, 0.1, 1],
    [{ min: 0, max: 10, step: 4 }, 3, 0, 8],
    [{ values: ["x", "y", "z"] }, 3, "x", "z"],
    [{ min: 1e-3, max: 1, count: 4, scale: "log" }, 4, 1e-3, 1],
  ] as const)("divides the interval of %j into %d equal bins", (parameter, count, first, last) => {
    const axis = axisOf(parameter);
    const counts = new Map<unknown, number>();
    const n = 1000 * count;
    for (let i = 0; i < n; i++) {
      const value = axis.valueAt((i + 0.5) / n);
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    expect([...counts.values()]).toEqual(Array(count).fill(1000));
    expect([[...counts.keys()][0], [...counts.keys()].at(-1)]).toEqual([first, last]);
  });

  it("has steps and counts without noise in the last digits", () => {
    const values = (parameter: Range) => {
      const { bins } = axisOf(parameter);
      return Array.from({ length: bins?.count ?? 0 }, (_, k) => bins?.value(k));
    };
    expect(values({ min: 0.1, max: 0.7, step: 0.1 })).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]);
    expect(values({ min: 1e-3, max: 1, count: 4, scale: "log" })).toEqual([0.001, 0.01, 0.1, 1]);
    expect(values({ min: 0, max: 1, count: 5 })).toEqual([0, 0.25, 0.5, 0.75, 1]);
  });

  it("gives logarithmic steps the widths between geometric means of neighbors", () => {
    const { bins } = axisOf({ min: 1, max: 4, step: 1, scale: "log" });
    // Edges sqrt(1/2), sqrt(2), sqrt(6), sqrt(12), 4 sqrt(4/3); all of it log(4 sqrt(4/3) / sqrt(1/2)).
    const edges = [Math.sqrt(0.5), Math.sqrt(2), Math.sqrt(6), Math.sqrt(12), 4 * Math.sqrt(4 / 3)].map(
      Math.log,
    );
    const width = edges[4] - edges[0];
    for (const [k, edge] of edges.entries()) expect(bins?.edge(k)).toBeCloseTo((edge - edges[0]) / width, 12);
  });

  it.each([
    // A sixth is below 0.15, and one above 0.75.
    [{ min: 0, max: 0.9, roundTo: 0.3 }, [0, 0.3, 0.6, 0.9], [0.15, 0.45, 0.75].map((x) => x / 0.9)],
    [{ min: 1, max: 9, roundTo: 4 }, [0, 4, 8], [1 / 8, 5 / 8]],
    // 10 and 50 are alone in being rounded to 0 and 60.
    [{ min: 10, max: 50, roundTo: 20 }, [20, 40], [1 / 2]],
    // The interval's part below x is log4(x / 16).
    [
      { min: 16, max: 64, roundTo: 16, scale: "log" },
      [16, 32, 48, 64],
      [24, 40, 56].map((x) => Math.log(x / 16) / Math.log(4)),
    ],
    [{ min: 1, max: 16, roundTo: 8, scale: "log" }, [0, 8, 16], [1 / 2, Math.log(12) / Math.log(16)]],
  ] as const)("rounds the numbers of %j to multiples", (parameter, values, edges) => {
    const { bins } = axisOf(parameter);
    expect(values.map((_, k) => bins?.value(k))).toEqual(values);
    const found = Array.from({ length: (bins?.count ?? 0) + 1 }, (_, k) => bins?.edge(k));
    expect(found).toEqual([0, ...edges.map((edge) => expect.closeTo(edge, 12)), 1]);
  });

  it("draws categories and normal numbers with their probabilities", () => {
    const choice = axisOf({ values: ["a", "b"], probabilities: [0.25, 0.75] });
    expect([0, 0.24, 0.26, 0.99].map((u) => choice.valueAt(u))).toEqual(["a", "a", "b", "b"]);
    const normal = axisOf({ distribution: "normal", mu: 3, sigma: 2 });
    // The quartile of the normal distribution is 0.67449.
    expect(normal.valueAt(0.75)).toBeCloseTo(3 + 2 * 0.674489750196, 10);
    expect(axisOf({ distribution: "log_normal", mu: 1, sigma: 2 }).valueAt(0.5)).toBeCloseTo(Math.E, 12);
    expect(Number.isFinite(normal.valueAt(0))).toBe(true);
  });
});

describe("spaceOf", () => {
  const conditional: Readonly<Record<string, Parameter>> = {
    rate: { min: 0, max: 1, scale: "linear" },
    kind: { values: ["plain", "moved", "shifted"] },
    every: { min: 1, max: 4, when: { kind: ["moved", "shifted"] } },
    far: { value: true, when: { every: 4 } },
    decay: { value: "cosine" },
  };
  const space = spaceOf(conditional);

  it("has a dimension for each parameter that varies", () => {
    expect(space.dimensions.map(({ path }) => path)).toEqual(["rate", "kind", "every"]);
  });

  it("leaves out parameters that are off, and those that depend on them", () => {
    expect(space.assign([0.5, "plain", 4])).toEqual({ rate: 0.5, kind: "plain", decay: "cosine" });
    expect(space.assign([0.5, "moved", 3])).toEqual({ rate: 0.5, kind: "moved", every: 3, decay: "cosine" });
    expect(space.assign([0.5, "shifted", 4])).toEqual({
      rate: 0.5,
      kind: "shifted",
      every: 4,
      far: true,
      decay: "cosine",
    });
    expect(space.at([0.25, 0.5, 0.99])).toEqual({
      rate: 0.25,
      kind: "moved",
      every: 4,
      far: true,
      decay: "cosine",
    });
  });

  it("sets a value with what it needs to be on", () => {
    expect(space.withValue([0, "plain", 1], "every", 2)).toEqual([0, "moved", 2]);
    expect(space.withValue([0, "shifted", 1], "every", 2)).toEqual([0, "shifted", 2]);
    expect(space.withValue([0, "plain", 1], "far", true)).toEqual([0, "moved", 4]);
    expect(space.withValue([0, "plain", 1], "rate", 0.7)).toEqual([0.7, "plain", 1]);
  });

  it("takes a list as a value, or as several", () => {
    const lists = spaceOf({
      sizes: { values: [[1, 2], [3]] },
      on: { value: 1, when: { sizes: [1, 2] } },
      either: { value: 1, when: { sizes: [[3], [4]] } },
    });
    expect(lists.assign([[1, 2]])).toEqual({ sizes: [1, 2], on: 1 });
    expect(lists.assign([[3]])).toEqual({ sizes: [3], either: 1 });
  });
});
