import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type NdArray, sizeOf } from "isoloss";
import { createRng } from "isoloss/data";
import type { OnnxGraph } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import type { QuantizedFile, ValueRange } from "isoloss-onnx";
import { loadOrt } from "#ort";
import { compensated } from "../../../onnx/src/quantize/recipes.js";
import { type QdqSettings, quantizableValues, writeQdq } from "../../../onnx/src/quantize/write-qdq.js";
import { opened } from "../../model-file/builder.js";
import { type Arrays, runOrt } from "../../nn/onnx/support.js";

export const normal = (seed: number, shape: readonly number[]): NdArray => {
  const rng = createRng(seed);
  return { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()) };
};

/** The file with more outputs. */
function withOutputs(bytes: Uint8Array, names: readonly string[]): Uint8Array {
  const model = decodeModel(bytes);
  const outputs = [...model.graph.outputs, ...names.map((name) => ({ name, dtype: "float32" as const }))];
  return encodeModel({ ...model, graph: { ...model.graph, outputs } });
}

/** What values of a file are on a batch, as ONNX Runtime computes them. */
async function valuesOf(bytes: Uint8Array, names: readonly string[], inputs: Arrays): Promise<Arrays> {
  const { graph } = decodeModel(bytes);
  const shown = [...graph.inputs, ...graph.outputs].map(({ name }) => name);
  const results = await runOrt(
    withOutputs(
      bytes,
      names.filter((name) => !shown.includes(name)),
    ),
    inputs,
  );
  return { ...inputs, ...results };
}

/** The least and the largest number of each value that is quantized. */
export async function rangesOf(bytes: Uint8Array, inputs: Arrays): Promise<ReadonlyMap<string, ValueRange>> {
  const names = quantizableValues(opened(bytes));
  const values = await valuesOf(bytes, names, inputs);
  return new Map(
    names.map((name) => {
      const data = Array.from(values[name].data, Number);
      const least = data.reduce((a, b) => Math.min(a, b));
      return [name, { min: least, max: data.reduce((a, b) => Math.max(a, b)) }];
    }),
  );
}

/** The file of `writeQdq` as bytes. */
export function writtenQdq(
  bytes: Uint8Array,
  ranges: ReadonlyMap<string, ValueRange>,
  settings: QdqSettings,
): QuantizedFile {
  const { file, report } = writeQdq(opened(bytes), ranges, settings);
  return { bytes: file.bytes, report };
}

/** The same with weights rounded by GPTQ on a batch. */
export async function compensatedQdq(
  bytes: Uint8Array,
  ranges: ReadonlyMap<string, ValueRange>,
  settings: Omit<QdqSettings, "leave">,
  batch: Arrays,
): Promise<Uint8Array> {
  const recipe = { candidate: { name: "test", file: opened(bytes) }, ranges, correct: undefined, settings };
  const own = await compensated(recipe, { calibration: [batch], run: { runtime: "onnx" } });
  return writtenQdq(bytes, ranges, { ...own.settings, leave: new Set() }).bytes;
}

/** Settings of files that are rounded by GPTQ. */
export const compensatedSettings = {
  "4 bits in blocks": { weights: { bits: 4, per: "block", blockSize: 16 }, activations: "none" },
  "8 bits per channel": { weights: { bits: 8, per: "channel" }, activations: "none" },
  "8 bits and dynamic products": {
    weights: { bits: 8, per: "channel", reduceRange: true },
    activations: "dynamic",
  },
} satisfies Record<string, Omit<QdqSettings, "leave">>;

/** The graph that ONNX Runtime's CPU runs for a file. */
export async function optimizedGraph(bytes: Uint8Array): Promise<OnnxGraph> {
  const folder = mkdtempSync(join(tmpdir(), "optimized-"));
  try {
    const path = join(folder, "model.onnx");
    const ort = await loadOrt("cpu");
    const session = await ort.InferenceSession.create(bytes, {
      graphOptimizationLevel: "extended",
      optimizedModelFilePath: path,
      logSeverityLevel: 3,
      intraOpNumThreads: 1,
      extra: { session: { qdqisint8allowed: "1" } },
    });
    await session.release();
    return decodeModel(readFileSync(path)).graph;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The result `y` as ONNX Runtime computes it without rounding the operands of products. */
export async function exactResult(bytes: Uint8Array, { x }: Arrays): Promise<readonly number[]> {
  const ort = await loadOrt("cpu");
  const session = await ort.InferenceSession.create(bytes, {
    logSeverityLevel: 3,
    intraOpNumThreads: 1,
    extra: { session: { qdq_matmulnbits_accuracy_level: "1" } },
  });
  const { y } = await session.run({ x: new ort.Tensor("float32", x.data as Float32Array, x.shape) });
  await session.release();
  return Array.from(y.data as Float32Array);
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
