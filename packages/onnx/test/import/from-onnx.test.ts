import type { Tensor } from "isoloss";
import { astype, DataError, DTypeError, OptionError, ShapeError, torchGenerator, zeros } from "isoloss";
import { int, type OnnxNode, type OnnxValueInfo } from "isoloss/internal";
import { sequenceTransformer } from "isoloss/nn";
import { encodeModel, modelToOnnx } from "isoloss/onnx";
import { input } from "isoloss/ops";
import {
  type Arrays,
  fileOf,
  float32,
  int64,
  node,
  runImported,
  tensorOf,
} from "isoloss-test-support/nn/onnx/support";
import { describe, expect, expectTypeOf, it } from "vitest";
import { ints } from "../../../core/src/runtime/onnx/schema.js";
import { fromOnnx } from "../../src/import/from-onnx.js";

const x = float32([1, 2, 3, 4, 5, 6], [2, 3]);

/** y = x w + b with a scale that no node takes for a weight, its batch of open size. */
function affine(
  change: { opset?: number; nodes?: readonly OnnxNode[]; inputs?: readonly OnnxValueInfo[] } = {},
) {
  const { opset = 18, nodes, inputs } = change;
  return encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: opset }],
    producer: "test",
    metadata: {},
    graph: {
      name: "affine",
      inputs: inputs ?? [{ name: "x", dtype: "float32", shape: ["batch", 3] }],
      outputs: [{ name: "y" }],
      initializers: [
        tensorOf("onnx::MatMul_1", float32([1, 0, 0, 1, 1, 1], [3, 2])),
        tensorOf("b", float32([10, 20])),
        tensorOf("scale", float32([2], [])),
        tensorOf("power", float32([2, 2])),
      ],
      nodes: nodes ?? [
        node("MatMul", ["x", "onnx::MatMul_1"], {}, ["xw"]),
        node("Mul", ["xw", "scale"], {}, ["scaled"]),
        node("Pow", ["scaled", "power"], {}, ["squares"]),
        node("Add", ["squares", "b"]),
      ],
    },
  });
}

it("a model of tokens that modelToOnnx wrote has an input of int64", () => {
  const model = sequenceTransformer({ tokens: 5, width: 8, depth: 1, classes: 3 });
  const bytes = modelToOnnx(model, model.init(torchGenerator(0)), { example: [4], dtype: "int64" });
  expect(fromOnnx(bytes).inputs).toMatchObject([{ dtype: "int64", shape: ["batch", 4] }]);
});

