import { describe, expect, it } from "vitest";
import { grad } from "../../../src/graph/autodiff.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { convBlock } from "../../../src/runtime/onnx/executable.js";
import { loadOrt } from "../../../src/runtime/onnx/ort-node.js";
import { cases, expectDerivatives, expectGradients, gradients, problem } from "./blocked-conv-support.js";

describe("convolutions in ONNX Runtime's blocked layout", () => {
  expectDerivatives(cases.slice(2, 3));

  expectGradients(cases.slice(2, 3));

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
