import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/array.js";
import { fullRankPinv } from "../../src/math/full-rank.js";
import { pinv } from "../../src/math/linalg.js";
import { createRng } from "../../src/math/rng.js";

/** Rows of normal numbers, the last one a mix of `mixed` of itself and the rest of it of the first. */
function random(m: number, n: number, seed: number, mixed = 1): NdArray<Float64Array> {
  const rng = createRng(seed);
  const data = Float64Array.from({ length: m * n }, () => rng.normal());
  for (let j = 0; j < n; j++) {
    data[(m - 1) * n + j] = mixed * data[(m - 1) * n + j] + (1 - mixed) * data[j];
  }
  return ndarray(data, [m, n]);
}

const worst = (a: NdArray<Float64Array>, b: NdArray<Float64Array>) =>
  a.data.reduce((w, x, i) => Math.max(w, Math.abs(x - b.data[i])), 0);
const largest = (a: NdArray<Float64Array>) => a.data.reduce((w, x) => Math.max(w, Math.abs(x)), 0);

describe("fullRankPinv", () => {
  it("is the pseudo-inverse by singular values, of wide and tall matrices of any size", () => {
    const sizes = fc.record({
      m: fc.integer({ min: 1, max: 23 }),
      n: fc.integer({ min: 24, max: 40 }),
      isTall: fc.boolean(),
      seed: fc.nat(),
    });
    fc.assert(
      fc.property(sizes, ({ m, n, isTall, seed }) => {
        const a = isTall ? random(n, m, seed) : random(m, n, seed);
        const expected = pinv(a).pinv;
        const x = fullRankPinv(a) as NdArray<Float64Array>;
        expect(x.shape).toEqual(expected.shape);
        expect(worst(x, expected)).toBeLessThan(1e-11 * largest(expected));
      }),
    );
  });

  it.each([1e-2, 1e-3, 1e-4])("is as accurate where rows are parallel up to %d", (mixed) => {
    const a = random(9, 14, 3, mixed);
    const expected = pinv(a).pinv;
    expect(worst(fullRankPinv(a) as NdArray<Float64Array>, expected)).toBeLessThan(1e-9 * largest(expected));
  });

  it.each([0, 1e-7, 1e-12])("leaves those that are parallel up to %d to singular values", (mixed) => {
    expect(fullRankPinv(random(9, 14, 3, mixed))).toBeUndefined();
  });

  it("leaves zeros and numbers whose squares leave the range to them, too", () => {
    for (const value of [0, 1e-200, 1e200]) {
      expect(fullRankPinv(ndarray(Float64Array.of(value, 0, 0, value), [2, 2]))).toBeUndefined();
    }
  });
});