describe("the parameters of an imported model", () => {
  it("are the weights by their names, a colon replaced, and neither single numbers nor exponents", () => {
    const model = fromOnnx(affine());
    expect(model.params).toEqual({
      onnx__MatMul_1: float32([1, 0, 0, 1, 1, 1], [3, 2]),
      b: float32([10, 20]),
    });
    expect(model.inputs).toEqual([{ name: "x", dtype: "float32", shape: ["batch", 3] }]);
    // By hand: x w = [1 + 3, 2 + 3; 4 + 6, 5 + 6], twice that squared, plus b.
    expect(runImported(affine(), { x }).y).toEqual(float32([74, 120, 410, 504], [2, 2]));
  });

  it("are not numbers of the code: what computes sizes, and Constant nodes of equal numbers", () => {
    const constant = (name: string, values: readonly number[], shape?: readonly number[]) =>
      node("Constant", [], { value: { kind: "tensor", value: tensorOf("", float32(values, shape)) } }, [
        name,
      ]);
    const bytes = fileOf({
      inputs: { x: float32([1, 2], [1, 1, 1, 2]) },
      initializers: { bias: float32([0, 0]) },
      nodes: [
        constant("same", [1, 1]),
        constant("larger", [1, 2]),
        constant("shift", [0, 0]),
        constant("one", [1]),
        constant("w", [3, 4]),
        node("Concat", ["same", "larger"], { axis: int(0) }, ["scales"]),
        node("Resize", ["x", "", "scales"], {}, ["wide"]),
        node("MaxPool", ["wide"], { kernel_shape: ints([1, 2]), strides: ints([1, 2]) }, ["narrow"]),
        node("Mul", ["narrow", "w"], {}, ["weighted"]),
        node("Add", ["weighted", "shift"], {}, ["shifted"]),
        node("Add", ["shifted", "bias"], {}, ["biased"]),
        node("Div", ["biased", "one"]),
      ],
    });
    expect(fromOnnx(bytes).params).toEqual({ bias: float32([0, 0]), w: float32([3, 4]) });
    expect(runImported(bytes, { x: float32([1, 2], [1, 1, 1, 2]) }).y).toEqual(float32([3, 8], [1, 1, 1, 2]));
  });

  it("give the results that the caller names, and no others", () => {
    const model = fromOnnx(affine(), { outputs: ["y"] });
    expectTypeOf(model.apply).returns.toEqualTypeOf<Record<"y", Tensor>>();
    expect(model.outputs).toEqual(["y"]);
    expect(() => fromOnnx(affine(), { outputs: ["z"] })).toThrow(OptionError);
    expect(() => fromOnnx(affine(), { outputs: ["z"] })).toThrow('has no output "z"; it has y.');
  });

  it("are those that the caller says", () => {
    const { params } = fromOnnx(affine(), { isParameter: (name) => name === "b" });
    expect(Object.keys(params)).toEqual(["b"]);
  });

  it("become the type that the caller wants", () => {
    const { params, inputs } = fromOnnx(affine(), { dtype: "float64" });
    expect(params.b.data).toEqual(Float64Array.of(10, 20));
    expect(inputs[0].dtype).toBe("float64");
    expect(() => fromOnnx(affine(), { dtype: "int64" as never })).toThrow(OptionError);
  });

  it("are of float64 where the file's are", () => {
    const w = astype(float32([2]), "float64");
    const bytes = fileOf({ inputs: { x: w }, initializers: { w }, nodes: [node("Mul", ["x", "w"])] });
    expect(fromOnnx(bytes).params.w.data).toEqual(Float64Array.of(2));
  });

  it("of half precision are read", () => {
    // IEEE 754 binary16: 1, -2, the smallest normal and subnormal numbers, infinity.
    const half = {
      name: "w",
      dtype: "float16",
      shape: [5],
      data: Uint16Array.of(0x3c00, 0xc000, 0x0400, 1, 0x7c00),
    } as const;
    const bytes = encodeModel({
      irVersion: 8,
      opsets: [{ domain: "", version: 18 }],
      producer: "test",
      metadata: {},
      graph: {
        name: "half",
        inputs: [{ name: "x", dtype: "float16", shape: [5] }],
        outputs: [{ name: "y" }],
        initializers: [half],
        nodes: [node("Mul", ["x", "w"])],
      },
    });
    expect(fromOnnx(bytes).params.w.data).toEqual(Float32Array.of(1, -2, 2 ** -14, 2 ** -24, Infinity));
  });

  it("are no inputs, where an old file lists them among these", () => {
    const listed = [
      { name: "x", dtype: "float32", shape: [2, 3] },
      { name: "b", dtype: "float32", shape: [2] },
    ] as const;
    expect(fromOnnx(affine({ inputs: listed })).inputs.map(({ name }) => name)).toEqual(["x"]);
  });
});

const failing = (nodes: readonly OnnxNode[], initializers: Arrays = {}, inputs: Arrays = { x }) =>
  runImported.bind(undefined, fileOf({ inputs, initializers, nodes }), inputs);

