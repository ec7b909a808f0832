import { expect } from "vitest";
import type { NdArray, Shape } from "../../../src/array.js";
import { grad } from "../../../src/graph/autodiff.js";
import type { Graph } from "../../../src/graph/graph.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchUniform } from "../../../src/math/mt19937.js";
import type { Values } from "../../../src/runtime/executable.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { expectSame } from "../expect-same.js";

export interface Case {
  readonly x: Shape;
  readonly w: Shape;
  readonly tile: readonly [number, number];
  readonly padding: readonly [number, number, number, number];
}

export const noise = (seed: number, shape: Shape, size = 1): NdArray =>
  torchUniform(torchGenerator(seed), shape, -size, size);

/** A convolution with bias, pooled. */
export const layer = (
  x: Tensor,
  w: Tensor,
  b: Tensor,
  { tile, padding }: Pick<Case, "tile" | "padding">,
): Tensor => maxPool2d(add(conv2d(x, w, { padding }), reshape(b, [b.size, 1, 1])), { kernel: tile });

export const typesOf = (graph: Graph, batchLast = true): string[] =>
  emitModel(graph, { batchLast }).graph.nodes.map(({ opType }) => opType);

/** Expects of ONNX Runtime what the JavaScript runtime gives, and that it has neither convolved nor pooled. */
export async function expectEqual(graph: Graph, inputs: Values): Promise<void> {
  expect(typesOf(graph).filter((type) => /Conv|Pool/.test(type))).toEqual([]);
  expect(typesOf(graph, false).some((type) => /Conv/.test(type))).toBe(true);
  await expectSame(graph, inputs, tolerance);
}

export const tolerance = 2e-5;

export type Params = { readonly x: Tensor; readonly w: Tensor; readonly b: Tensor };

/** A loss's value, gradient, and the gradient of its gradient's norm. */
export function derivatives(x: Shape, w: Shape, loss: (p: Params) => Tensor): Graph {
  const f = (px: Tensor, pw: Tensor, pb: Tensor) => {
    const p = { x: px, w: pw, b: pb };
    const norm = (q: Params) => {
      const g = grad(loss)(q);
      return add(sum(square(g.w)), add(sum(square(g.x)), sum(square(g.b))));
    };
    return { value: loss(p), first: grad(loss)(p), second: grad(norm)(p) };
  };
  return simplify(trace(({ x, w, b }) => f(x, w, b), { x: spec(x), w: spec(w), b: spec([w[0]]) }).graph);
}

export const inputsOf = ({ x, w }: Pick<Case, "x" | "w">): Values => ({
  x: noise(1, x),
  w: noise(2, w, 0.5),
  b: noise(3, [w[0]]),
});
