import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../../src/array.js";
import { ShapeError } from "../../../src/errors.js";
import { expm } from "../../../src/graph/ops/expm.js";
import { matrixInverse, solveLinear } from "../../../src/graph/ops/inverse.js";
import { input } from "../../../src/graph/ops/leaf.js";
import { matrixPinv } from "../../../src/graph/ops/pinv.js";
import { variance } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { pinv as pinvBySvd } from "../../../src/math/linalg.js";
import { createRng } from "../../../src/math/rng.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";

const matrix = (values: readonly number[], ...shape: number[]): NdArray =>
  ndarray(Float64Array.from(values), shape);

const graphOf = (f: (x: Tensor) => Tensor, { shape }: NdArray) =>
  trace(({ x }: { x: Tensor }) => f(x), { x: spec(shape, "float64") }).graph;

const inJavaScript = (f: (x: Tensor) => Tensor, x: NdArray): number[] =>
  Array.from(compileJavaScript(graphOf(f, x)).runSync({ x }).result.data, Number);

async function inOnnx(f: (x: Tensor) => Tensor, x: NdArray): Promise<number[]> {
  const executable = await compileOnnx(graphOf(f, x), { provider: "cpu" });
  const { result } = await executable.run({ x });
  await executable.dispose();
  return Array.from(result.data, Number);
}

/** A singular matrix and twice the identity. */
const batch = matrix([1, 2, 2, 4, 2, 0, 0, 2], 2, 2, 2);

describe("matrices that have no inverse", () => {
  it("become NaN in JavaScript, and leave the rest of the batch alone", () => {
    const values = inJavaScript(matrixInverse, batch);
    expect(values.slice(0, 4)).toEqual([Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
    expect(values.slice(4)).toEqual([0.5, 0, 0, 0.5]);
  });

  it("are not finite in ONNX Runtime, and leave the rest of the batch alone", async () => {
    const values = await inOnnx(matrixInverse, batch);
    expect(values.slice(0, 4).some(Number.isFinite)).toBe(false);
    expect(values.slice(4)).toEqual([0.5, 0, 0, 0.5]);
  });

  it("make solveLinear and matrixPinv not finite", () => {
    const singular = matrix([1, 2, 2, 4], 2, 2);
    for (const f of [(x: Tensor) => solveLinear(x, x), matrixPinv]) {
      expect(inJavaScript(f, singular).some(Number.isFinite)).toBe(false);
    }
  });

  it("have an exponential: that of a nilpotent one is 1 + A, of one that is not finite NaN", () => {
    expect(inJavaScript(expm, matrix([0, 3, 0, 0], 2, 2))).toEqual([1, 3, 0, 1]);
    expect(inJavaScript(expm, matrix([0, Infinity, 0, 0], 2, 2)).some(Number.isNaN)).toBe(true);
    expect(inJavaScript(expm, matrix([0, Number.NaN, 0, 0], 2, 2)).some(Number.isNaN)).toBe(true);
  });
});

describe("matrixPinv", () => {
  it("keeps its digits up to the condition number that it states", () => {
    const rng = createRng(3);
    const n = 6;
    // Rows of a random matrix, the last of which is nearly a copy of the first.
    const a = matrix(
      Array.from({ length: 4 * n }, () => rng.normal()),
      4,
      n,
    );
    for (let j = 0; j < n; j++) a.data[3 * n + j] = Number(a.data[j]) + 2e-4 * rng.normal();
    const { pinv: expected, s } = pinvBySvd(a);
    const condition = s.data[0] / s.data[3];
    expect(condition).toBeGreaterThan(4e4);
    expect(condition).toBeLessThan(2e5);
    const actual = matrix(inJavaScript(matrixPinv, a), n, 4);
    expect(relativeError(actual, expected)).toBeLessThan(100 * condition * Number.EPSILON);
  });
});

it("a variance without a degree of freedom is not finite", () => {
  const of = (x: NdArray, correction: number) => inJavaScript((t) => variance(t, { correction }), x)[0];
  const x = matrix([1, 2, 3], 3);
  expect([2, 3, 4].map((correction) => of(x, correction))).toEqual([2, Infinity, Infinity]);
  expect(of(matrix([1, 1], 2), 3)).toBeNaN();
});

describe("what is no square matrix", () => {
  it("is refused with its shape", () => {
    for (const f of [matrixInverse, expm, (x: Tensor) => solveLinear(x, x)]) {
      expect(() => f(input([2, 3]))).toThrow(ShapeError);
      expect(() => f(input([2, 3]))).toThrow(/square matrices.*got \[2, 3\]/);
      expect(() => f(input([3]))).toThrow(/square matrices.*got \[3\]/);
    }
    expect(() => solveLinear(input([2, 2]), input([3, 1]))).toThrow(
      /the matrix's rows, \[\.\.\., 2, k\]; got \[3, 1\]/,
    );
    expect(() => matrixPinv(input([3]))).toThrow(/at least 1 x 1/);
  });
});
