import { describe, expect, it } from "vitest";
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
import { convBlock } from "../../../src/runtime/onnx/conv-block.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { loadOrt } from "../../../src/runtime/onnx/ort-node.js";
import { expectSame } from "../expect-same.js";

interface Case {
  readonly x: Shape;
  readonly w: Shape;
  readonly options: WindowOptions;
}

// Large enough, and in whole blocks of channels, for the blocked layout to be taken.
const cases: readonly Case[] = [
  { x: [8, 32, 17, 16], w: [48, 32, 3, 3], options: { padding: 1 } },
  { x: [8, 16, 34, 32], w: [32, 16, 3, 3], options: { padding: 1, stride: 2 } },
  { x: [9, 16, 16, 16], w: [16, 16, 1, 1], options: {} },
  { x: [9, 16, 16, 19], w: [16, 16, 3, 2], options: { dilation: 2, padding: [1, 0, 2, 1] } },
  // Rows that are filled up to whole blocks; outputs that come in no blocks, so that the image becomes the kernel.
  { x: [11, 16, 14, 14], w: [32, 16, 3, 3], options: { padding: 1 } },
  { x: [4, 32, 18, 32], w: [7, 32, 3, 2], options: { dilation: [2, 3], padding: [1, 2, 3, 1] } },
];

/** A convolution with bias, its gradients and second-order gradients. */
function problem({ x, w, options }: Case) {
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

describe("convolutions in ONNX Runtime's blocked layout", () => {
  it.each(cases)("equal the JavaScript runtime's, with their derivatives: %j", async (given) => {
    const { graph, inputs } = problem(given);
    await expectSame(graph, inputs, 5e-6);
  });

  /** Gradients in the weights of as many losses of one image. */
  const gradients = ({ x, w, options }: Case, count: number) => {
    const losses = (px: Tensor) =>
      Array.from({ length: count }, (_, k) => (q: Tensor) => sum(tanh(mul(k + 1, conv2d(px, q, options)))));
    const f = (px: Tensor, pw: Tensor) => losses(px).map((loss) => grad(loss)(pw));
    return simplify(trace(({ x, w }) => f(x, w), { x: spec(x), w: spec(w) }).graph);
  };

  it.each(cases)("give several gradients of one image: %j", async (given) => {
    const graph = gradients(given, 4);
    const { b: _, ...inputs } = problem(given).inputs;
    await expectSame(graph, inputs, 5e-6);
  });

  it.each([cases[0], cases[5]])("move what several gradients share, once: %j", (given) => {
    const moves = (count: number) =>
      emitModel(gradients(given, count), { convBlock: 16 }).graph.nodes.filter((n) => n.opType === "Pad");
    expect(moves(4).length).toBeGreaterThan(0);
    expect(moves(8).length).toBe(moves(4).length);
  });

  // Without this the comparison above would also pass with plain convolutions.
  it.runIf(process.arch === "x64")("have a block size on x64 processors", async () => {
    expect([8, 16]).toContain(await convBlock(await loadOrt()));
  });

  it.each([cases[0], cases[4], cases[5]])(
    "give the weights' gradient without products: %j",
    ({ x, w, options }) => {
      const gradient = (px: Tensor, pw: Tensor) => grad((q: Tensor) => sum(tanh(conv2d(px, q, options))))(pw);
      const graph = simplify(trace(({ x, w }) => gradient(x, w), { x: spec(x), w: spec(w) }).graph);
      const count = (convBlock?: number) =>
        emitModel(graph, { convBlock }).graph.nodes.filter((n) => /MatMul|Gemm/.test(n.opType)).length;
      expect(count()).toBeGreaterThan(0);
      expect(count(16)).toBe(0);
    },
  );

  it("are emitted only where a block size is given, and never into portable files", () => {
    const { graph } = problem(cases[0]);
    const domains = (options: Parameters<typeof emitModel>[1]) =>
      new Set(emitModel(graph, options).graph.nodes.map((n) => n.domain ?? ""));
    expect(domains({ convBlock: 16 })).toContain("com.microsoft.nchwc");
    expect(domains({})).not.toContain("com.microsoft.nchwc");
    expect([...domains({ convBlock: 16, portable: true })]).toEqual([""]);
  });
});
