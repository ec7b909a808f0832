// The factors of the descent against all of them: the objective computed by plain loops.

import { type NdArray, sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import type { ScalingGenerator } from "isoloss/symmetry";
import { describe, expect, it } from "vitest";
import { descendHalf, shiftedAlong } from "../../src/half/descend.js";
import { costOf, exponentBins, leastExponent } from "../../src/half/range.js";

type Arrays = Readonly<Record<string, NdArray>>;

/** Numbers of very different sizes. */
function wide(shape: readonly number[], seed: number, middle: number): NdArray {
  const rng = createRng(seed);
  const data = Float64Array.from(
    { length: sizeOf(shape) },
    () => rng.normal() * 2 ** (middle + 6 * rng.normal()),
  );
  return { shape, data };
}

const generator = (
  axes: readonly [path: string, axis: number, power: number][],
  params: Arrays,
): ScalingGenerator => ({
  kind: "scaling",
  size: params[axes[0][0]].shape[axes[0][1]],
  exact: true,
  axes: axes.map(([path, axis, power]) => ({ path, axis, power, view: params[path].shape })),
});

/** Sum over tensors of the mean cost of their numbers. */
const objective = (arrays: Arrays): number =>
  Object.values(arrays).reduce((total, { data }) => {
    let sum = 0;
    for (const w of data) if (Number(w) !== 0) sum += costOf(Math.floor(Math.log2(Math.abs(Number(w)))));
    return total + sum / data.length;
  }, 0);

const moved = (
  params: Arrays,
  generators: readonly ScalingGenerator[],
  shifts: readonly Int32Array[],
): Arrays => {
  const own: Record<string, NdArray> = { ...params };
  generators.forEach(({ axes }, g) => {
    for (const leg of axes) own[leg.path] = shiftedAlong(own[leg.path], leg, shifts[g]);
  });
  return own;
};

describe("factors of powers of two", () => {
  it.each([
    [-16, 10],
    [12, -18],
    [0, 0],
    [14, 13],
  ])("are the best of all between two layers at 2^%i and 2^%i", (first, second) => {
    const params = { a: wide([3, 7], 1, first), b: wide([5, 3], 2, second) };
    const generators = [
      generator(
        [
          ["a", 0, 1],
          ["b", 1, -1],
        ],
        params,
      ),
    ];
    const found = descendHalf(params, generators, []);
    const least = objective(moved(params, generators, found));
    expect(least).toBeLessThanOrEqual(objective(params));
    // The units do not depend on one another: each is tried alone.
    for (let unit = 0; unit < 3; unit++) {
      for (let k = -64; k <= 64; k++) {
        const other = Int32Array.from(found[0], (own, i) => (i === unit ? k : own));
        expect(objective(moved(params, generators, [other]))).toBeGreaterThanOrEqual(least - 1e-9);
      }
    }
  });

  it("bring in numbers that are very far off", () => {
    const params = {
      a: { shape: [1, 1], data: Float64Array.of(2 ** 50) },
      b: { shape: [1, 1], data: Float64Array.of(0) },
    };
    const axes: Parameters<typeof generator>[0] = [
      ["a", 0, 1],
      ["b", 1, -1],
    ];
    expect(descendHalf(params, [generator(axes, params)], [])).toEqual([Int32Array.of(-38)]);
  });

  it("never cost more than none, in chains, with powers other than 1, and where a unit is on both axes", () => {
    for (let seed = 0; seed < 20; seed++) {
      const rng = createRng(seed);
      const draw = (shape: readonly number[], k: number) => wide(shape, 10 * seed + k, 12 * rng.normal());
      const params = { a: draw([4, 3], 0), b: draw([4, 4], 1), v: draw([4], 2), c: draw([2, 4], 3) };
      const generators = [
        generator(
          [
            ["a", 0, 1],
            ["b", 0, 1],
            ["b", 1, -1],
            ["v", 0, 0.5],
            ["c", 1, -1],
          ],
          params,
        ),
        generator(
          [
            ["a", 1, 1],
            ["b", 0, 2],
          ].slice(0, 1) as never,
          params,
        ),
      ];
      const found = descendHalf(params, generators, []);
      expect(objective(moved(params, generators, found))).toBeLessThanOrEqual(objective(params) + 1e-9);
      // Half a power: whole factors only.
      expect(found[0].every((k) => k % 2 === 0)).toBe(true);
      expect(found.flatMap((own) => [...own]).every((k) => Math.abs(k) <= 64)).toBe(true);
    }
  });

  it("follow activations, whose factors come from the weights", () => {
    const params = { a: wide([1, 4], 1, 0), b: wide([4, 1], 2, 0) };
    const generators = [
      generator(
        [
          ["a", 0, 1],
          ["b", 1, -1],
        ],
        params,
      ),
    ];
    const counts = new Float64Array(exponentBins);
    counts[20 - leastExponent] = 10;
    const cell = { counts, share: 0.1, terms: [{ generator: 0, unit: 0, power: 1 }] };
    // From 2^20 to below 2^13.
    expect(descendHalf(params, generators, [])).not.toEqual([Int32Array.of(-8)]);
    expect(descendHalf(params, generators, [cell])[0][0]).toBeLessThanOrEqual(-8);
  });
});
