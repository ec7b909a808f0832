import { describe, expect, it } from "vitest";
import { runningMean, summarize } from "../../src/base/statistics.js";

const linear = { log: false, spread: "range" } as const;
const run = (y: number[], x = [...y.keys()]) => ({ x, y });

describe("summarize", () => {
  it("takes the mean and the least and largest value at shared steps", () => {
    const { band, tails, diverged } = summarize([run([1, 2]), run([3, 8]), run([2, 2])], linear);
    expect(band).toEqual([
      { x: 0, mean: 2, low: 1, high: 3 },
      { x: 1, mean: 4, low: 2, high: 8 },
    ]);
    expect([tails, diverged]).toEqual([[], []]);
  });

  it("takes the mean of logarithms on a logarithmic axis", () => {
    const { band } = summarize([run([1]), run([100])], { log: true, spread: "range" });
    expect(band[0].mean).toBeCloseTo(10, 10);
    expect([band[0].low, band[0].high]).toEqual([1, expect.closeTo(100, 10)]);
  });

  it("gives Student's 95 % interval of the mean", () => {
    // By hand: mean 2, sd 1, t(2) = 4.303: half width 4.303 / sqrt 3 = 2.4843.
    const { band } = summarize([run([1]), run([2]), run([3])], { log: false, spread: "interval" });
    expect(band[0].low).toBeCloseTo(2 - 2.4843, 3);
    expect(band[0].high).toBeCloseTo(2 + 2.4843, 3);
  });

  it("keeps all values that a single run has at a place", () => {
    const { band } = summarize([run([5, 5, 3, 3, 2], [1, 2, 2, 4, 4])], linear);
    expect(band.map(({ x, mean }) => [x, mean])).toEqual([
      [1, 5],
      [2, 5],
      [2, 3],
      [4, 3],
      [4, 2],
    ]);
  });

  it("is linear between the places of a run, over the range that runs share", () => {
    const { band, tails } = summarize([run([0, 10], [0, 10]), run([4, 4], [5, 20])], linear);
    expect(band.map(({ x, mean }) => [x, mean])).toEqual([
      [5, 4.5],
      [10, 7],
    ]);
    expect(tails).toEqual([{ x: [5, 20], y: [4, 4] }]);
  });

  it("ends the mean with the first run that diverges, and lets the others go on", () => {
    const { band, tails, diverged } = summarize([run([1, 1, 1, 1]), run([3, 5, NaN, 2])], linear);
    expect(band.map(({ mean }) => mean)).toEqual([2, 3]);
    expect(tails).toEqual([{ x: [1, 2, 3], y: [1, 1, 1] }]);
    expect(diverged).toEqual([{ x: 1, y: 5, at: 2 }]);
  });

  it("has no mean where a run has no value at all", () => {
    const { band, tails, diverged } = summarize([run([Infinity, 1]), run([1, 2])], linear);
    expect(band).toEqual([]);
    expect(tails).toEqual([{ x: [0, 1], y: [1, 2] }]);
    expect(diverged).toEqual([{ x: NaN, y: NaN, at: 0 }]);
  });

  it("counts values that a logarithmic axis cannot show", () => {
    const { band, left } = summarize([run([1, 0, -1, 4])], { log: true, spread: "none" });
    expect(band.map(({ x }) => x)).toEqual([0, 3]);
    expect(left).toBe(2);
  });

  it("does not overflow", () => {
    const { band } = summarize([run([1e304]), run([-1e304]), run([1e304])], {
      log: false,
      spread: "interval",
    });
    expect(Object.values(band[0]).every(Number.isFinite)).toBe(true);
  });

  it("draws long runs with fewer points, the last among them", () => {
    const { band } = summarize([run(Array.from({ length: 100_000 }, (_, i) => i))], linear);
    expect(band.length).toBeLessThanOrEqual(801);
    expect(band.at(-1)?.x).toBe(99_999);
  });
});

describe("runningMean", () => {
  it("averages the last values, fewer at the start", () => {
    expect(runningMean([2, 4, 6, 8], 2)).toEqual([2, 3, 5, 7]);
  });

  it("keeps what is small after what was large", () => {
    const values = [0.1, 5e7, 0.3, 1e-9, 3e-18, 5e-18];
    expect(runningMean(values, 1)).toEqual(values);
    // The carried error is itself rounded: eps^2 of the largest value is left.
    const error = Math.abs((runningMean(values, 2).at(-1) ?? NaN) - 4e-18);
    expect(error).toBeLessThan(5e7 * Number.EPSILON ** 2);
  });

  it("goes on with the values themselves after one that is not finite", () => {
    expect(runningMean([2, 4, NaN, 8], 2)).toEqual([2, 3, NaN, 8]);
  });
});
