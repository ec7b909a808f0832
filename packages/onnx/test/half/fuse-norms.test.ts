// Norms of several nodes against ONNX Runtime's own.
import type { NdArray } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { opened } from "isoloss-test-support/model-file/builder";
import {
  type TransformerOptions,
  transformer,
  transformerInputs,
} from "isoloss-test-support/model-file/transformer";
import { fileOf, float32, int64, node, runOrt } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { int, ints } from "../../../core/src/runtime/onnx/schema.js";
import { fuseNorms } from "../../src/half/fuse-norms.js";
import { withInnerValues } from "../../src/half/source.js";
import { tracedFile } from "../../src/model-file/traced-file.js";

const kinds: readonly (readonly [string, string, TransformerOptions])[] = [
  ["LayerNormalization", "a LayerNorm", { opset: 18 }],
  ["LayerNormalization", "a LayerNorm of operator set 13", { opset: 13, constants: true }],
  ["SimplifiedLayerNormalization", "an RMSNorm", { norm: "rms", opset: 14, keyNorms: true }],
  ["RMSNormalization", "an RMSNorm of operator set 23", { norm: "rms", opset: 23, place: "both" }],
];

it.each(kinds)("%s takes the place of %s", async (opType, _, options) => {
  // With several seeds, as a norm squares by Mul or Pow, and divides by Div or Mul.
  for (const seed of [0, 1, 2]) {
    const own = { width: 16, layers: 1, ...options, seed };
    const bytes = transformer(own);
    const file = opened(bytes);
    const { values } = tracedFile("test", withInnerValues("test", file), { sizes: {} });
    const fused = fuseNorms("test", file, values);
    const { nodes } = decodeModel(fused?.file.bytes as Uint8Array).graph;
    const norms = own.place === "both" ? 5 : own.keyNorms ? 5 : 3;
    expect(nodes.filter((node) => node.opType === opType)).toHaveLength(norms);
    expect(fused?.fused).toHaveLength(norms);
    expect(nodes.some((node) => node.opType === "Sqrt")).toBe(false);
    const inputs = transformerInputs(own);
    const [expected, got] = [
      await runOrt(bytes, inputs),
      await runOrt(fused?.file.bytes as Uint8Array, inputs),
    ];
    const scale = Math.max(...Array.from(expected.logits.data as Float32Array, Math.abs));
    for (const [i, v] of (got.logits.data as Float32Array).entries()) {
      expect(Math.abs(v - Number(expected.logits.data[i]))).toBeLessThan(1e-5 * scale);
    }
  }
});

const fusedOf = (bytes: Uint8Array, sizes: Readonly<Record<string, number>> = {}) => {
  const file = opened(bytes);
  const { values } = tracedFile("test", withInnerValues("test", file), { sizes });
  return fuseNorms("test", file, values);
};

it("a file without such norms stays", () => {
  expect(fusedOf(transformer({ fused: true, layers: 1 }))).toBeUndefined();
});

const mean = (x: string, y: string) => node("ReduceMean", [x], { axes: ints([-1]) }, [y]);

/** y = x / sqrt(mean x^2 + e). */
const scaled = (x: string, y: string): readonly OnnxNode[] => [
  node("Mul", [x, x], {}, [`${y}_square`]),
  mean(`${y}_square`, `${y}_variance`),
  node("Add", [`${y}_variance`, "e"], {}, [`${y}_sum`]),
  node("Sqrt", [`${y}_sum`], {}, [`${y}_root`]),
  node("Div", [x, `${y}_root`], {}, [y]),
];

const examples: NdArray = { shape: [3, 4], data: Float32Array.from({ length: 12 }, (_, i) => Math.cos(i)) };
const w: NdArray = { shape: [4, 4], data: Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)) };
const stored = { e: float32([1e-5]), w };

const fileWith = (nodes: readonly OnnxNode[], opset = 17) =>
  fileOf({ inputs: { x: examples }, initializers: stored, nodes, opset });

/** The same file with open axes of its input. */
function open(bytes: Uint8Array, shape: readonly (number | string)[]): Uint8Array {
  const model = decodeModel(bytes);
  const inputs = model.graph.inputs.map((own) => ({ ...own, shape }));
  return encodeModel({ ...model, graph: { ...model.graph, inputs } });
}

