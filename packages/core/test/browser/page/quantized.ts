import type { NdArray } from "isoloss";
import { createRng } from "isoloss/data";
import { type QuantizeModelOptions, quantizeModel, quantizeWeights, toHalf } from "isoloss-onnx";
import type { InferenceSession } from "onnxruntime-web/wasm";
import type { Numbers } from "./cases.js";

/** A file and what it computes: plain data, which a page can hand to a test. */
export interface QuantizedCase {
  readonly file: string;
  readonly outputs: Numbers;
}

/** Arrays as plain data. */
export type NumbersByName = Readonly<
  Record<
    string,
    { readonly shape: readonly number[]; readonly data: readonly number[]; readonly isInteger: boolean }
  >
>;

/** Bytes between a page and a test: as a list of numbers, a file of a megabyte takes seconds. */
export const textOf = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
export const bytesOf = (text: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

export const examples = (seed: number, shape: readonly number[]): NdArray => {
  const rng = createRng(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  return { shape, data: Float32Array.from({ length: size }, () => rng.normal()) };
};

/** The bytes of a model that is quantized in the page. */
export async function quantized(
  model: string,
  shape: readonly number[],
  settings: Omit<QuantizeModelOptions, "calibration">,
): Promise<string> {
  const calibration = [{ x: examples(2, [16, ...shape]) }];
  const { bytes } = await quantizeModel(bytesOf(model), {
    calibration,
    runtime: "onnx",
    ...settings,
  });
  return textOf(bytes);
}

/** What a file computes in the page for 8 examples. */
export const outputsOf = (file: string, shape: readonly number[]): Promise<Numbers> =>
  runInPage(bytesOf(file), { x: examples(3, [8, ...shape]) }, exactProducts);

/** A model whose weights were stored as integers in the page, and what it computes for 8 examples. */
export async function weightsAlone(
  model: string,
  shape: readonly number[],
  bits: 8 | 4,
): Promise<QuantizedCase> {
  const { bytes } = quantizeWeights(bytesOf(model), bits === 8 ? {} : { bits, blockSize: 16 });
  return {
    file: textOf(bytes),
    outputs: await runInPage(bytes, { x: examples(3, [8, ...shape]) }, exactProducts),
  };
}

/** A file of float16 that is made in the page, and what it computes there. */
export async function halved(model: string, inputs: NumbersByName): Promise<QuantizedCase> {
  const arrays = Object.fromEntries(
    Object.entries(inputs).map(([name, { shape, data, isInteger }]): [string, NdArray] => [
      name,
      { shape, data: isInteger ? BigInt64Array.from(data, BigInt) : Float32Array.from(data) },
    ]),
  );
  const { bytes } = await toHalf(bytesOf(model), { calibration: [arrays], rescue: "none" });
  return {
    file: textOf(bytes),
    outputs: await runInPage(bytes, arrays, { graphOptimizationLevel: "extended" }),
  };
}

/** By default products with weights of integers round their other operand to 8 bits. */
const exactProducts = { extra: { session: { qdq_matmulnbits_accuracy_level: "1" } } };

async function runInPage(
  bytes: Uint8Array,
  inputs: Readonly<Record<string, NdArray>>,
  options: InferenceSession.SessionOptions = {},
): Promise<Numbers> {
  const { env, InferenceSession, Tensor } = await import("onnxruntime-web/wasm");
  // More need a page that is isolated from others.
  env.wasm.numThreads = 1;
  const session = await InferenceSession.create(bytes, options);
  const feeds = Object.entries(inputs).map(([name, { shape, data }]) => [
    name,
    data instanceof BigInt64Array
      ? new Tensor("int64", data, [...shape])
      : new Tensor("float32", data as Float32Array, [...shape]),
  ]);
  const results = await session.run(Object.fromEntries(feeds));
  await session.release();
  return Object.fromEntries(
    Object.entries(results).map(([name, { data: values }]) => [
      name,
      Array.from(values as ArrayLike<number>, Number),
    ]),
  );
}
