// Small ONNX files for the tests of `isoloss model`.
import { type Activation, namedArrays, sizeOf, spec, toOnnx, torchGenerator, trace } from "isoloss";
import { createRng } from "isoloss/data";
import { mapMessages, tensorHeader } from "isoloss/internal";
import { mlp } from "isoloss/nn";
import { decodeModel, encodeModel, type OnnxModel } from "isoloss/onnx";
import { ProtoWriter } from "../../../core/src/runtime/onnx/protobuf.js";

type OnnxNode = OnnxModel["graph"]["nodes"][number];

/** A perceptron of 4, 3 and 2 units with an input `x` of so many examples and an output `logits`. */
export function perceptron(activation: Activation, { batch = 5, seed = 0 } = {}): Uint8Array {
  const model = mlp({ sizes: [4, 3, 2], activation });
  const { params } = model.init(torchGenerator(seed));
  const { graph } = trace(({ net, x }) => ({ logits: model.apply(net, x).output }), {
    net: params,
    x: spec([batch, 4]),
  });
  return toOnnx(graph, { constants: namedArrays({ net: params }) });
}

/** A file with another graph. */
export function changed(
  bytes: Uint8Array,
  change: (graph: OnnxModel["graph"]) => Partial<OnnxModel["graph"]>,
): Uint8Array {
  const model = decodeModel(bytes);
  return encodeModel({ ...model, graph: { ...model.graph, ...change(model.graph) } });
}

/** A file whose first input has these sizes; strings are names of open ones. */
export const withShape = (bytes: Uint8Array, shape: readonly (number | string)[]): Uint8Array =>
  changed(bytes, ({ inputs: [x], outputs }) => ({
    inputs: [{ ...x, shape }],
    outputs: outputs.map(({ name, dtype }) => ({ name, dtype })),
  }));

export interface NormalizedOptions {
  /** Channels of the hidden layer. */
  readonly channels?: number;
  /** Units of a layer with many weights before the last, for files that take a while to write. */
  readonly wide?: number;
}

/**
 * Images [batch, 3, 8, 8] through a batch norm of the input, a convolution with one, relu and a linear layer to 2
 * outputs: the norm of the input cannot be folded, the other can.
 */
export function normalized({ channels = 4, wide = 0 }: NormalizedOptions = {}): Uint8Array {
  const rng = createRng(1);
  const numbers = (name: string, shape: readonly number[], draw: () => number) => ({
    name,
    dtype: "float32" as const,
    shape,
    data: Float32Array.from({ length: sizeOf(shape) }, draw),
  });
  const normal = () => 0.3 * rng.normal();
  const norm = (name: string, n: number) => [
    ...["gamma", "variance"].map((what) => numbers(`${name}.${what}`, [n], () => 0.5 + rng.next())),
    ...["beta", "mean"].map((what) => numbers(`${name}.${what}`, [n], normal)),
  ];
  const node = (
    name: string,
    opType: string,
    inputs: readonly string[],
    attributes: OnnxNode["attributes"] = {},
  ) => ({
    opType,
    name,
    inputs,
    attributes,
    outputs: [`${name}.y`],
  });
  const batchNorm = (name: string, x: string) =>
    node(name, "BatchNormalization", [
      x,
      ...["gamma", "beta", "mean", "variance"].map((what) => `${name}.${what}`),
    ]);
  const features = wide === 0 ? channels : wide;
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "normalized",
      inputs: [{ name: "x", dtype: "float32", shape: ["batch", 3, 8, 8] }],
      outputs: [{ name: "y", dtype: "float32", shape: ["batch", 2] }],
      initializers: [
        ...norm("input", 3),
        numbers("conv.weight", [channels, 3, 3, 3], normal),
        ...norm("hidden", channels),
        ...(wide === 0 ? [] : [numbers("wide.weight", [wide, channels], normal)]),
        numbers("last.weight", [2, features], normal),
        numbers("last.bias", [2], normal),
      ],
      nodes: [
        batchNorm("input", "x"),
        node("conv", "Conv", ["input.y", "conv.weight"], { pads: { kind: "ints", value: [1, 1, 1, 1] } }),
        batchNorm("hidden", "conv.y"),
        node("relu", "Relu", ["hidden.y"]),
        node("pool", "GlobalAveragePool", ["relu.y"]),
        node("flat", "Flatten", ["pool.y"]),
        ...(wide === 0
          ? []
          : [node("wide", "Gemm", ["flat.y", "wide.weight"], { transB: { kind: "int", value: 1 } })]),
        {
          ...node("last", "Gemm", [wide === 0 ? "flat.y" : "wide.y", "last.weight", "last.bias"], {
            transB: { kind: "int", value: 1 },
          }),
          outputs: ["y"],
        },
      ],
    },
  });
}

/**
 * Images [batch, 3, 8, 8] through two convolutions without batch norms, each followed by an activation, to 2 outputs.
 *
 * @param activation `Clip` to [0, 6], or an operator of one operand
 * @param wide factor of the second convolution's weights
 */
