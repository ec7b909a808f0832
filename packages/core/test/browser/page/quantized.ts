import type { NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { type QuantizeModelOptions, quantizeModel, quantizeWeights } from "isoloss-onnx";
import type { Numbers } from "./cases.js";

/** A file and what it computes: plain data, which a page can hand to a test. */
export interface QuantizedCase {
  readonly bytes: readonly number[];
  readonly outputs: Numbers;
}

export const examples = (seed: number, shape: readonly number[]): NdArray => {
  const rng = createRng(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: size }, () => rng.normal()) };
};

/** A model quantized in the page, with the integers of all activations as outputs, and these for 8 examples. */
export async function quantized(
  model: readonly number[],
  shape: readonly number[],
  settings: Omit<QuantizeModelOptions, "calibration">,
): Promise<QuantizedCase> {
  const calibration = [{ x: examples(2, [16, ...shape]) }];
  const { bytes } = await quantizeModel(Uint8Array.from(model), {
    calibration,
    runtime: "onnx",
    ...settings,
  });
  const { bytes: file } = showingIntegers(bytes, settings.activations === "int8" ? "int8" : "uint8");
  return { bytes: [...file], outputs: await runInPage(file, examples(3, [8, ...shape])) };
}

/** A model whose weights were stored as integers in the page, and what it computes for 8 examples. */
export async function weightsAlone(
  model: readonly number[],
  shape: readonly number[],
  bits: 8 | 4,
): Promise<QuantizedCase> {
  const { bytes } = quantizeWeights(Uint8Array.from(model), bits === 8 ? {} : { bits, blockSize: 16 });
  return { bytes: [...bytes], outputs: await runInPage(bytes, examples(3, [8, ...shape]), exactProducts) };
}

/** The file with the integers of all activations as outputs, and their names. */
export function showingIntegers(
  bytes: Uint8Array,
  dtype: "uint8" | "int8",
): { readonly bytes: Uint8Array; readonly integers: readonly string[] } {
  const model = decodeModel(bytes);
  const integers = model.graph.nodes.flatMap(({ opType, outputs }) =>
    opType === "QuantizeLinear" ? outputs : [],
  );
  const outputs = [...model.graph.outputs, ...integers.map((name) => ({ name, dtype }))];
  return { bytes: encodeModel({ ...model, graph: { ...model.graph, outputs } }), integers };
}

/** By default products with weights of integers round their other operand to 8 bits. */
const exactProducts = { session: { qdq_matmulnbits_accuracy_level: "1" } };

async function runInPage(bytes: Uint8Array, { shape, data }: NdArray, extra = {}): Promise<Numbers> {
  const { env, InferenceSession, Tensor } = await import("onnxruntime-web/wasm");
  // More need a page that is isolated from others.
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(bytes, { extra });
  const results = await session.run({ x: new Tensor("float32", data as Float32Array, [...shape]) });
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data: values }]) => [
      name,
      Array.from(values as ArrayLike<number>, Number),
    ]),
  );
}
