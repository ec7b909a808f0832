import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { DataError, DTypeError, ShapeError } from "../../../src/errors.js";
import { decodeModel, encodeModel } from "../../../src/runtime/onnx/codec.js";
import { ProtoWriter } from "../../../src/runtime/onnx/protobuf.js";
import {
  type AttributeValue,
  float,
  floats,
  graph,
  int,
  ints,
  type OnnxDType,
  type OnnxGraph,
  type OnnxModel,
  type OnnxNode,
  type OnnxTensor,
  string,
  strings,
  tensor,
} from "../../../src/runtime/onnx/schema.js";

const golden: Record<string, string> = JSON.parse(
  readFileSync(new URL("../../golden/onnx-codec.json", import.meta.url), "utf8"),
);
const goldenBytes = (name: string) => new Uint8Array(Buffer.from(golden[name], "base64"));

const modelOf = (parts: Partial<OnnxGraph>): OnnxModel => ({
  irVersion: 8,
  opsets: [{ domain: "", version: 18 }],
  producer: "isoloss",
  metadata: {},
  graph: { name: "g", inputs: [], outputs: [], initializers: [], nodes: [], ...parts },
});
const nodeWith = (attributes: Record<string, AttributeValue>): OnnxNode => ({
  opType: "Op",
  inputs: [],
  outputs: ["y"],
  attributes,
});
const floatTensor = (name: string, values: number[]): OnnxTensor => ({
  name,
  dtype: "float32",
  shape: [values.length],
  data: Float32Array.from(values),
});

describe("decodeModel on a model made by the onnx package for Python", () => {
  // Expected values: what scripts/make-onnx-golden.py puts in.
  const model = decodeModel(goldenBytes("everything"));
  const initializer = (name: string) => model.graph.initializers.find((t) => t.name === name);
  const attributes = model.graph.nodes.map((n) => n.attributes);

  it("reads the header", () => {
    expect(model).toMatchObject({
      irVersion: 8,
      opsets: [{ domain: "", version: 18 }],
      producer: "maker",
      metadata: { task: "test" },
    });
  });

  it.each<[OnnxDType, OnnxTensor["data"]]>([
    ["float32", Float32Array.of(1.5, -2.25)],
    ["float64", Float64Array.of(0.1, -1e300)],
    ["int64", BigInt64Array.of(-1n, 2n ** 63n - 1n)],
    ["int32", Int32Array.of(-7, 2 ** 31 - 1)],
    ["uint32", Uint32Array.of(0, 2 ** 32 - 1)],
    ["uint8", Uint8Array.of(0, 255)],
    ["bool", Uint8Array.of(1, 0)],
    // IEEE 754 half precision: 1 is 0 01111 0000000000, -2 is 1 10000 0000000000.
    ["float16", Uint16Array.of(0x3c00, 0xc000)],
    // The upper halves of float32: 1 is 0x3f800000, -2 is 0xc0000000.
    ["bfloat16", Uint16Array.of(0x3f80, 0xc000)],
    ["int16", Int16Array.of(-(2 ** 15), 2 ** 15 - 1)],
    ["int8", Int8Array.of(-128, 127)],
    ["uint64", BigUint64Array.of(0n, 2n ** 64n - 1n)],
    ["uint16", Uint16Array.of(0, 2 ** 16 - 1)],
    ["int4", Int8Array.of(-8, 7, -1)],
    ["uint4", Uint8Array.of(0, 15, 9)],
  ])("reads %s tensors from raw bytes and from typed fields", (dtype, data) => {
    for (const storage of ["fields", "raw"]) {
      const name = `${dtype}-${storage}`;
      expect(initializer(name)).toStrictEqual({ name, dtype, shape: [data.length], data });
    }
  });

  it("reads scalars and empty tensors", () => {
    expect(initializer("scalar")).toMatchObject({ shape: [], data: Float32Array.of(3) });
    expect(initializer("empty")).toMatchObject({ shape: [0], data: new BigInt64Array() });
  });

  it("reads known, named and unknown dimensions", () => {
    expect(model.graph.inputs).toEqual([
      { name: "x", dtype: "float32", shape: ["batch", "", 2] },
      { name: "flag", dtype: "bool", shape: [] },
    ]);
    expect(model.graph.outputs).toEqual([{ name: "y", dtype: "float32", shape: ["batch", "", 2] }]);
  });

  it("reads every kind of attribute", () => {
    expect(attributes.slice(2)).toEqual([
      { perm: ints([0, 1, 2]) },
      { alpha: float(0.5) },
      { value: tensor(floatTensor("", [1])) },
      { value_floats: floats([1, 2.5, 4]) },
      { value_strings: strings(["a", "β"]) },
      { value_string: string("γ") },
      { keepdims: int(1), noop_with_empty_axes: int(0) },
      { axis: int(-1) },
      {},
    ]);
  });

  it("reads optional inputs that are left out, and subgraphs whose outputs have no type", () => {
    expect(model.graph.nodes[1]).toEqual({
      opType: "Clip",
      inputs: ["a", "", "scalar"],
      outputs: ["b"],
      attributes: {},
    });
    const branch = (opType: string) =>
      graph({
        name: opType,
        inputs: [],
        outputs: [{ name: "z" }],
        initializers: [],
        nodes: [{ opType, inputs: ["x"], outputs: ["z"], attributes: {} }],
      });
    expect(model.graph.nodes[0]).toEqual({
      opType: "If",
      name: "choice",
      inputs: ["flag"],
      outputs: ["a"],
      attributes: { then_branch: branch("Neg"), else_branch: branch("Abs") },
    });
  });

  it("returns arrays that share no memory with the file, also when that is a Node Buffer", () => {
    const file = Buffer.concat([Buffer.alloc(3), goldenBytes("everything")]).subarray(3);
    const decoded = decodeModel(file);
    file.fill(0);
    expect(decoded).toEqual(model);
  });

  it("keeps its content when encoded and decoded again", () => {
    expect(decodeModel(encodeModel(model))).toStrictEqual(model);
  });
});

