// Random networks: what is rounded runs on integers in ONNX Runtime, and both runtimes compute the same.

import {
  exactResult,
  normal,
  optimizedGraph,
  rangesOf,
  writtenQdq,
} from "isoloss-test-support/compress/quantize/support";
import { runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { dropIdentity } from "../../src/model-file/prepare/drop-identity.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { integerOperators } from "../../src/quantize/plan.js";
import { quantizeWeights } from "../../src/quantize/quantize-weights.js";
import type { QdqSettings } from "../../src/quantize/write-qdq.js";
import { randomFile } from "../model-file/random-file.js";

export const seeds = Array.from({ length: 16 }, (_, seed) => seed);

const x = normal(1, [8, 4, 4, 4]);

const isInteger = (name: string) => /^(QGemm|QLinear|MatMulIntegerToFloat)/.test(name);

/** Root mean squares of the difference and of the second array. */
function apart(a: readonly number[], b: readonly number[]): number {
  const norm = (values: readonly number[]) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return norm(a.map((v, i) => v - b[i])) / norm(b);
}

const resultOf = async (bytes: Uint8Array) => [...(await runOrt(bytes, { x })).y.data].map(Number);

export function expectIntegers(rows: typeof seeds): void {
  it.each(rows)("network %i on integers", async (seed) => {
    const raw = randomFile(seed);
    const file = seed % 2 === 0 ? raw : foldBatchNorm(dropIdentity(raw).bytes).bytes;
    const settings: QdqSettings = {
      weights: { bits: 8, per: seed % 3 === 0 ? "tensor" : "channel", reduceRange: true },
      activations: "uint8",
      leave: new Set(),
    };
    const { bytes, report } = writtenQdq(file, await rangesOf(file, { x }), settings);
    const kernels = (await optimizedGraph(bytes)).nodes.map(({ opType }) => opType);
    const rounded = report.nodes.filter(({ opType, bits, note }) =>
      bits === undefined ? !integerOperators.get(opType)?.keepsNumbers : note === undefined,
    );
    expect(kernels.filter(isInteger)).toHaveLength(rounded.length);
    const own = await resultOf(bytes);
    expect(apart([...runImported(bytes, { x }).y.data].map(Number), own)).toBeLessThan(0.01);
    expect(apart(own, await resultOf(file))).toBeLessThan(0.2);
  });
}

export function expectIntegerWeights(rows: typeof seeds): void {
  it.each(rows)("network %i with weights alone", async (seed) => {
    const file = randomFile(seed);
    const { bytes, report } = quantizeWeights(file, seed % 2 === 0 ? {} : { per: "block", blockSize: 16 });
    const kernels = (await optimizedGraph(bytes)).nodes.map(({ opType }) => opType);
    const products = report.nodes.filter(
      ({ opType, bits }) => ["Gemm", "MatMul"].includes(opType) && bits !== 32,
    );
    expect(kernels.filter((name) => name === "MatMulNBits")).toHaveLength(products.length);
    const own = [...runImported(bytes, { x }).y.data].map(Number);
    expect(apart(own, await resultOf(file))).toBeLessThan(0.1);
    expect(apart(await exactResult(bytes, { x }), own)).toBeLessThan(1e-5);
  });
}
