import { it } from "vitest";
import type { Shape } from "../../../src/array.js";
import { grad } from "../../../src/graph/autodiff.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import type { WindowOptions } from "../../../src/graph/ops/conv-attributes.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchUniform } from "../../../src/math/mt19937.js";
import { expectSame } from "../expect-same.js";

interface Case {
  readonly x: Shape;
  readonly w: Shape;
  readonly options: WindowOptions;
}

// Large enough, and in whole blocks of channels, for the blocked layout to be taken.
export const cases: readonly Case[] = [
  { x: [8, 32, 17, 16], w: [48, 32, 3, 3], options: { padding: 1 } },
  { x: [8, 16, 34, 32], w: [32, 16, 3, 3], options: { padding: 1, stride: 2 } },
  { x: [9, 16, 16, 16], w: [16, 16, 1, 1], options: {} },
  { x: [9, 16, 16, 19], w: [16, 16, 3, 2], options: { dilation: 2, padding: [1, 0, 2, 1] } },
  // Rows that are filled up to whole blocks; outputs that come in no blocks, so that the image becomes the kernel.
  { x: [11, 16, 14, 14], w: [32, 16, 3, 3], options: { padding: 1 } },
  { x: [4, 32, 18, 32], w: [7, 32, 3, 2], options: { dilation: [2, 3], padding: [1, 2, 3, 1] } },
];

/** A convolution with bias, its gradients and second-order gradients. */
export function problem({ x, w, options }: Case) {
  const rng = torchGenerator(7);
  const inputs = {
    x: torchUniform(rng, x, -1, 1),
    w: torchUniform(rng, w, -0.1, 0.1),
    b: torchUniform(rng, [w[0]], -1, 1),
  };
  type Params = { x: Tensor; w: Tensor; b: Tensor };
  const loss = (p: Params) => {
    const y = add(conv2d(p.x, p.w, options), reshape(p.b, [w[0], 1, 1]));
    return sum(square(tanh(y)));
  };
  const f = (px: Tensor, pw: Tensor, pb: Tensor) => {
    const params = { x: px, w: pw, b: pb };
    const norm = (p: Params) => sum(square(grad(loss)(p).w));
    return { y: conv2d(px, pw, options), first: grad(loss)(params), second: grad(norm)(params) };
  };
  const { graph } = trace(({ x, w, b }) => f(x, w, b), { x: spec(x), w: spec(w), b: spec([w[0]]) });
  return { graph: simplify(graph), inputs };
}

export function expectDerivatives(rows: typeof cases): void {
  it.each(rows)("equal the JavaScript runtime's, with their derivatives: %j", async (given) => {
    const { graph, inputs } = problem(given);
    await expectSame(graph, inputs, 5e-6);
  });
}

/** Gradients in the weights of as many losses of one image. */
export const gradients = ({ x, w, options }: Case, count: number) => {
  const losses = (px: Tensor) =>
    Array.from({ length: count }, (_, k) => (q: Tensor) => sum(tanh(mul(k + 1, conv2d(px, q, options)))));
  const f = (px: Tensor, pw: Tensor) => losses(px).map((loss) => grad(loss)(pw));
  return simplify(trace(({ x, w }) => f(x, w), { x: spec(x), w: spec(w) }).graph);
};

export function expectGradients(rows: typeof cases): void {
  it.each(rows)("give several gradients of one image: %j", async (given) => {
    const graph = gradients(given, 4);
    const { b: _, ...inputs } = problem(given).inputs;
    await expectSame(graph, inputs, 5e-6);
  });
}
