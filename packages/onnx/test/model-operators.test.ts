import { DataError, type NdArray, ShapeError, sizeOf } from "isoloss";
import { float, int, type OnnxNode } from "isoloss/internal";
import { fileOf, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { graph } from "../../core/src/runtime/onnx/schema.js";
import { modelOperators } from "../src/model-operators.js";

const numbers = (...shape: number[]): NdArray => ({
  shape,
  data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => Math.cos(i)),
});

/** The nodes after a product with a weight, on examples of 3 numbers. */
const fileWith = (nodes: readonly OnnxNode[], initializers: Readonly<Record<string, NdArray>> = {}) =>
  fileOf({
    inputs: { x: numbers(2, 3) },
    initializers: { w: numbers(3, 4), ...initializers },
    nodes: [node("MatMul", ["x", "w"], {}, ["z"]), ...nodes],
  });

const shapes = { x: [2, 3] };

const keepsOf = (bytes: Uint8Array, name: string) =>
  modelOperators(bytes, { shapes }).find((use) => use.name === name)?.keeps;

const ofUnits = ["scaling", "permutation", "rotation"];
const all = ["scaling", "sign", "linear", "permutation"];
const vector = numbers(4);

describe("modelOperators", () => {
  // By the functions' definitions: c relu(z) = relu(c z) for c > 0, tanh(-z) = -tanh(z), and so on.
  it.each<[string, readonly string[], readonly string[]]>([
    ["MatMul", ["z", "w"], all],
    ["Identity", ["z"], all],
    ["Neg", ["z"], all],
    ["Relu", ["z"], ["scaling", "permutation"]],
    ["Tanh", ["z"], ["sign", "permutation"]],
    ["Sigmoid", ["z"], ["permutation"]],
    ["Softmax", ["z"], ["permutation"]],
    ["Abs", ["z"], ["scaling", "sign", "permutation"]],
    ["ReduceMean", ["z"], all],
    ["HardSigmoid", ["z"], ["permutation"]],
  ])("says what %s keeps", (name, [, second], expected) => {
    const operands = second === undefined ? ["z"] : ["z", "square"];
    expect(keepsOf(fileWith([node(name, operands)], { square: numbers(4, 4) }), name)).toEqual(expected);
  });

  it("tells a bias, a factor for each unit and a bound from numbers that stay", () => {
    const bias = fileWith([node("Add", ["z", "b"])], { b: vector });
    expect(keepsOf(bias, "Add")).toEqual(all);
    const shifted = fileWith([node("Add", ["z", "one"])], { one: { shape: [], data: Float32Array.of(1) } });
    expect(keepsOf(shifted, "Add")).toEqual(["permutation"]);
    const factors = fileWith([node("Mul", ["z", "b"])], { b: vector });
    expect(keepsOf(factors, "Mul")).toEqual(["scaling", "sign", "permutation"]);
    const number = (value: number): NdArray => ({ shape: [], data: Float32Array.of(value) });
    const clipped = fileWith([node("Clip", ["z", "low", "high"])], { low: number(0), high: number(6) });
    expect(keepsOf(clipped, "Clip")).toEqual(["permutation"]);
  });

  it("counts the nodes between layers at which scalings end, not those behind the last one", () => {
    const stops = (nodes: readonly OnnxNode[], initializers: Readonly<Record<string, NdArray>> = {}) =>
      modelOperators(fileWith(nodes, { v: numbers(4, 4), ...initializers }), { shapes }).flatMap((use) =>
        use.stops === undefined ? [] : [[use.name, use.stops]],
      );
    const layer = (from: string, to: string) => node("MatMul", [from, "v"], {}, [to]);
    const behind = [
      layer("a", "z2"),
      node("Tanh", ["z2"], {}, ["a2"]),
      layer("a2", "z3"),
      node("Softmax", ["z3"]),
    ];
    expect(stops([node("Tanh", ["z"], {}, ["a"]), ...behind])).toEqual([["Tanh", 2]]);
    expect(stops([node("Relu", ["z"], {}, ["a"]), ...behind])).toEqual([["Tanh", 1]]);
    expect(stops([node("Softmax", ["z"])])).toEqual([]);
    const low = {
      low: { shape: [], data: Float32Array.of(0) },
      high: { shape: [], data: Float32Array.of(6) },
    };
    expect(stops([node("Clip", ["z", "low", "high"], {}, ["a"]), layer("a", "y")], low)).toEqual([
      ["Clip", 1],
    ]);
    // A recurrence has weights itself.
    const recurrent = {
      w1: numbers(1, 8, 4),
      r: numbers(1, 8, 2),
      axis: { shape: [1], data: BigInt64Array.of(0n) },
    };
    const lstm = [
      node("Unsqueeze", ["z", "axis"], {}, ["s"]),
      node("LSTM", ["s", "w1", "r"], { hidden_size: int(2) }, ["y"]),
    ];
    expect(stops(lstm, recurrent)).toEqual([["LSTM", 1]]);
    // Weights in the branches of an If stay as they are.
    const branch = graph({
      name: "branch",
      inputs: [],
      initializers: [],
      outputs: [{ name: "b", dtype: "float32" }],
      nodes: [layer("z", "b")],
    });
    const yes = { yes: { shape: [], data: Uint8Array.of(1) } };
    const choice = node("If", ["yes"], { then_branch: branch, else_branch: branch });
    expect(stops([choice], yes)).toEqual([["If", 1]]);
  });

  it("takes a bias times a number for a bias", () => {
    const file = fileOf({
      inputs: { x: numbers(2, 3) },
      initializers: { w: numbers(3, 4), b: vector },
      nodes: [
        node("Gemm", ["x", "w", "b"], { alpha: float(0.5), beta: float(2) }, ["z"]),
        node("Relu", ["z"]),
      ],
    });
    expect(keepsOf(file, "Gemm")).toEqual(all);
  });

  it("says that running statistics tell units apart, and that a normalization keeps them up to its constant", () => {
    const positive: NdArray = { shape: [4], data: Float32Array.of(1, 2, 3, 4) };
    const bytes = fileWith(
      [node("BatchNormalization", ["z", "g", "b", "m", "v"], { epsilon: float(1e-5) })],
      {
        g: vector,
        b: vector,
        m: vector,
        v: positive,
      },
    );
    expect(keepsOf(bytes, "BatchNormalization")).toEqual([]);
    const layer = fileWith([node("LayerNormalization", ["z", "g", "b"], { epsilon: float(1e-5) })], {
      g: vector,
      b: vector,
    });
    // One factor for all units: their mean is subtracted.
    expect(keepsOf(layer, "LayerNormalization")).toEqual(["scaling", "permutation"]);
  });

  it("counts nodes, those of subgraphs too, and says what all nodes of an operator keep", () => {
    const bytes = fileWith(
      [
        node("Add", ["z", "b"], {}, ["a"]),
        node("Relu", ["a"], {}, ["r"]),
        node("Add", ["r", "one"], {}, ["c"]),
        node("Relu", ["c"], {}, ["d"]),
        node("Add", ["d", "d"]),
      ],
      { b: vector, one: { shape: [], data: Float32Array.of(1) } },
    );
    expect(modelOperators(bytes, { shapes })).toEqual([
      { name: "Add", count: 3, isSupported: true, keeps: ["permutation"], prevents: ["scaling", "rotation"] },
      {
        name: "Relu",
        count: 2,
        isSupported: true,
        keeps: ["scaling", "permutation"],
        prevents: ["rotation"],
      },
      { name: "MatMul", count: 1, isSupported: true, keeps: all, prevents: [] },
    ]);
    const inner = {
      name: "then",
      inputs: [],
      outputs: [{ name: "y" }],
      initializers: [],
      nodes: [node("Tanh", ["z"])],
    };
    const choice = fileWith([
      node("Frobnicate", ["z"], { then_branch: graph(inner), else_branch: graph(inner) }),
    ]);
    expect(modelOperators(choice)).toContainEqual({
      name: "Tanh",
      count: 2,
      isSupported: true,
      prevents: [],
    });
  });

  it("says nothing about computations with constants", () => {
    const size: NdArray = { shape: [1], data: BigInt64Array.of(4n) };
    const bytes = fileWith([node("ConstantOfShape", ["size"], {}, ["c"]), node("Mul", ["z", "c"])], { size });
    const [, , use] = modelOperators(bytes, { shapes });
    expect(use).toEqual({
      name: "Mul",
      count: 1,
      isSupported: true,
      keeps: all,
      prevents: [],
    });
    expect(modelOperators(bytes, { shapes })).toContainEqual({
      name: "ConstantOfShape",
      count: 1,
      isSupported: true,
      prevents: [],
    });
  });

  it("names operators that are not supported, and traces nothing then", () => {
    const own: OnnxNode = { ...node("Fused", ["z"], {}, ["u"]), domain: "com.example" };
    const bytes = fileWith([own, node("Frobnicate", ["u"])]);
    expect(modelOperators(bytes, { shapes })).toEqual([
      { name: "MatMul", count: 1, isSupported: true, prevents: [] },
      { name: "com.example.Fused", count: 1, isSupported: false, prevents: [...ofUnits, "half"] },
      { name: "Frobnicate", count: 1, isSupported: false, prevents: [...ofUnits, "half"] },
    ]);
  });

  it.each<[string, readonly OnnxNode[], readonly string[]]>([
    ["Relu", [node("Relu", ["z"])], ["rotation"]],
    ["Tanh", [node("Tanh", ["z"])], ["scaling", "rotation"]],
    ["CumSum", [node("CumSum", ["z", "zero"])], []],
    [
      "DynamicQuantizeLinear",
      [node("DynamicQuantizeLinear", ["z"], {}, ["q", "s", "o"])],
      ["quantize", "half"],
    ],
    ["com.microsoft.Gelu", [{ ...node("Gelu", ["z"]), domain: "com.microsoft" }], ["scaling", "rotation"]],
    [
      "com.microsoft.MatMulIntegerToFloat",
      [
        node("DynamicQuantizeLinear", ["z"], {}, ["q", "s", "o"]),
        { ...node("MatMulIntegerToFloat", ["q", "q", "s", "s"]), domain: "com.microsoft" },
      ],
      ["quantize", "half"],
    ],
  ])("says what %s prevents", (name, nodes, expected) => {
    const square = numbers(4, 4);
    const bytes = fileOf({
      inputs: { x: numbers(4, 3) },
      initializers: { w: numbers(3, 4), square, zero: { shape: [], data: BigInt64Array.of(1n) } },
      nodes: [node("MatMul", ["x", "w"], {}, ["z"]), ...nodes],
      outputs: [nodes[nodes.length - 1].outputs[0]],
    });
    const use = modelOperators(bytes, { shapes: { x: [4, 3] } }).find((own) => own.name === name);
    expect(
      use?.prevents.filter((own) => expected.includes(own) || own === "half" || own === "quantize"),
    ).toEqual(expected);
  });

  it.each(["Celu", "MeanVarianceNormalization"])("says without a trace that %s prevents float16", (name) => {
    expect(modelOperators(fileWith([node(name, ["z"])]))).toContainEqual({
      name,
      count: 1,
      isSupported: true,
      prevents: ["half"],
    });
  });

  it("says that norms and attention let through what passes them as a whole", () => {
    const square = numbers(4, 4);
    const bytes = fileOf({
      inputs: { x: numbers(1, 4, 3) },
      initializers: { w: numbers(3, 4), square, g: vector },
      nodes: [
        node("MatMul", ["x", "w"], {}, ["z"]),
        node("LayerNormalization", ["z", "g"], { epsilon: float(1e-5) }, ["n"]),
        ...["q", "k", "v"].map((name) => node("MatMul", ["n", "square"], {}, [name])),
        {
          ...node("MultiHeadAttention", ["q", "k", "v"], { num_heads: int(2) }, ["a"]),
          domain: "com.microsoft",
        },
        node("MatMul", ["a", "square"]),
      ],
    });
    const uses = modelOperators(bytes, { shapes: { x: [1, 4, 3] } });
    const use = (name: string) => uses.find((own) => own.name === name);
    expect(use("LayerNormalization")).toMatchObject({ prevents: [] });
    expect(use("com.microsoft.MultiHeadAttention")?.prevents).not.toContain("scaling");
    expect(use("com.microsoft.MultiHeadAttention")?.prevents).not.toContain("rotation");
    expect(use("com.microsoft.MultiHeadAttention")).not.toHaveProperty("stops");
  });

  it("says what is wrong with bytes and shapes", () => {
    expect(() => modelOperators(Uint8Array.of(1, 2, 3))).toThrow(DataError);
    expect(() => modelOperators(fileWith([node("Relu", ["z"])]), { shapes: { x: [2, 5] } })).toThrow(
      ShapeError,
    );
  });
});