it("a norm without a gain gets one where the file fixes the width alone", () => {
  const behindRelu = fileWith([node("Relu", ["x"], {}, ["z"]), ...scaled("z", "y")]);
  expect(fusedOf(behindRelu)?.fused).toEqual(["y"]);
  expect(fusedOf(open(behindRelu, ["rows", "width"]))).toBeUndefined();
  const behindWeights = fileWith([node("MatMul", ["x", "w"], {}, ["z"]), ...scaled("z", "y")]);
  expect(fusedOf(open(behindWeights, ["rows", 4]))?.fused).toEqual(["y"]);
});

it("a norm without a gain gets one behind a table of tokens, too, where all sizes of tokens are open", () => {
  const ids = int64([0, 1, 2, 3, 0, 1], [2, 3]);
  const tokens = [
    node("Gather", ["w", "ids"], {}, ["rows"]),
    node("Add", ["rows", "positions"], {}, ["x"]),
    ...scaled("x", "z"),
    node("MatMul", ["z", "w"], {}, ["block"]),
    node("Add", ["x", "block"], {}, ["sum"]),
    ...scaled("sum", "y"),
  ];
  const positions: NdArray = { shape: [3, 4], data: new Float32Array(12).fill(0.5) };
  const bytes = fileOf({ inputs: { ids }, initializers: { ...stored, positions }, nodes: tokens, opset: 17 });
  expect(fusedOf(open(bytes, ["batch", "length"]), { batch: 2, length: 3 })?.fused).toEqual(["z", "y"]);
});

it("a norm without a gain stays where a stored vector or table has its width by chance", () => {
  const ids = int64([0, 1, 2, 3], [4]);
  const columns = [node("Gather", ["w", "ids"], { axis: int(1) }, ["z"]), ...scaled("z", "y")];
  const chosen = fileOf({ inputs: { ids }, initializers: stored, nodes: columns, opset: 17 });
  expect(fusedOf(open(chosen, ["length"]), { length: 4 })).toBeUndefined();

  const x: NdArray = { shape: [2, 4, 4], data: new Float32Array(32).fill(1) };
  const vector: NdArray = { shape: [4], data: new Float32Array(4).fill(1) };
  const product = [node("MatMul", ["x", "vector"], {}, ["z"]), ...scaled("z", "y")];
  const summed = fileOf({ inputs: { x }, initializers: { ...stored, vector }, nodes: product, opset: 17 });
  expect(fusedOf(open(summed, ["batch", "length", 4]), { batch: 2, length: 4 })).toBeUndefined();

  const one: NdArray = { shape: [1], data: new Float32Array(1).fill(1) };
  const added = [node("Add", ["x", "one"], {}, ["z"]), ...scaled("z", "y")];
  const shifted = fileOf({
    inputs: { x: examples },
    initializers: { ...stored, one },
    nodes: added,
    opset: 17,
  });
  expect(fusedOf(open(shifted, ["rows", "width"]), { rows: 3, width: 1 })).toBeUndefined();
});

it("a norm of an input becomes one node, too", async () => {
  const bytes = fileWith(scaled("x", "y"));
  const own = fusedOf(bytes)?.file.bytes as Uint8Array;
  expect(decodeModel(own).graph.nodes.map(({ opType }) => opType)).toEqual(["SimplifiedLayerNormalization"]);
  const [expected, got] = [await runOrt(bytes, { x: examples }), await runOrt(own, { x: examples })];
  for (const [i, v] of (got.y.data as Float32Array).entries()) {
    expect(v).toBeCloseTo(Number(expected.y.data[i]), 5);
  }
});

it("norms without a mean become one node where the operator set cannot be raised", () => {
  const centered = [
    mean("dropped", "m"),
    node("Sub", ["dropped", "m"], {}, ["centered"]),
    ...scaled("centered", "z"),
  ];
  // The mask of an older Dropout is of another type.
  const dropout = node("Dropout", ["x"], {}, ["dropped", "mask"]);
  const nodes = [dropout, ...centered, node("MatMul", ["z", "w"], {}, ["v"]), ...scaled("v", "y")];
  expect(fusedOf(fileWith(nodes, 11))?.fused).toEqual(["y"]);
  expect(fusedOf(fileWith(nodes, 17))?.fused).toEqual(["z", "y"]);
});
