import { inflateSync } from "node:zlib";
import type { BatchTensors, ImportedModel, Tensor } from "isoloss";
import { astype, grad, jit, type NdArray, ndarray } from "isoloss";
import { add, mul, sum } from "isoloss/ops";
import { fromOnnx } from "isoloss-onnx";
import { expect } from "vitest";
import { evaluate, readGolden } from "../support.js";
import type { Arrays } from "./support.js";

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
  /** Floats that the module does not train, which a file does not tell from parameters. */
  readonly buffers: readonly string[];
  /** Files that PyTorch has folded batch norms and transposed weights in. */
  readonly folded: Readonly<Record<string, string>>;
}

export const { networks } = readGolden<{ networks: Network[] }>("onnx-networks.json");

export const fileBytes = (packed: string): Uint8Array =>
  new Uint8Array(inflateSync(Buffer.from(packed, "base64")));

function unpacked({ shape, float32, int64 }: PackedArray): NdArray {
  const { buffer } = Uint8Array.from(Buffer.from(float32 ?? int64 ?? "", "base64"));
  return ndarray(int64 === undefined ? new Float32Array(buffer) : new BigInt64Array(buffer), shape);
}

const isFloat = ({ data }: NdArray): boolean => data instanceof Float32Array || data instanceof Float64Array;

/** Every element within the tolerance, relative to the largest of them. */
function expectNear(actual: NdArray, expected: NdArray, tolerance: number, what: string): void {
  expect(actual.shape, what).toEqual(expected.shape);
  const wanted = Array.from<number | bigint, number>(expected.data, Number);
  const scale = wanted.reduce((s, v) => Math.max(s, Math.abs(v)), 1e-3);
  wanted.forEach((v, i) => {
    const value = Number(actual.data[i]);
    if (Object.is(value, v)) return;
    expect(Math.abs(value - v) / scale, `${what}, element ${i}: ${value}, not ${v}`).toBeLessThan(tolerance);
  });
}

/** A file's function of parameters, float inputs and weights: outputs, and gradients of their weighted sum. */
function outputsAndGradients(model: ImportedModel, others: Arrays) {
  const apply = (p: BatchTensors, x: BatchTensors) => model.apply(p, { ...x, ...others });
  const weighted = (p: BatchTensors, x: BatchTensors, w: BatchTensors): Tensor => {
    const made = apply(p, x);
    return Object.entries(w)
      .map(([name, own]) => sum(mul(made[name], own)))
      .reduce((a, b) => add(a, b));
  };
  return (p: BatchTensors, x: BatchTensors, w: BatchTensors) => {
    const inBoth = (given: { p: BatchTensors; x: BatchTensors }) => weighted(given.p, given.x, w);
    return {
      made: apply(p, x),
      g: Object.keys(w).length === 0 ? { p: {}, x: {} } : grad(inBoth)({ p, x }),
    };
  };
}

/** What is compared, in the dtype that it is computed in. */
function arraysOf(golden: Exported, dtype: "float32" | "float64") {
  const read = (packed: PackedArrays): Arrays =>
    Object.fromEntries(
      Object.entries(packed).map(([name, array]) => {
        const value = unpacked(array);
        return [name, isFloat(value) ? astype(value, dtype) : value];
      }),
    );
  const inputs = Object.entries(read(golden.inputs));
  return {
    floats: Object.fromEntries(inputs.filter(([, x]) => isFloat(x))),
    others: Object.fromEntries(inputs.filter(([, x]) => !isFloat(x))),
    weights: read(golden.weights),
  };
}

interface Computed {
  readonly made: Arrays;
  readonly g: { readonly p: Arrays; readonly x: Arrays };
}

/** Compares with PyTorch's outputs, and with its gradients in all parameters and inputs that the file has. */
function expectGolden(golden: Exported, { made, g }: Computed, tolerance: Record<"value" | "slope", number>) {
  for (const [name, expected] of Object.entries(golden.outputs))
    expectNear(made[name], unpacked(expected), tolerance.value, name);
  const found = { ...g.p, ...g.x };
  for (const [name, expected] of Object.entries(golden.gradients)) {
    if (name in found) expectNear(found[name], unpacked(expected), tolerance.slope, `gradient in ${name}`);
  }
}

/** Computes a file in float64 in JavaScript. Constants in it, such as an epsilon, are rounded to float32. */
export function expectAsExported(
  golden: Exported,
  file: Uint8Array,
  changed = (read: ImportedModel): ImportedModel => read,
): ImportedModel {
  const model = changed(fromOnnx(file, { dtype: "float64" }));
  const { floats, others, weights } = arraysOf(golden, "float64");
  const computed = evaluate(outputsAndGradients(model, others), model.params, floats, weights);
  expectGolden(golden, computed, { value: 1e-6, slope: 2e-6 });
  return model;
}

/** Computes a file in float32 in ONNX Runtime. */
export async function expectInOnnxRuntime(golden: Exported, file: Uint8Array): Promise<void> {
  const model = fromOnnx(file);
  const { floats, others, weights } = arraysOf(golden, "float32");
  const run = await jit(outputsAndGradients(model, others), [model.params, floats, weights], {
    runtime: "onnx",
  });
  const computed = await run(model.params, floats, weights);
  await run.dispose();
  expectGolden(golden, computed, { value: 1e-5, slope: 1e-4 });
}
