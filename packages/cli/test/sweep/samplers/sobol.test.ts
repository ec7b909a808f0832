import { OptionError } from "isoloss";
import { describe, expect, it } from "vitest";
import { samplerOf } from "../../../src/sweep/samplers/sampler.js";
import { sobolPoints } from "../../../src/sweep/samplers/sobol.js";

const points = (d: number, n: number, seed?: number) =>
  Array.from({ length: n }, (_, i) => sobolPoints(d, seed)(i));

describe("sobolPoints", () => {
  it("has the first points of Joe and Kuo's sequence in three dimensions", () => {
    expect(points(3, 8)).toEqual([
      [0, 0, 0],
      [0.5, 0.5, 0.5],
      [0.25, 0.75, 0.75],
      [0.75, 0.25, 0.25],
      [0.125, 0.625, 0.375],
      [0.625, 0.125, 0.875],
      [0.375, 0.375, 0.625],
      [0.875, 0.875, 0.125],
    ]);
  });

  it.each([undefined, 0, 7])(
    "has one of 2^k points in each interval of 2^-k, in all dimensions (seed %s)",
    (seed) => {
      const point = sobolPoints(32, seed);
      const all = Array.from({ length: 256 }, (_, n) => point(n));
      for (const n of [8, 64, 256]) {
        for (let j = 0; j < 32; j++) {
          expect(new Set(all.slice(0, n).map((x) => Math.floor(x[j] * n))).size).toBe(n);
        }
      }
    },
  );

  it.each([undefined, 3])("is a (0, k, 2)-net in its first two dimensions (seed %s)", (seed) => {
    const k = 6;
    const all = points(2, 2 ** k, seed);
    for (let a = 0; a <= k; a++) {
      const boxes = all.map(([x, y]) => `${Math.floor(x * 2 ** a)},${Math.floor(y * 2 ** (k - a))}`);
      expect(new Set(boxes).size).toBe(2 ** k);
    }
  });

  it("is scrambled by the seed, each dimension in its own way", () => {
    const [one, other] = [points(2, 16, 1), points(2, 16, 2)];
    expect(points(2, 16, 1)).toEqual(one);
    expect(other).not.toEqual(one);
    // The first point of every sequence without scrambling is 0.
    expect(one[0][0]).not.toBe(one[0][1]);
    // A scrambled point is uniform: mean 1/2 over seeds, with a standard deviation of 0.02.
    const first = Array.from({ length: 200 }, (_, seed) => sobolPoints(1, seed)(0)[0]);
    expect(Math.abs(first.reduce((a, b) => a + b) / 200 - 0.5)).toBeLessThan(0.08);
  });

  it("keeps the strata of digits: the scrambling of a digit depends on those before it alone", () => {
    const [plain, scrambled] = [points(1, 256), points(1, 256, 5)];
    for (const n of [2, 4, 8, 16]) {
      const pairs = new Set(plain.map(([x], i) => `${Math.floor(x * n)} ${Math.floor(scrambled[i][0] * n)}`));
      expect(pairs.size).toBe(n);
    }
  });

  it("refuses more than 32 dimensions", () => {
    expect(() => sobolPoints(33)).toThrow(OptionError);
    expect(() => sobolPoints(33)).toThrow(/at most 32 dimensions.*33 parameters/);
  });
});

describe("the samplers random and sobol", () => {
  it.each(["random", "sobol"] as const)("%s: a trial depends on the seed and its number alone", (method) => {
    const sampler = (seed: number) =>
      samplerOf({ method, seed, order: "shuffled", parameters: { a: { min: 0, max: 1, scale: "linear" } } });
    const asked = Array.from({ length: 20 }, (_, trial) => sampler(0).ask(trial));
    expect(sampler(0).ask(13)).toEqual(asked[13]);
    expect(new Set(asked.map(({ a }) => a)).size).toBe(20);
    expect(sampler(1).ask(13)).not.toEqual(asked[13]);
  });
});
