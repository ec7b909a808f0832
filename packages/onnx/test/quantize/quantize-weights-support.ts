import type { NdArray } from "isoloss";
import { decodeModel } from "isoloss/onnx";
import { networks } from "isoloss-test-support/compress/quantize/networks";
import { exactResult, normal, optimizedGraph } from "isoloss-test-support/compress/quantize/support";
import { runImported } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { type QuantizeWeightsOptions, quantizeWeights } from "../../src/quantize/quantize-weights.js";

export const largestDifference = (a: readonly number[], b: NdArray): number =>
  Math.max(...a.map((value, i) => Math.abs(value - Number(b.data[i]))));

const forms: readonly QuantizeWeightsOptions[] = [
  { bits: 8, per: "tensor" },
  {},
  { bits: 8, per: "block", blockSize: 16 },
  { bits: 4, per: "tensor" },
  { bits: 4, per: "channel" },
  { bits: 4, blockSize: 16 },
];

/** The weights of layers, rounded in plain loops. */
function roundedParams(bytes: Uint8Array): Readonly<Record<string, NdArray>> {
  const { params } = fromOnnx(bytes);
  const rounded: Record<string, NdArray> = {};
  for (const { opType, inputs, attributes } of decodeModel(bytes).graph.nodes) {
    if (!["Conv", "Gemm", "MatMul"].includes(opType)) continue;
    const { shape, data } = params[inputs[1]];
    const isFirst = opType === "Conv" || attributes.transB !== undefined;
    const inner = isFirst ? data.length / shape[0] : 1;
    const channel = (i: number) => (isFirst ? Math.floor(i / inner) : i % shape[1]);
    const largest: number[] = [];
    data.forEach((w: number | bigint, i: number) => {
      largest[channel(i)] = Math.max(largest[channel(i)] ?? 0, Math.abs(Number(w)));
    });
    const round = (w: number, scale: number) => Math.round(w / scale) * scale;
    const values = [...data].map((w, i) => round(Number(w), Math.fround(largest[channel(i)] / 127)));
    rounded[inputs[1]] = { shape, data: Float32Array.from(values) };
  }
  return rounded;
}

export const networkEntries = Object.entries(networks);

export function expectSameInBoth(rows: typeof networkEntries): void {
  describe.each(rows)("%s", (_, { bytes, shape }) => {
    it.each(forms)(
      "with weights of %o runs the same in both runtimes, products by the kernel that reads integers",
      async (form) => {
        const { bytes: small, report } = quantizeWeights(bytes({ seed: 3 }), form);
        const inputs = { x: normal(2, [4, ...shape]) };
        expect(
          largestDifference(await exactResult(small, inputs), runImported(small, inputs).y),
        ).toBeLessThan(1e-5);
        const kernels = (await optimizedGraph(small)).nodes.map(({ opType }) => opType);
        const products = report.nodes.filter(({ opType }) => opType !== "Conv" && opType !== "ConvTranspose");
        expect(kernels.filter((name) => name === "MatMulNBits")).toHaveLength(products.length);
        expect(kernels.filter((name) => name === "Gemm" || name === "MatMul")).toEqual([]);
      },
    );

    it("computes as the float file does with weights rounded channel by channel", () => {
      const file = bytes({ seed: 3 });
      const inputs = { x: normal(2, [4, ...shape]) };
      const expected = runImported(withParams(file, roundedParams(file)), inputs).y;
      const own = runImported(quantizeWeights(file).bytes, inputs).y;
      expect(largestDifference([...own.data].map(Number), expected)).toBeLessThan(1e-5);
    });
  });
}
