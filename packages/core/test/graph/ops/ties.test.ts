import fc from "fast-check";
import { get, offsetOf, tied, uniform } from "isoloss-test-support/graph/ops/op-case";
import { expect, it } from "vitest";
import { array, type NdArray, zeros } from "../../../src/array.js";
import { backward, grad } from "../../../src/graph/autodiff.js";
import { elu, leakyRelu, relu, relu6 } from "../../../src/graph/ops/activation.js";
import { maximum, minimum, mul, pow } from "../../../src/graph/ops/arithmetic.js";
import { abs } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { max, min, sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { jit } from "../../../src/runtime/jit.js";
import { settings } from "./op-table.js";

/** The gradient of sum(w f(x)) at x. */
function gradientAt(f: (x: Tensor) => Tensor, x: NdArray, w?: NdArray): number[] {
  const { graph } = trace(
    ({ x: v, w: weights }) => grad((u: Tensor) => sum(w ? mul(f(u), weights) : f(u)))(v),
    { x: spec(x.shape, "float64"), w: spec(w?.shape ?? [], "float64") },
  );
  const { result } = compileJavaScript(simplify(graph)).runSync({ x, w: w ?? zeros([], "float64") });
  return Array.from(result.data as Float64Array);
}

const list = (...values: number[]): NdArray => array(values, "float64");

it("relu and abs have derivative 0 at 0, relu6 at 6, too, leakyRelu its slope, elu alpha", () => {
  // The subgradients that PyTorch takes.
  expect(gradientAt(relu, list(-1, 0, 2))).toEqual([0, 0, 1]);
  expect(gradientAt(relu6, list(-1, 0, 2, 6, 7))).toEqual([0, 0, 1, 0, 0]);
  expect(gradientAt(abs, list(-1, 0, 2))).toEqual([-1, 0, 1]);
  expect(gradientAt((x) => leakyRelu(x, 0.1), list(-1, 0, 2))).toEqual([0.1, 0.1, 1]);
  expect(gradientAt((x) => leakyRelu(x, 0), list(-1, 0, 2))).toEqual([0, 0, 1]);
  expect(gradientAt((x) => leakyRelu(x, -0.5), list(-1, 0, 2))).toEqual([-0.5, -0.5, 1]);
  expect(gradientAt((x) => elu(x, 0.7), list(0, 2))).toEqual([0.7, 1]);
});

it.each(["javascript", "onnx"] as const)(
  "elu has no second and third derivative at 0 in %s",
  async (runtime) => {
    // PyTorch 2.6.0 at -1, 0, -0 and 1: alpha e^x below 0, and 0 elsewhere.
    const x = list(-1, 0, -0, 1);
    const slopeOf =
      (f: (u: Tensor) => Tensor) =>
      (v: Tensor): Tensor =>
        grad((u: Tensor) => sum(f(u)))(v);
    for (const alpha of [0.5, 1, 2]) {
      const slope = slopeOf((u) => elu(u, alpha));
      const derivatives = (v: Tensor) => [slope(v), slopeOf(slope)(v), slopeOf(slopeOf(slope))(v)];
      const compiled = await jit(derivatives, [x], { runtime });
      const below = expect.closeTo(alpha / Math.E, 14);
      const [first, second, third] = (await compiled(x)).map(({ data }) => Array.from(data, Number));
      expect(first).toEqual([below, alpha, alpha, 1]);
      for (const higher of [second, third]) expect(higher.map((y) => y + 0)).toEqual([below, 0, 0, 0]);
      await compiled.dispose();
    }
  },
);

it("maximum and minimum give each operand half of a tie's gradient", () => {
  expect(gradientAt((x) => maximum(x, 1), list(0, 1, 2))).toEqual([0, 0.5, 1]);
  expect(gradientAt((x) => minimum(x, 1), list(0, 1, 2))).toEqual([1, 0.5, 0]);
});

it("pow of base 0 has derivative 0 in an exponent from 0 on, and in the base for exponent 0", () => {
  const [bases, exponents] = [list(0, 0, 0, 0, 2), list(0, 1, 2, 3, 3)];
  expect(gradientAt((x) => pow(x, exponents), bases)).toEqual([0, 1, 0, 0, 12]);
  expect(gradientAt((b) => pow(bases, b), exponents)).toEqual([0, 0, 0, 0, 8 * Math.log(2)]);
  const slope = (x: Tensor) => grad((u: Tensor) => sum(pow(u, exponents)))(x);
  expect(gradientAt(slope, bases)).toEqual([0, 0, 2, 0, 12]);
});

it("max and min over axes share a tie's gradient evenly", () => {
  expect(gradientAt(max, list(3, 1, 3, 3))).toEqual([1 / 3, 0, 1 / 3, 1 / 3]);
  expect(gradientAt(min, list(3, 1, 1, 3))).toEqual([0, 0.5, 0.5, 0]);
});

/** Adds w to the first largest element of each window, by four loops. */
function firstLargest(x: NdArray, w: NdArray, kernel: number, stride: number, padding: number): number[] {
  const gradient = new Array<number>(x.data.length).fill(0);
  const [n, c, height, width] = x.shape;
  for (let image = 0; image < n * c; image++) {
    for (let i = 0; i < w.shape[2]; i++) {
      for (let j = 0; j < w.shape[3]; j++) {
        let [best, at] = [-Infinity, -1];
        for (let a = 0; a < kernel; a++) {
          for (let b = 0; b < kernel; b++) {
            const [row, column] = [i * stride + a - padding, j * stride + b - padding];
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            const place = [Math.floor(image / c), image % c, row, column];
            if (get(x, place) > best) [best, at] = [get(x, place), offsetOf(x.shape, place)];
          }
        }
        gradient[at] += get(w, [Math.floor(image / c), image % c, i, j]);
      }
    }
  }
  return gradient;
}

it.each([
  ["tiling", { kernel: 2, stride: 2, padding: 0 }],
  ["overlapping", { kernel: 3, stride: 1, padding: 0 }],
  ["padded", { kernel: 3, stride: 2, padding: 1 }],
])("maxPool2d with %s windows gives a tie's gradient to the first largest element", (_, options) => {
  const { kernel, stride, padding } = options;
  const pooled = Math.floor((6 + 2 * padding - kernel) / stride) + 1;
  fc.assert(
    fc.property(fc.nat(1e6), (seed) => {
      const x = tied(seed, [2, 2, 6, 6]);
      const w = uniform(seed + 1, [2, 2, pooled, pooled]);
      const gradient = gradientAt((v) => maxPool2d(v, options), x, w);
      firstLargest(x, w, kernel, stride, padding).forEach((expected, i) => {
        expect(gradient[i]).toBeCloseTo(expected, 14);
      });
    }),
    settings(20),
  );
});

it.each([
  ["relu", relu, [0, 0, 0, 1]],
  ["leakyRelu", (x: Tensor) => leakyRelu(x, 0.1), [0, 0, 0, 1]],
])("maxPool2d of %s has a derivative in what it pools, by hand", (_, f, expected) => {
  const x = { shape: [1, 1, 2, 2], data: Float64Array.of(-1, 2, 1, 3) };
  const { graph } = trace(
    ({ x: v }) => {
      const pooled = f(v);
      return backward([sum(maxPool2d(pooled, { kernel: 2 }))], [constant(1, "float64")], [pooled])[0];
    },
    { x: spec(x.shape, "float64") },
  );
  expect([...compileJavaScript(simplify(graph)).runSync({ x }).result.data]).toEqual(expected);
});

it("maxPool2d of relu passes no gradient where a whole window is negative", () => {
  const x = array(
    [
      [
        [
          [-1, -2],
          [-3, -1],
        ],
      ],
    ],
    "float64",
  );
  expect(gradientAt((v) => maxPool2d(relu(v), { kernel: 2 }), x)).toEqual([0, 0, 0, 0]);
  // Of a leaky one the slope, at the first largest element.
  expect(gradientAt((v) => maxPool2d(leakyRelu(v, 0.1), { kernel: 2 }), x)).toEqual([0.1, 0, 0, 0]);
});