describe("a model is refused", () => {
  it("for operators that are not known, all of which are named", () => {
    const nodes = [
      node("TfIdfVectorizer", ["x"], {}, ["a"]),
      { ...node("MoE", ["a", "a"], {}, ["c"]), domain: "com.microsoft" },
      node("ImageDecoder", ["c"]),
    ];
    expect(() => fromOnnx(affine({ nodes }))).toThrow(DataError);
    expect(() => fromOnnx(affine({ nodes }))).toThrow(
      /TfIdfVectorizer, com.microsoft.MoE, ImageDecoder\. Export it/,
    );
  });

  it("for two weights of one name", () => {
    const initializers = { "a:b": float32([1, 2]), a_b: float32([1, 2]) };
    const bytes = fileOf({ initializers, nodes: [node("Add", ["a:b", "a_b"])] });
    expect(() => fromOnnx(bytes)).toThrow(/has "a:b" and "a_b", both "a_b"\. Rename one of them in the file/);
  });

  it("for bytes that are no model", () => {
    expect(() => fromOnnx(Uint8Array.of(1, 2, 3))).toThrow(DataError);
  });

  it.each<[string, readonly OnnxNode[], RegExp, Arrays?]>([
    [
      "for a shape that depends on data",
      [node("Cast", ["x"], { to: int(7) }, ["s"]), node("Reshape", ["x", "s"])],
      /Reshape "y" of \[2, 3\], \[2, 3\]: operand 1 \(s\) depends on inputs/,
    ],
    [
      "in training mode",
      [node("Dropout", ["x", "", "on"])],
      /drops units at random in training mode; export/,
      { on: { shape: [], data: Uint8Array.of(1) } },
    ],
    [
      "for a result that is not computed",
      [node("Abs", ["x"], {}, ["z", "more"]), node("Neg", ["more"])],
      /operand "more" is a result that is not supported/,
    ],
    [
      "for an output that is not computed",
      [node("Abs", ["x"], {}, ["z", "y"])],
      /output "y" is a result of Abs that is not supported/,
    ],
    [
      "for an operand that is missing",
      [node("Add", ["x", ""])],
      /Add "y" of \[2, 3\], none: operand 1 is missing/,
    ],
    [
      "for an attribute of another kind",
      [node("Elu", ["x"], { alpha: int(1) })],
      /alpha must be of the kind float; it is of the kind int/,
    ],
    [
      "for a mode of padding",
      [node("Pad", ["x", "p"], { mode: { kind: "string", value: "mirror" } })],
      /the mode must be constant, reflect, edge or wrap; it is mirror/,
      { p: int64([0, 1, 0, 1]) },
    ],
    [
      "for an index outside",
      [node("Gather", ["x", "i"])],
      /index 2 is outside an axis of 2/,
      { i: int64([2], []) },
    ],
  ])("%s", (_, nodes, message, initializers) => {
    expect(failing(nodes, initializers)).toThrow(DataError);
    expect(failing(nodes, initializers)).toThrow(message);
  });
});

describe("what is applied to a model has to fit:", () => {
  const model = fromOnnx(affine());
  const params = { onnx__MatMul_1: input([3, 2]), b: input([2]) };

  it("a batch of any size where the file leaves it open", () => {
    expect(model.apply(params, { x: input([7, 3]) }).y.shape).toEqual([7, 2]);
  });

  it("shapes", () => {
    expect(() => model.apply(params, { x: input([7, 4]) })).toThrow(ShapeError);
    expect(() => model.apply(params, { x: input([7, 4]) })).toThrow(
      /"x" must be float32\[batch, 3\]; got float32\[7, 4\]/,
    );
    expect(() => model.apply({ ...params, b: input([3]) }, { x: input([7, 3]) })).toThrow(
      /"b" must be float32\[2\]/,
    );
  });

  it("names", () => {
    expect(() => model.apply(params, { data: input([7, 3]) })).toThrow(
      /"x" is missing; it must be float32\[batch, 3\]/,
    );
  });

  it("element types", () => {
    expect(() => model.apply(params, { x: input([7, 3], "float64") })).toThrow(DTypeError);
  });

  it("empty batches are shapes like any other", () => {
    expect(model.apply(params, { x: input(zeros([0, 3]).shape) }).y.shape).toEqual([0, 2]);
  });
});
