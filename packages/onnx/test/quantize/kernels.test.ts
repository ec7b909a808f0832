// ONNX Runtime's CPU runs a quantized file on integers, one kernel for each node of the report; its profile says where it does not.

import { profiledKernels } from "isoloss/internal-node";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import { normal, optimizedGraph, rangesOf, writtenQdq } from "isoloss-test-support/compress/quantize/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import type { QdqSettings } from "../../src/quantize/write-qdq.js";
import { mobileNetV2 } from "../model-file/mobilenet.js";

const counted = (names: readonly string[]): Readonly<Record<string, number>> => {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
};

const settings = {
  "per tensor": { weights: { bits: 8, per: "tensor" }, activations: "uint8" },
  "per channel": { weights: { bits: 8, per: "channel" }, activations: "uint8" },
  "uint8 weights": { weights: { bits: 8, per: "channel", type: "uint8" }, activations: "uint8" },
  "int8 activations": { weights: { bits: 8, per: "channel" }, activations: "int8" },
  "7 bits": { weights: { bits: 8, per: "channel", reduceRange: true }, activations: "uint8" },
} satisfies Record<string, Omit<QdqSettings, "leave">>;

describe.each(sampledRows(Object.entries(networks)))("%s", (_, { bytes, shape }) => {
  it.each(Object.entries(settings))("%s", async (_, own) => {
    const file = bytes({ seed: 1 });
    const ranges = await rangesOf(file, { x: normal(2, [16, ...shape]) });
    const { bytes: quantized, report } = writtenQdq(file, ranges, { ...own, leave: new Set() });
    const graph = await optimizedGraph(quantized);
    const others = graph.nodes.map(({ opType }) => opType);
    const between: readonly string[] = others.filter(
      (name) => name === "QuantizeLinear" || name === "DequantizeLinear",
    );
    // The input becomes integers, and the last layer has floats as its result: nothing is converted between.
    expect(between).toEqual(["QuantizeLinear"]);
    expect(others).toHaveLength(report.nodes.length + 1);
    expect(others.filter((name) => ["Conv", "Gemm", "MatMul", "Add"].includes(name))).toEqual([]);
    const profile = await profiledKernels(quantized, { x: normal(2, [1, ...shape]) });
    expect(profile.reduce((sum, { timeShare }) => sum + timeShare, 0)).toBeCloseTo(1);
    const integers = profile.filter(({ kernel }) => /^Q(Gemm|Linear)/.test(kernel));
    const inGraph = counted(others.filter((name) => /^Q(Gemm|Linear)/.test(name)));
    const isSigned = own.activations === "int8";
    // The graph was made with a session option for int8. Without it x86 has floats where several nodes read a value of int8.
    if (!isSigned)
      expect(Object.fromEntries(integers.map((use) => [use.kernel, use.count]))).toEqual(inGraph);
    else if (process.arch === "x64" && inGraph.QLinearAdd > 0)
      expect(profile.map(({ kernel }) => kernel)).toContain("Conv");
  });
});

it("MobileNetV2 of an old operator set runs on integers as a whole", async () => {
  const { bytes: file } = foldBatchNorm(mobileNetV2({ width: 0.1, opset: 10 }));
  const ranges = await rangesOf(file, { x: normal(1, [2, 3, 32, 32]) });
  const { bytes, report } = writtenQdq(file, ranges, { ...settings["per channel"], leave: new Set() });
  const kernels = (await optimizedGraph(bytes)).nodes.map(({ opType }) => opType);
  expect(kernels).toHaveLength(report.nodes.length + 1);
  expect(counted(kernels)).toMatchObject({ QLinearConv: 52, QLinearAdd: 10, QGemm: 1, QuantizeLinear: 1 });
});
