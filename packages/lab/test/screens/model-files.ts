// ONNX files that the tests of the model screen open.
import { encodeModel, type OnnxModel } from "isoloss/onnx";
import { fileBytes, networks } from "isoloss-test-support/nn/onnx/exported";
import { ProtoWriter } from "../../../core/src/runtime/onnx/protobuf.js";
import { sampleFile } from "../../src/screens/model/samples.js";
import { sampleNames } from "../../src/screens/model/state.js";

/** PyTorch's export of a network, without batch norms where PyTorch has folded them. */
function exportedFile(name: string, folded = false): Uint8Array {
  const network = networks.find((row) => row.name === name && row.mode === "eval");
  const [packed] = Object.values(network?.[folded ? "folded" : "files"] ?? {});
  if (packed === undefined) throw new Error(`no ${name}`);
  return fileBytes(packed);
}

/** Files by name: the samples, and exports of PyTorch. */
export const files: Readonly<Record<string, () => Uint8Array>> = {
  ...Object.fromEntries(sampleNames.map((name) => [name, () => sampleFile(name)])),
  "ResNet, folded": () => exportedFile("ResNet", true),
  MobileNet: () => exportedFile("MobileNet"),
  "MobileNet, folded": () => exportedFile("MobileNet", true),
  "U-Net": () => exportedFile("U-Net"),
  "RMSNorm transformer": () => exportedFile("RMSNorm transformer"),
  "text reader": () => exportedFile("text reader"),
};

type Graph = OnnxModel["graph"];
type Node = Graph["nodes"][number];

export const node = (opType: string, inputs: readonly string[], output: string, domain = ""): Node => ({
  opType,
  domain,
  name: `${opType}_${output}`,
  inputs,
  outputs: [output],
  attributes: {},
});

/** A file of x, [2, 3] if nothing else is given, through nodes to the last one's result, with a weight w [3, 3]. */
export function fileOf(nodes: readonly Node[], shape: readonly (number | string)[] = [2, 3]): Uint8Array {
  const data = Float32Array.from({ length: 9 }, (_, i) => Math.sin(i));
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 18 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "g",
      inputs: [{ name: "x", dtype: "float32", shape }],
      outputs: [{ name: nodes.at(-1)?.outputs[0] as string, dtype: "float32", shape: [2, 3] }],
      initializers: [{ name: "w", dtype: "float32", shape: [3, 3], data }],
      nodes,
    },
  });
}

/** A chain of so many nodes. */
export const chain = (count: number): Uint8Array =>
  fileOf(
    Array.from({ length: count }, (_, k) =>
      k === 0 ? node("MatMul", ["x", "w"], "v0") : node("Relu", [`v${k - 1}`], `v${k}`),
    ),
  );

/** So many layers with weights of their own and ReLU between them: twice as many nodes, and symmetries of each. */
export function layers(count: number): Uint8Array {
  const size = 3;
  const nodes = Array.from({ length: count }, (_, k) => [
    node("MatMul", [k === 0 ? "x" : `v${k - 1}`, `w${k}`], `h${k}`),
    node("Relu", [`h${k}`], `v${k}`),
  ]).flat();
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 18 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "g",
      inputs: [{ name: "x", dtype: "float32", shape: [2, size] }],
      outputs: [{ name: `v${count - 1}`, dtype: "float32", shape: [2, size] }],
      initializers: Array.from({ length: count }, (_, k) => ({
        name: `w${k}`,
        dtype: "float32" as const,
        shape: [size, size],
        data: Float32Array.from({ length: size * size }, (_, i) => Math.sin(k + i) + 0.5),
      })),
      nodes,
    },
  });
}

/** A layer, an operator that nothing reads, and a layer behind it. */
export const unknownOperator = (): Uint8Array =>
  fileOf([
    node("MatMul", ["x", "w"], "h"),
    node("Swirl", ["h"], "s", "com.example"),
    node("MatMul", ["s", "w"], "y"),
  ]);

/** A file whose weight w is in another one. */
export function withDataBeside(location: string): Uint8Array {
  const file = new ProtoWriter();
  file.int(1, 8);
  file.message(7, (graph) =>
    graph.message(5, (tensor) => {
      tensor.packedInts(1, [2]);
      tensor.int(2, 1);
      tensor.string(8, "w");
      tensor.message(13, (entry) => {
        entry.string(1, "location");
        entry.string(2, location);
      });
      tensor.int(14, 1);
    }),
  );
  return file.finish();
}

/** Three convolutions of 64 channels in a few million places: little to load, and long to compute. */
export function heavy(): Uint8Array {
  const weight = (name: string, shape: readonly number[]) => ({
    name,
    dtype: "float32" as const,
    shape,
    data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i) / 24),
  });
  const shape = [4, 64, 96, 96];
  const pads = { kind: "ints", value: [1, 1, 1, 1] } as const;
  const conv = (k: number): Node => ({
    ...node("Conv", [k === 0 ? "x" : `r${k - 1}`, `w${k}`], `c${k}`),
    attributes: { pads },
  });
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 18 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "heavy",
      inputs: [{ name: "x", dtype: "float32", shape }],
      outputs: [{ name: "c2", dtype: "float32", shape }],
      initializers: [0, 1, 2].map((k) => weight(`w${k}`, [64, 64, 3, 3])),
      nodes: [conv(0), node("Relu", ["c0"], "r0"), conv(1), node("Relu", ["c1"], "r1"), conv(2)],
    },
  });
}
