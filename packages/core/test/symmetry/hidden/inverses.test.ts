import { afterAll, describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import { NumericalError } from "../../../src/errors.js";
import { inverse, pinv } from "../../../src/math/linalg.js";
import { createRng } from "../../../src/math/rng.js";
import { createInverses } from "../../../src/symmetry/hidden/inverses.js";

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

const inverses = createInverses();
afterAll(() => inverses.dispose());

describe("a pseudo-inverse by the Gram matrix", () => {
  it("is that by singular values, of wide and tall matrices of any size", async () => {
    // The last sizes are for ONNX Runtime.
    const sizes = [1, 2, 3, 5, 8, 13, 23, 47, 48, 70].map((m, i) => [m, m + [0, 1, 2, 17, 30][i % 5]]);
    for (const [seed, [m, n]] of sizes.entries()) {
      for (const a of [random(m, n, seed), random(n, m, seed)]) {
        const expected = pinv(a).pinv;
        const x = (await inverses.pseudoInverse(a)) as NdArray<Float64Array>;
        // A random square matrix may be badly conditioned.
        const tolerance = m === n ? 1e-8 : 1e-11;
        expect(x.shape).toEqual(expected.shape);
        expect(worst(x, expected), `${a.shape}`).toBeLessThan(tolerance * largest(expected));
      }
    }
  });

  it.each([1e-2, 1e-3, 1e-4])("is as accurate where rows are parallel up to %d", async (mixed) => {
    for (const [m, n] of [
      [9, 14],
      [60, 90],
    ]) {
      const a = random(m, n, 3, mixed);
      const expected = pinv(a).pinv;
      const x = (await inverses.pseudoInverse(a)) as NdArray<Float64Array>;
      expect(worst(x, expected)).toBeLessThan(1e-9 * largest(expected));
    }
  });

  it.each([0, 1e-7, 1e-12])("is left to singular values where they are so up to %d", async (mixed) => {
    expect(await inverses.pseudoInverse(random(9, 14, 3, mixed))).toBeUndefined();
    expect(await inverses.pseudoInverse(random(60, 90, 3, mixed))).toBeUndefined();
  });

  it("and for zeros and numbers whose squares leave the range", async () => {
    for (const value of [0, 1e-200, 1e200]) {
      const diagonal = (n: number) =>
        ndarray(
          Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? value : 0)),
          [n, n],
        );
      for (const n of [2, 64]) expect(await inverses.pseudoInverse(diagonal(n))).toBeUndefined();
    }
  });
});

describe("an inverse", () => {
  it.each([1, 2, 10, 47, 48, 100])("of %d rows is that of the library", async (n) => {
    const a = random(n, n, n);
    for (let i = 0; i < n; i++) a.data[i * n + i] += n;
    const expected = inverse(a);
    expect(worst(await inverses.inverse(a), expected)).toBeLessThan(1e-12 * largest(expected));
  });

  it.each([3, 64])("of %d rows is none for singular matrices and for what is not finite", async (n) => {
    const twice = random(n, n, 1, 0);
    await expect(inverses.inverse(twice)).rejects.toThrow(NumericalError);
    const undefinedNumber = random(n, n, 1);
    undefinedNumber.data[n] = NaN;
    await expect(inverses.inverse(undefinedNumber)).rejects.toThrow(/singular/);
  });

  it("is computed again after what was compiled has been given back", async () => {
    const a = random(60, 60, 1);
    const own = createInverses();
    const first = await own.inverse(a);
    await own.dispose();
    expect((await own.inverse(a)).data).toEqual(first.data);
    await own.dispose();
  });
});
