// The flagship: a ReLU6 file with uneven channels, quantized with one scale for each whole tensor, in integer kernels.

import { sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { equalizeForQuantization, quantizeModel, withParams } from "isoloss-onnx";
import { Builder } from "isoloss-test-support/model-file/builder";
import { expect, it } from "vitest";
import { fromOnnx } from "../../../src/import/from-onnx.js";

/** Two convolutions with ReLU6, a depthwise one between them, and a last layer; channels of very different sizes. */
function uneven(seed: number): Uint8Array {
  const b = new Builder({ seed });
  const first = b.clip(b.conv("x", 3, 8, { size: 3, bias: true }));
  const deep = b.clip(b.conv(first, 8, 8, { size: 3, group: 8, bias: true }));
  const second = b.clip(b.conv(deep, 8, 12, { bias: true }));
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [second])]);
  const bytes = b.bytes(["batch", 3, 8, 8], b.linear(pooled, 12, 10));
  const rng = createRng(seed + 1);
  const factors = Array.from({ length: 8 }, () => Math.exp(1.5 * rng.normal() - 2));
  const { params } = fromOnnx(bytes);
  const [w, bias, deeper] = Object.keys(params) as [string, string, string];
  const scaled = (name: string, power: number) => {
    const { shape, data } = params[name]!;
    const each = sizeOf(shape) / 8;
    return {
      shape,
      data: Float32Array.from(data as Float32Array, (v, k) => v * factors[Math.floor(k / each)]! ** power),
    };
  };
  return withParams(bytes, { [w]: scaled(w, 1), [bias]: scaled(bias, 1), [deeper]: scaled(deeper, -1) });
}

function images(count: number, seed: number) {
  const rng = createRng(seed);
  const shape = [8, 3, 8, 8];
  return Array.from({ length: count }, () => ({
    x: { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()) },
  }));
}

it.each([0, 1, 2])(
  "file %i quantizes better per tensor after the move, with the same operators",
  async (seed) => {
    const bytes = uneven(seed);
    const calibration = images(6, 10 * seed);
    const heldOut = images(2, 10 * seed + 5);
    const equalized = await equalizeForQuantization(bytes, calibration, { heldOut });
    expect(equalized.kept).not.toBe("as it is");
    const { table } = await quantizeModel(bytes, {
      calibration,
      heldOut,
      granularity: "tensor",
      biasCorrection: false,
      candidates: [{ name: equalized.kept, bytes: equalized.bytes, isApproximate: true }],
    });
    const rowOf = (candidate: string) => table.find((row) => row.candidate === candidate);
    const [still, moved] = [rowOf("as it is"), rowOf(equalized.kept)];
    const operators = (file: Uint8Array) => decodeModel(file).graph.nodes.map(({ opType }) => opType);
    expect(operators(equalized.bytes)).toEqual(operators(bytes));
    expect(moved?.sqnr).toBeGreaterThan((still?.sqnr as number) + 3);
    const own = equalized.candidates.find(({ name }) => name === equalized.kept);
    expect(Math.abs((own?.measured as number) - (moved?.sqnr as number))).toBeLessThan(3);
  },
);
