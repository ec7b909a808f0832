// Small networks for digits as ONNX files, and digits for them.

import { adam, createTrainer, type Dataset, digits, type NdArray, sizeOf, takeRows } from "isoloss";
import { createRng } from "isoloss/data";
import { int, type OnnxNode } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { foldBatchNorm, fromOnnx, trainable, withParams } from "isoloss-onnx";
import { ints } from "../../core/src/runtime/onnx/schema.js";
import { tensorOf } from "../nn/onnx/support.js";

export interface NetworkOptions {
  readonly batch?: string | number;
  readonly channels?: number;
  /** What the model ends in. */
  readonly end?: "Softmax" | "Sigmoid" | undefined;
  readonly outputs?: number;
}

/** Images [batch, 1, 8, 8] through two convolutions with batch norms and relu, mean-pooling and a linear layer. */
export function convnet({
  batch = "batch",
  channels = 8,
  end,
  outputs = 10,
}: NetworkOptions = {}): Uint8Array {
  const rng = createRng(4);
  const normal = (shape: readonly number[], scale: number): NdArray => ({
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, () => scale * rng.normal()),
  });
  const full = (value: number): NdArray => ({
    shape: [channels],
    data: new Float32Array(channels).fill(value),
  });
  const layer = (name: string, from: number) => ({
    [`${name}.weight`]: normal([channels, from, 3, 3], Math.sqrt(2 / (9 * from))),
    [`${name}.norm.weight`]: full(1),
    [`${name}.norm.bias`]: full(0),
    [`${name}.norm.mean`]: full(0),
    [`${name}.norm.var`]: full(1),
  });
  const nodesOf = (name: string, x: string): OnnxNode[] => {
    const [conv, norm] = [`${name}.conv`, `${name}.normalized`];
    const names = ["weight", "bias", "mean", "var"].map((what) => `${name}.norm.${what}`);
    const attributes = { pads: ints([1, 1, 1, 1]) };
    return [
      { opType: "Conv", inputs: [x, `${name}.weight`], outputs: [conv], attributes },
      { opType: "BatchNormalization", inputs: [conv, ...names], outputs: [norm], attributes: {} },
      { opType: "Relu", inputs: [norm], outputs: [`${name}.y`], attributes: {} },
    ];
  };
  const arrays = {
    ...layer("first", 1),
    ...layer("second", channels),
    "head.weight": normal([outputs, channels], Math.sqrt(1 / channels)),
    "head.bias": normal([outputs], 0),
  };
  const head = end === undefined ? "y" : "logits";
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    producer: "test",
    metadata: { note: "kept" },
    graph: {
      name: "convnet",
      inputs: [{ name: "x", dtype: "float32", shape: [batch, 1, 8, 8] }],
      outputs: [{ name: "y", dtype: "float32", shape: [batch, outputs] }],
      initializers: Object.entries(arrays).map(([name, array]) => tensorOf(name, array)),
      nodes: [
        ...nodesOf("first", "x"),
        ...nodesOf("second", "first.y"),
        { opType: "GlobalAveragePool", inputs: ["second.y"], outputs: ["pooled"], attributes: {} },
        { opType: "Flatten", inputs: ["pooled"], outputs: ["flat"], attributes: {} },
        {
          opType: "Gemm",
          inputs: ["flat", "head.weight", "head.bias"],
          outputs: [head],
          attributes: { transB: int(1) },
        },
        ...(end === undefined ? [] : [{ opType: end, inputs: [head], outputs: ["y"], attributes: {} }]),
      ],
    },
  });
}

/** Digits of some classes as images [n, 1, 8, 8], moved by some pixels to the right. */
export function images({ from = 0, to = 1797, shift = 0 } = {}): Dataset {
  const { images: all, labels } = digits();
  const rows = Array.from({ length: to - from }, (_, i) => from + i);
  const { data } = takeRows(all, rows);
  const moved = data.map((_, i) => (i % 8 < shift ? 0 : data[i - shift]));
  return { inputs: { shape: [rows.length, 1, 8, 8], data: moved }, labels: takeRows(labels, rows) };
}

/** A file after some steps of Adam. */
export async function trainedFile(bytes: Uint8Array, steps: number, data: Dataset): Promise<Uint8Array> {
  const model = trainable(fromOnnx(bytes));
  const settings = { data, optimizer: adam(), learningRate: 1e-2, batchSize: 32 };
  const trainer = await createTrainer({ model, ...settings, runtime: "onnx" });
  await trainer.run({ steps });
  const { params, state } = trainer.current;
  await trainer.dispose();
  return withParams(bytes, { ...params, ...state });
}

/** A file as an exporter gives it that folds batch norms. */
export const exported = (bytes: Uint8Array): Uint8Array => foldBatchNorm(bytes).bytes;

export const operators = (bytes: Uint8Array): string[] =>
  decodeModel(bytes).graph.nodes.map(({ opType }) => opType);

/** The numbers of a stored tensor. */
export const stored = (bytes: Uint8Array, name: string): number[] | undefined => {
  const tensor = decodeModel(bytes).graph.initializers.find((one) => one.name === name);
  return tensor && Array.from<number | bigint, number>(tensor.data, Number);
};
