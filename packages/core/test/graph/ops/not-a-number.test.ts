// What becomes of NaN among numbers, against PyTorch 2.6.0 on the CPU.

import { evaluate, float64, int64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { grad } from "../../../src/graph/autodiff.js";
import { neg, pow } from "../../../src/graph/ops/arithmetic.js";
import { maxPool2d, maxPoolIndices2d } from "../../../src/graph/ops/pool.js";
import { argmax, max, min, sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { scatterMax } from "../../../src/graph/ops/scatter.js";
import { argsort } from "../../../src/graph/ops/sort.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { jit } from "../../../src/runtime/jit.js";

const N = Number.NaN;
const of = (f: (x: Tensor) => Tensor, x: readonly number[]): number[] =>
  numbers(evaluate(f, float64([...x])));

describe("in the JavaScript runtime, a NaN anywhere", () => {
  // torch: x.argmax(), x.argmin(), argsort(x, stable=True), argsort(x, descending=True, stable=True)
  it.each([
    { x: [1, N, 2], first: 1, rising: [0, 2, 1], falling: [1, 2, 0] },
    { x: [3, N, 1], first: 1, rising: [2, 0, 1], falling: [1, 0, 2] },
    { x: [N, 1, N, 2], first: 0, rising: [1, 3, 0, 2], falling: [0, 2, 3, 1] },
    { x: [1, N, 2, N], first: 1, rising: [0, 2, 1, 3], falling: [1, 3, 2, 0] },
    { x: [Infinity, N, Infinity, -Infinity], first: 1, rising: [3, 0, 2, 1], falling: [1, 0, 2, 3] },
  ])("is the largest element of $x for argmax and argsort", ({ x, first, rising, falling }) => {
    expect(of((v) => argmax(v), x)).toEqual([first]);
    expect(of((v) => argmax(neg(v)), x)).toEqual([first]);
    expect(of((v) => argsort(v), x)).toEqual(rising);
    expect(of((v) => argsort(v, { descending: true }), x)).toEqual(falling);
    expect(of((v) => argsort(v, { descending: true, count: 1 }), x)).toEqual([first]);
  });

  it("is the result of max, min and scatterMax", () => {
    for (const x of [
      [1, N, 2],
      [N, 1, 2],
      [1, 2, N],
    ]) {
      expect(of(max, x)).toEqual([N]);
      expect(of(min, x)).toEqual([N]);
      const places = int64([0, 0, 0]);
      expect(numbers(evaluate((v, i) => scatterMax(v, i, { size: 1 }), float64(x), places))).toEqual([N]);
    }
  });

  // torch: y, i = max_pool2d(x, (1, n), return_indices=True) and the gradient of y
  it.each([
    { x: [1, N], place: 1 },
    { x: [N, 1], place: 0 },
    { x: [N, 1, N, 2], place: 2 },
    { x: [1, N, 2, N], place: 3 },
    { x: [-Infinity, N, Infinity], place: 1 },
  ])("is the largest element of a pooling's window $x, and gets its gradient", ({ x, place }) => {
    const options = { kernel: [1, x.length] } as const;
    const image = (v: Tensor) => reshape(v, [1, 1, 1, x.length]);
    const pooled = (v: Tensor) => maxPool2d(image(v), options);
    expect(of(pooled, x)).toEqual([N]);
    expect(of((v) => maxPoolIndices2d(image(v), options), x)).toEqual([place]);
    expect(of((v) => grad((u: Tensor) => sum(pooled(u)))(v), x)).toEqual(
      x.map((_, k) => Number(k === place)),
    );
  });
});

it.each(["javascript", "onnx"] as const)(
  "pow of 1, and of -1 to an infinite power, is 1 in %s",
  async (runtime) => {
    // torch.pow of the same, in float64: as IEEE 754 has it.
    const bases = [1, 1, 1, -1, -1, -1, 2, 2, N, N, 0.5];
    const exponents = [N, Infinity, -Infinity, Infinity, -Infinity, N, N, Infinity, 0, 1, -2];
    const powers = [1, 1, 1, 1, 1, N, N, Infinity, 1, N, 4];
    const [a, b] = [float64(bases), float64(exponents)];
    const f = await jit((x, y) => [pow(x, y), pow(1, y), pow(-1, y), pow(x, Infinity), pow(x, N)], [a, b], {
      runtime,
    });
    const ofOnes = exponents.map(() => 1);
    const ofMinusOnes = [N, 1, 1, 1, 1, N, N, 1, 1, -1, 1];
    const toInfinity = [1, 1, 1, 1, 1, 1, Infinity, Infinity, N, N, 0];
    const toNaN = bases.map((base) => (base === 1 ? 1 : N));
    expect((await f(a, b)).map(numbers)).toEqual([powers, ofOnes, ofMinusOnes, toInfinity, toNaN]);
    await f.dispose();
  },
);