it("decodeModel names the type of values of float8", () => {
  expect(decodeModel(goldenBytes("float8")).graph.inputs[0].dtype).toBe("float8e4m3fn");
});

describe("decodeModel on what it does not support", () => {
  it.each([
    ["external", /The tensor "w" keeps its data in another file/],
    ["sparse", /sparse initializer/],
    ["sequence", /The value "s" is not a dense tensor/],
    ["function", /functions of its own.*inline_local_functions/],
    ["words", /The tensor "w" has the element type string; supported are float32, float64/],
  ])("explains why it refuses %s", (name, message) => {
    const attempt = () => decodeModel(goldenBytes(name));
    expect(attempt).toThrow(DataError);
    expect(attempt).toThrow(message);
  });

  it("explains that a file is no ONNX model", () => {
    expect(() => decodeModel(new Uint8Array())).toThrow(/No graph found/);
    expect(() => decodeModel(new TextEncoder().encode("<!doctype html>"))).toThrow(DataError);
  });
});

/** A model whose graph is written field by field. */
function rawGraph(write: (graph: ProtoWriter) => void): Uint8Array {
  const w = new ProtoWriter();
  w.message(7, write);
  return w.finish();
}

function decodeAttribute(write: (attribute: ProtoWriter) => void): AttributeValue {
  const bytes = rawGraph((g) =>
    g.message(1, (node) => {
      node.string(4, "Op");
      node.message(5, (a) => {
        a.string(1, "k");
        write(a);
      });
    }),
  );
  return decodeModel(bytes).graph.nodes[0].attributes.k;
}

function decodeTensor(write: (tensor: ProtoWriter) => void): OnnxTensor {
  return decodeModel(rawGraph((g) => g.message(5, write))).graph.initializers[0];
}

describe("the attributes of an unusual file", () => {
  it("have the type of the one value that is there when no type is written", () => {
    expect(decodeAttribute((a) => a.int(3, 4))).toEqual(int(4));
    expect(decodeAttribute((a) => a.float(2, 0.5))).toEqual(float(0.5));
    expect(decodeAttribute((a) => a.packedInts(8, [1, 2]))).toEqual(ints([1, 2]));
    expect(decodeAttribute((a) => a.string(9, "s"))).toEqual(strings(["s"]));
  });

  it("have their type's default when no value is written", () => {
    const codes = { float: 1, int: 2, string: 3, floats: 6, ints: 7, strings: 8 };
    const read = Object.values(codes).map((code) => decodeAttribute((a) => a.int(20, code)));
    expect(read).toEqual([float(0), int(0), string(""), floats([]), ints([]), strings([])]);
  });

  it.each<[string, (a: ProtoWriter) => void, RegExp]>([
    ["neither type nor value", () => undefined, /attribute "k" of Op has no type and 0 values/],
    ["a list of graphs", (a) => a.int(20, 10), /is of type graphs, which is not supported/],
    ["an unknown type", (a) => a.int(20, 99), /is of type number 99/],
    ["a tensor that is missing", (a) => a.int(20, 4), /is of type tensor.*or is empty/],
    ["a reference to a function's argument", (a) => a.string(21, "p"), /refers to "p" of a function/],
    ["an integer without exact number", (a) => a.int(3, 2n ** 63n - 1n), /beyond 2\^53/],
  ])("are refused with %s", (_, write, message) => {
    expect(() => decodeAttribute(write)).toThrow(DataError);
    expect(() => decodeAttribute(write)).toThrow(message);
  });
});

