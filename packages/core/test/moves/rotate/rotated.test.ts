import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { canTurn, rotated } from "../../../src/entries/moves.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import {
  descended,
  hadamard,
  kurtosis,
  randomHadamard,
  randomOrthogonal,
} from "../../../src/moves/rotate/rotated.js";
import { linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { type Matrix, product, transposed } from "../../../src/symmetry/matrix.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { randomNetwork, rmsNorm } from "../../symmetry/discovery/random-network.js";
import { expectSameFunctions, networkKinds } from "./rotated-support.js";

function expectOrthogonal(matrix: Matrix, tolerance = 1e-12): void {
  const [n] = matrix.shape;
  const apart = product(matrix, transposed(matrix)).data.map((v, k) =>
    Math.abs(v - (k % (n + 1) === 0 ? 1 : 0)),
  );
  expect(Math.max(...apart)).toBeLessThan(tolerance);
}

/** Mean over tensors of N sum w^4 / (sum w^2)^2. */
function peakedness(values: Readonly<Record<string, NdArray>>, paths: ReadonlySet<string>): number {
  return [...paths].reduce((total, path) => {
    const data = values[path].data as Float64Array;
    const power = (p: number) => data.reduce((sum, v) => sum + v ** p, 0);
    return total + (data.length * power(4)) / power(2) ** 2 / paths.size;
  }, 0);
}

describe("Hadamard matrices", () => {
  it("are orthogonal with entries of one size, for powers of 2 times 1, 12, 20, 28 and others", () => {
    for (const n of [1, 2, 4, 8, 64, 12, 24, 96, 20, 40, 28, 56, 36, 44, 60]) {
      const h = hadamard(n) as Matrix;
      expect(h.shape).toEqual([n, n]);
      expectOrthogonal(h);
      const apart = h.data.map((v) => Math.abs(Math.abs(v) - 1 / Math.sqrt(n)));
      expect(Math.max(...apart)).toBeLessThan(5e-15);
    }
  });

  it("are Sylvester's for powers of 2", () => {
    expect(Array.from((hadamard(4) as Matrix).data, (v) => 2 * v)).toEqual([
      1, 1, 1, 1, 1, -1, 1, -1, 1, 1, -1, -1, 1, -1, -1, 1,
    ]);
  });

  it("are not made for other sizes, for which the start is random", () => {
    for (const n of [3, 6, 7, 10, 14, 15]) {
      expect(hadamard(n)).toBeUndefined();
      expectOrthogonal(randomHadamard(n, createRng(n)));
    }
    expectOrthogonal(randomHadamard(24, createRng(0)));
    expectOrthogonal(randomOrthogonal(9, createRng(0)));
  });
});

describe("descent by Cayley transforms", () => {
  const rng = createRng(4);
  const outlier = (k: number) => (k % 50 < 2 ? 20 : 1);
  const columns = {
    shape: [8, 50],
    data: Float64Array.from({ length: 400 }, (_, k) => outlier(k) * rng.normal()),
  };
  const vectors = [{ columns, share: 1e-4 }];
  const objective = (rotation: Matrix) => kurtosis(vectors, rotation);

  it("has the gradient of difference quotients", () => {
    const start = randomOrthogonal(8, createRng(1));
    const { gradient } = objective(start);
    for (let k = 0; k < 64; k += 7) {
      const at = (h: number) =>
        objective({ shape: [8, 8], data: start.data.map((v, i) => (i === k ? v + h : v)) }).value;
      expect(gradient.data[k]).toBeCloseTo((at(1e-4) - at(-1e-4)) / 2e-4, 3);
    }
  });

  it("stays orthogonal and ends lower, where no small rotation is better", () => {
    const start = randomHadamard(8, createRng(1));
    const end = descended(start, objective, 300);
    expectOrthogonal(end, 1e-9);
    const least = objective(end).value;
    expect(least).toBeLessThan(0.9 * objective(start).value);
    for (let seed = 0; seed < 20; seed++) {
      // The rotation along a plane by a small angle.
      const [i, j, angle] = [seed % 8, (seed + 1 + (seed % 3)) % 8, 0.02];
      const turn = Float64Array.from({ length: 64 }, (_, k) => (k % 9 === 0 ? 1 : 0));
      [turn[i * 8 + i], turn[j * 8 + j]] = [Math.cos(angle), Math.cos(angle)];
      [turn[i * 8 + j], turn[j * 8 + i]] = [Math.sin(angle), -Math.sin(angle)];
      expect(objective(product({ shape: [8, 8], data: turn }, end)).value).toBeGreaterThan(
        least * (1 - 1e-5),
      );
    }
  });
});

describe("rotated", () => {
  expectSameFunctions(networkKinds.slice(2));

  it("descended is flatter than its Hadamard start, which is flatter than a unit of large weights", () => {
    const rng = createRng(8);
    // The third of 8 units is 30 times as large as the others on both sides.
    const drawn = (shape: readonly [number, number], isUnit: (k: number) => boolean) =>
      ndarray(
        Float64Array.from({ length: shape[0] * shape[1] }, (_, k) => (isUnit(k) ? 30 : 1) * rng.normal()),
        shape,
      );
    const params = {
      a: drawn([8, 12], (k) => Math.floor(k / 12) === 2),
      b: drawn([6, 8], (k) => k % 8 === 2),
    };
    const batch = { x: drawn([4, 12], () => false), y: drawn([4, 6], () => false) };
    const loss: BatchLoss<typeof params, typeof batch> = (p, { x, y }) =>
      mseLoss(linear(linear(x, { weight: p.a }), { weight: p.b }), y);
    const { found } = symmetriesOf(loss, params, batch);
    expect(found.linear.map(({ size }) => size)).toEqual([8]);
    const of = (p: typeof params) => peakedness(p, new Set(["a", "b"]));
    const [hadamardOne, descendedOne] = (["hadamard", "descended"] as const).map((by) =>
      of(rotated(params, found, { by })),
    );
    expect(hadamardOne).toBeLessThan(0.6 * of(params));
    expect(descendedOne).toBeLessThan(hadamardOne);
  });

  it("is the same for the same seed, and another for another", () => {
    const { found, values } = randomNetwork(2, "stream");
    const of = (seed: number) => rotated(values, found, { by: "random", seed });
    expect(of(1)).toEqual(of(1));
    expect(of(1)).not.toEqual(of(2));
  });

  it("leaves spaces as they are that are seen through a gain of 0, and canTurn tells which", () => {
    const normals = (shape: readonly number[]): NdArray => ({
      shape,
      data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
    });
    const rng = createRng(4);
    const params = { w: normals([4, 4]), gain: normals([4]), head: normals([4, 2]) };
    const zero = { ...params, gain: { shape: [4], data: Float64Array.of(1, 0, 2, 1) } };
    const batch = { x: normals([3, 4]) };
    const loss = (p: TensorsOf<typeof params>, { x }: TensorsOf<typeof batch>) =>
      sum(square(matmul(mul(rmsNorm(matmul(x, p.w)), p.gain), p.head)));
    const found = symmetriesOf(loss, params, batch).found;
    expect(found.orthogonal.map((space) => [canTurn(params, space), canTurn(zero, space)])).toEqual([
      [true, false],
    ]);
    expect(rotated(params, found).w).not.toEqual(params.w);
    expect(rotated(zero, found)).toEqual(zero);
  });

  it("is refused without what symmetriesOf finds", () => {
    const { found, values } = randomNetwork(2, "stream");
    expect(() => rotated(values, found.linear as never)).toThrow("rotated takes what symmetriesOf finds");
    expect(() => rotated(values, found, { by: "turned" as never })).toThrow("hadamard, random, descended");
    expect(() => rotated({}, found)).toThrow("The symmetries are of other parameters");
  });
});