export function convolutions(activation: "Clip" | "Relu" | "Sigmoid", { wide = 1 } = {}): Uint8Array {
  const rng = createRng(2);
  const tensor = (name: string, shape: readonly number[], factor = 0.3) => ({
    name,
    shape,
    dtype: "float32" as const,
    data: Float32Array.from({ length: sizeOf(shape) }, () => factor * rng.normal()),
  });
  const bound = (name: string, value: number) => ({ ...tensor(name, []), data: Float32Array.of(value) });
  const node = (opType: string, inputs: readonly string[], output: string): OnnxNode => ({
    opType,
    inputs,
    name: output,
    attributes: {},
    outputs: [output],
  });
  const bounds = activation === "Clip" ? ["low", "high"] : [];
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "convolutions",
      inputs: [{ name: "x", dtype: "float32", shape: ["batch", 3, 8, 8] }],
      outputs: [{ name: "y", dtype: "float32", shape: ["batch", 2] }],
      initializers: [
        tensor("w1", [16, 3, 3, 3]),
        tensor("b1", [16]),
        tensor("w2", [20, 16, 3, 3], 0.3 * wide),
        tensor("b2", [20]),
        tensor("w3", [20, 2]),
        ...(activation === "Clip" ? [bound("low", 0), bound("high", 6)] : []),
      ],
      nodes: [
        node("Conv", ["x", "w1", "b1"], "c1"),
        node(activation, ["c1", ...bounds], "a1"),
        node("Conv", ["a1", "w2", "b2"], "c2"),
        node(activation, ["c2", ...bounds], "a2"),
        node("GlobalAveragePool", ["a2"], "p"),
        node("Flatten", ["p"], "f"),
        node("MatMul", ["f", "w3"], "z"),
        node("Softmax", ["z"], "y"),
      ],
    },
  });
}

/** The relu of images [batch, 3, 8, 8]: a file without weights. */
export const bare = (): Uint8Array =>
  changed(normalized(), ({ nodes }) => ({
    nodes: [{ ...nodes[3], inputs: ["x"], outputs: ["y"] }],
    initializers: [],
    outputs: [{ name: "y", dtype: "float32" }],
  }));

/** A file that keeps one tensor of float32 in another file, and the bytes of that. @param shape of the tensor, if another one */
export function withExternalData(
  bytes: Uint8Array,
  name: string,
  location: string,
  shape?: readonly number[],
): { readonly bytes: Uint8Array; readonly data: Uint8Array } {
  const tensor = decodeModel(bytes).graph.initializers.find((one) => one.name === name);
  if (tensor === undefined) throw new Error(`There is no tensor ${name}.`);
  const moved = new ProtoWriter();
  moved.packedInts(1, shape ?? tensor.shape);
  moved.int(2, 1);
  moved.string(8, name);
  moved.message(13, (entry) => {
    entry.string(1, "location");
    entry.string(2, location);
  });
  moved.int(14, 1);
  return {
    bytes: mapMessages(bytes, {
      tensor: (own) => (tensorHeader(own).name === name ? moved.finish() : own),
    }),
    data: new Uint8Array(Float32Array.from(tensor.data as Float32Array).buffer),
  };
}

/** Images of an open size through a convolution whose window is wider than the default size. */
export const wideWindow = (): Uint8Array =>
  encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "wide",
      inputs: [{ name: "x", dtype: "float32", shape: [1, 1, "height", 40] }],
      outputs: [{ name: "y" }],
      initializers: [
        { name: "w", dtype: "float32", shape: [1, 1, 40, 40], data: new Float32Array(1600).fill(0.1) },
      ],
      nodes: [{ opType: "Conv", inputs: ["x", "w"], outputs: ["y"], attributes: {} }],
    },
  });

/** Inputs [batch, 6] to 8 numbers, of which the weights use 3, without an activation to 5, relu, and 2 outputs. */
export function unusedRank(): Uint8Array {
  const rng = createRng(7);
  const numbers = (rows: number, columns: number) =>
    Float32Array.from({ length: rows * columns }, () => rng.normal());
  const [a, b] = [numbers(6, 3), numbers(3, 8)];
  const product = Float32Array.from({ length: 48 }, (_, i) =>
    [0, 1, 2].reduce((sum, k) => sum + a[3 * Math.floor(i / 8) + k] * b[8 * k + (i % 8)], 0),
  );
  const tensor = (name: string, shape: readonly number[], data: Float32Array) => ({
    name,
    shape,
    data,
    dtype: "float32" as const,
  });
  const node = (opType: string, inputs: readonly string[], output: string) => ({
    opType,
    inputs,
    attributes: {},
    outputs: [output],
  });
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 17 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "unused",
      inputs: [{ name: "x", dtype: "float32", shape: ["batch", 6] }],
      outputs: [{ name: "y", dtype: "float32", shape: ["batch", 2] }],
      initializers: [
        tensor("down", [6, 8], product),
        tensor("up", [8, 5], numbers(8, 5)),
        tensor("last", [5, 2], numbers(5, 2)),
      ],
      nodes: [
        node("MatMul", ["x", "down"], "h"),
        node("MatMul", ["h", "up"], "g"),
        node("Relu", ["g"], "r"),
        node("MatMul", ["r", "last"], "y"),
      ],
    },
  });
}