describe("the tensors of an unusual file", () => {
  it.each<[string, (t: ProtoWriter) => void, RegExp]>([
    [
      "fewer elements than the shape says",
      (t) => {
        t.packedInts(1, [2, 3]);
        t.int(2, 1);
        t.packedFloats(4, [1, 2]);
      },
      /shape \[2, 3\] needs 6 elements; the file has 2/,
    ],
    [
      "a huge shape",
      (t) => {
        t.packedInts(1, [2 ** 40, 2 ** 40]);
        t.int(2, 1);
      },
      /the file has 0/,
    ],
    [
      "a negative size",
      (t) => {
        t.packedInts(1, [-1, -1]);
        t.int(2, 1);
        t.packedFloats(4, [1]);
      },
      /negative size: \[-1, -1\]/,
    ],
    [
      "half an element",
      (t) => {
        t.int(2, 1);
        t.bytes(9, new Uint8Array(3));
      },
      /3 bytes of data; float32 needs a multiple of 4/,
    ],
    [
      "a value out of range",
      (t) => {
        t.packedInts(1, [1]);
        t.int(2, 2);
        t.packedInts(5, [256]);
      },
      /uint8 holds 256/,
    ],
    [
      "a byte of two numbers out of range",
      (t) => {
        t.packedInts(1, [2]);
        t.int(2, 22);
        t.packedInts(5, [256]);
      },
      /int4 holds 256/,
    ],
    [
      "too many numbers of half a byte",
      (t) => {
        t.packedInts(1, [2]);
        t.int(2, 21);
        t.bytes(9, new Uint8Array(2));
      },
      /shape \[2\] needs 2 elements; the file has 4/,
    ],
    ["no element type", (t) => t.bytes(9, new Uint8Array(4)), /element type undefined/],
  ])("are refused with %s", (_, write, message) => {
    expect(() => decodeTensor(write)).toThrow(DataError);
    expect(() => decodeTensor(write)).toThrow(message);
  });
});

describe("encodeModel", () => {
  it("refuses a tensor whose data does not fit its type or shape", () => {
    const encode = (t: Partial<OnnxTensor>) => () =>
      encodeModel(modelOf({ initializers: [{ ...floatTensor("w", [1, 2]), ...t }] }));
    expect(encode({ dtype: "float64" })).toThrow(DTypeError);
    expect(encode({ dtype: "float64" })).toThrow(
      /float64 tensor "w" needs a Float64Array; got a Float32Array/,
    );
    expect(encode({ shape: [3] })).toThrow(ShapeError);
    expect(encode({ shape: [3] })).toThrow(/shape \[3\] needs 3 elements; got 2/);
  });

  it("refuses numbers that do not fit into half a byte", () => {
    const encode = (dtype: "int4" | "uint4", data: OnnxTensor["data"]) => () =>
      encodeModel(modelOf({ initializers: [{ name: "w", dtype, shape: [2], data }] }));
    expect(encode("int4", Int8Array.of(7, -9))).toThrow(
      /int4 tensor "w" holds -8 to 7; got -9 at position 1/,
    );
    expect(encode("uint4", Uint8Array.of(16, 0))).toThrow(DTypeError);
  });

  it("refuses an integer attribute with another number", () => {
    const encode = (value: AttributeValue) => () =>
      encodeModel(modelOf({ nodes: [nodeWith({ axis: value })] }));
    expect(encode(int(0.5))).toThrow(/"axis" of Op must be an exact integer; got 0.5/);
    expect(encode(ints([1, 2 ** 53]))).toThrow(DTypeError);
  });

  it("takes the part of a buffer that an array views", () => {
    const whole = Float32Array.of(1, 2, 3, 4);
    const view = { ...floatTensor("w", [2, 3]), data: whole.subarray(1, 3) };
    const { initializers } = decodeModel(encodeModel(modelOf({ initializers: [view] }))).graph;
    expect(initializers).toEqual([floatTensor("w", [2, 3])]);
  });
});
