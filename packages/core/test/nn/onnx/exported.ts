import { inflateSync } from "node:zlib";
import { expect } from "vitest";
import { astype, type NdArray, ndarray } from "../../../src/array.js";
import type { BatchTensors } from "../../../src/batch.js";
import { grad } from "../../../src/graph/autodiff.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { fromOnnx, type ImportedModel } from "../../../src/nn/onnx/from-onnx.js";
import { evaluate, readGolden } from "../support.js";

/** A tensor's bytes in base64. */
interface PackedArray {
  readonly shape: number[];
  readonly float32?: string;
  readonly int64?: string;
}

type PackedArrays = Readonly<Record<string, PackedArray>>;

/** What a PyTorch module computes, and the files it was exported to: see bench/torch/golden_onnx_export.py. */
export interface Exported {
  readonly name: string;
  /** Files by the number of their operator set. */
  readonly files: Readonly<Record<string, string>>;
  readonly inputs: PackedArrays;
  readonly outputs: PackedArrays;
  readonly weights: PackedArrays;
  /** Of the outputs times their weights, in parameters and inputs. */
  readonly gradients: PackedArrays;
}

export interface Network extends Exported {
  readonly mode: "eval" | "train";
  /** Files that PyTorch has folded batch norms and transposed weights in. */
  readonly folded: Readonly<Record<string, string>>;
}

export const { networks } = readGolden<{ networks: Network[] }>("onnx-networks.json");

export const fileBytes = (packed: string): Uint8Array =>
  new Uint8Array(inflateSync(Buffer.from(packed, "base64")));

export function unpacked({ shape, float32, int64 }: PackedArray): NdArray {
  const { buffer } = Uint8Array.from(Buffer.from(float32 ?? int64 ?? "", "base64"));
  return ndarray(int64 === undefined ? new Float32Array(buffer) : new BigInt64Array(buffer), shape);
}

export const unpackedAll = (arrays: PackedArrays): Record<string, NdArray> =>
  Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, unpacked(array)]));

const isFloat = ({ data }: NdArray): boolean => data instanceof Float32Array || data instanceof Float64Array;

const widened = (arrays: Record<string, NdArray>): Record<string, NdArray> =>
  Object.fromEntries(
    Object.entries(arrays).map(([name, array]) => [name, isFloat(array) ? astype(array, "float64") : array]),
  );

/** Every element within the tolerance, relative to the largest of them. */
export function expectNear(actual: NdArray, expected: NdArray, tolerance: number, what: string): void {
  expect(actual.shape, what).toEqual(expected.shape);
  const wanted = Array.from<number | bigint, number>(expected.data, Number);
  const scale = wanted.reduce((s, v) => Math.max(s, Math.abs(v)), 1e-3);
  wanted.forEach((v, i) => {
    const value = Number(actual.data[i]);
    if (Object.is(value, v)) return;
    expect(Math.abs(value - v) / scale, `${what}, element ${i}: ${value}, not ${v}`).toBeLessThan(tolerance);
  });
}

/** Reads a file in float64 and compares outputs and gradients with PyTorch's. Parameters that it lacks are left out. */
export function expectAsExported(golden: Exported, file: Uint8Array): ImportedModel {
  const model = fromOnnx(file, { dtype: "float64" });
  const [inputs, outputs, weights] = [golden.inputs, golden.outputs, golden.weights].map((arrays) =>
    widened(unpackedAll(arrays)),
  );
  const gradients = unpackedAll(golden.gradients);
  const [floats, others] = [true, false].map((kind) =>
    Object.fromEntries(Object.entries(inputs).filter(([, x]) => isFloat(x) === kind)),
  );
  const apply = (p: BatchTensors, x: BatchTensors) => model.apply(p, { ...x, ...others });
  const weighted = (p: BatchTensors, x: BatchTensors, w: BatchTensors): Tensor => {
    const made = apply(p, x);
    return Object.entries(w)
      .map(([name, own]) => sum(mul(made[name], own)))
      .reduce((a, b) => add(a, b));
  };
  const run = (p: BatchTensors, x: BatchTensors, w: BatchTensors) => ({
    made: apply(p, x),
    g:
      Object.keys(w).length === 0
        ? { p: {}, x: {} }
        : grad((given: { p: BatchTensors; x: BatchTensors }) => weighted(given.p, given.x, w))({ p, x }),
  });
  const { made, g } = evaluate(run, model.params, floats, weights);
  for (const [name, expected] of Object.entries(outputs)) expectNear(made[name], expected, 1e-6, name);
  const found: Readonly<Record<string, NdArray>> = { ...g.p, ...g.x };
  for (const [name, expected] of Object.entries(gradients)) {
    if (name in found) expectNear(found[name], expected, 2e-6, `gradient in ${name}`);
  }
  return model;
}
