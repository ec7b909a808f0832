import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRng } from "../../../src/math/rng.js";
import { type Matrix, product, transposed } from "../../../src/symmetry/matrix.js";
import { logRotation, rotation, rotationPlanes, skew } from "../../../src/symmetry/rotation/rotation.js";

const identity = (n: number): Matrix => ({
  shape: [n, n],
  data: Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1 : 0)),
});
const off = (a: Matrix, b: Matrix): number => Math.max(...a.data.map((v, i) => Math.abs(v - b.data[i])));
const random = (n: number, seed: number, norm: number): Float64Array => {
  const rng = createRng(seed);
  const T = Float64Array.from({ length: rotationPlanes(n) }, () => rng.normal());
  const length = Math.hypot(...T);
  return T.map((t) => (norm * t) / length);
};
/** exp(S) by its series on S / 2^k, squared k times: another way to the same numbers. */
function series(S: Matrix): Matrix {
  const squarings = 12;
  const small = { shape: S.shape, data: S.data.map((v) => v / 2 ** squarings) };
  let [total, term] = [identity(S.shape[0]), identity(S.shape[0])];
  for (let k = 1; k < 12; k++) {
    term = product(term, small);
    term = { shape: term.shape, data: term.data.map((v) => v / k) };
    total = { shape: total.shape, data: total.data.map((v, i) => v + term.data[i]) };
  }
  for (let k = 0; k < squarings; k++) total = product(total, total);
  return total;
}
const sizeAndSeed = fc.record({
  n: fc.integer({ min: 2, max: 20 }),
  seed: fc.integer({ min: 0, max: 1e6 }),
  norm: fc.double({ min: 1e-9, max: 10, noNaN: true }),
});

describe("rotation", () => {
  it("is orthogonal to 1e-13, also for many turns", () => {
    fc.assert(
      fc.property(sizeAndSeed, fc.constantFrom(1, 100), ({ n, seed, norm }, factor) => {
        const R = rotation(random(n, seed, factor * norm), n);
        expect(off(product(R, transposed(R)), identity(n))).toBeLessThan(1e-13);
      }),
    );
  });

  it("is the exponential series of the skew matrix", () => {
    fc.assert(
      fc.property(sizeAndSeed, ({ n, seed, norm }) => {
        const T = random(n, seed, norm);
        expect(off(rotation(T, n), series(skew(T, n)))).toBeLessThan(1e-11);
      }),
    );
  });

  it("turns the first axis toward the second for a positive angle", () => {
    const half = Math.SQRT1_2;
    for (const [i, v] of [half, -half, half, half].entries()) {
      expect(rotation([Math.PI / 4], 2).data[i]).toBeCloseTo(v, 15);
    }
    // n = 3: T lists the planes (0, 1), (0, 2), (1, 2).
    const R = rotation([0, Math.PI / 2, 0], 3);
    [0, 0, -1, 0, 1, 0, 1, 0, 0].forEach((v, i) => {
      expect(R.data[i]).toBeCloseTo(v, 15);
    });
  });

  it("is the identity at T = 0", () => {
    for (const n of [2, 3, 7])
      expect(off(rotation(new Float64Array(rotationPlanes(n)), n), identity(n))).toBe(0);
  });
});

describe("logRotation", () => {
  it("gives T back where all angles are below pi", () => {
    fc.assert(
      fc.property(sizeAndSeed, ({ n, seed, norm }) => {
        const T = random(n, seed, Math.min(norm, 3));
        const back = logRotation(rotation(T, n));
        T.forEach((t, k) => {
          expect(Math.abs(back[k] - t)).toBeLessThan(1e-12);
        });
      }),
    );
  });

  it("gives a logarithm of every rotation: its exponential is the rotation", () => {
    fc.assert(
      fc.property(sizeAndSeed, ({ n, seed, norm }) => {
        const R = rotation(random(n, seed, 10 * norm), n);
        expect(off(rotation(logRotation(R), n), R)).toBeLessThan(1e-9);
      }),
    );
  });

  it("takes half-turns in some plane", () => {
    for (const diagonal of [
      [-1, -1],
      [-1, -1, 1],
      [-1, 1, -1, -1, -1],
    ]) {
      const n = diagonal.length;
      const R = {
        shape: [n, n],
        data: Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? diagonal[i % n] : 0)),
      };
      expect(off(rotation(logRotation(R), n), R)).toBeLessThan(1e-12);
    }
  });
});
