import { readFileSync } from "node:fs";
import { DataError, DTypeError, type NdArray, OptionError, ShapeError } from "isoloss";
import { decodeModel } from "isoloss/onnx";
import { smallNetwork } from "isoloss-test-support/model-file/builder";
import { float32, int64 } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { ProtoWriter } from "../../../core/src/runtime/onnx/protobuf.js";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { withParams } from "../../src/model-file/edit/with-params.js";

const golden: Record<string, string> = JSON.parse(
  readFileSync(new URL("../../../core/test/golden/onnx-codec.json", import.meta.url), "utf8"),
);
/** Files that the onnx Python package wrote: see scripts/make-onnx-golden.py. */
const goldenBytes = (name: string) => new Uint8Array(Buffer.from(golden[name], "base64"));

const float64 = (values: readonly number[]): NdArray => ({
  shape: [values.length],
  data: Float64Array.from(values),
});

const FLOAT = 1;
const FLOAT16 = 10;
const DOUBLE = 11;

interface Numbers {
  readonly raw: readonly number[];
  readonly listed: readonly number[];
  readonly double: readonly number[];
  readonly halves: readonly number[];
  readonly constant: readonly number[];
}

/** A file with everything around the numbers that the codec does not know: it is to stay byte by byte. */
function fullFile({ raw, listed, double, halves, constant }: Numbers): Uint8Array {
  const tensor = (w: ProtoWriter, code: number, name: string, write: (t: ProtoWriter) => void) => {
    w.int(1, 2);
    w.int(2, code);
    if (name !== "") w.string(8, name);
    write(w);
    w.string(12, `what ${name} is`);
  };
  const bytesOf = (data: Float32Array | Float64Array) => new Uint8Array(data.buffer);
  const w = new ProtoWriter();
  w.int(1, 8);
  w.string(2, "maker");
  w.string(6, "doc of the model");
  w.message(7, (g) => {
    g.message(1, (n) => {
      n.string(2, "constant:0");
      n.string(4, "Constant");
      n.string(6, "doc of a node");
      n.message(5, (a) => {
        a.string(1, "value");
        a.message(5, (t) => tensor(t, FLOAT, "", (x) => x.bytes(9, bytesOf(Float32Array.from(constant)))));
        a.int(20, 4);
      });
      n.message(9, (entry) => entry.string(1, "metadata of a node"));
    });
    g.string(2, "graph");
    g.message(5, (t) => tensor(t, FLOAT, "raw", (x) => x.bytes(9, bytesOf(Float32Array.from(raw)))));
    g.message(5, (t) => tensor(t, FLOAT, "layer::listed", (x) => x.packedFloats(4, listed)));
    g.message(5, (t) => tensor(t, DOUBLE, "double", (x) => x.bytes(10, bytesOf(Float64Array.from(double)))));
    g.message(5, (t) => tensor(t, FLOAT16, "halves", (x) => x.packedInts(5, halves)));
    g.message(13, (v) => v.string(1, "value info"));
    g.message(14, (q) => q.string(1, "quantization"));
    g.int(200, 7);
  });
  w.message(25, (f) => f.string(1, "function"));
  w.message(20, (t) => t.string(1, "training"));
  w.int(300, 1);
  return w.finish();
}

const before = fullFile({
  raw: [1, 2],
  listed: [3, 4],
  double: [5, 6],
  halves: [0x3c00, 0x4000],
  constant: [7, 8],
});

describe("a file with other parameters", () => {
  it("is the file that would have been written with them, byte by byte", () => {
    const after = fullFile({
      raw: [0.5, -1],
      listed: [0.1, 1e-9],
      double: [0.1, -1e300],
      // 1/3 and 65504, by hand.
      halves: [0x3555, 0x7bff],
      constant: [-7, 0],
    });
    const params = {
      raw: float32([0.5, -1]),
      layer__listed: float32([0.1, 1e-9]),
      double: float64([0.1, -1e300]),
      halves: float64([1 / 3, 65519]),
      constant_0: float32([-7, 0]),
    };
    expect(withParams(before, params)).toEqual(after);
  });

  it("rounds to bfloat16 where the file has it", () => {
    const brain = (bits: readonly number[]) => {
      const w = new ProtoWriter();
      w.message(7, (g) =>
        g.message(5, (t) => {
          t.packedInts(1, [2]);
          t.int(2, 16);
          t.packedInts(5, bits);
          t.string(8, "w");
        }),
      );
      return w.finish();
    };
    // By hand: 1 / 3 = 1.3333 * 2^-2 is 0x3eab with 7 bits of fraction; -2 is 0xc000.
    expect(withParams(brain([0, 0]), { w: float64([1 / 3, -2]) })).toEqual(brain([0x3eab, 0xc000]));
    expect(() => withParams(brain([0, 0]), { w: float64([1e39, 0]) })).toThrow(
      "The largest finite bfloat16 is 3.38",
    );
    // Half a step above the largest, 2^128 - 2^120, is rounded to infinity; what is below it, to the largest.
    const half = 2 ** 128 - 2 ** 119;
    const below = half - 2 ** 75;
    expect(withParams(brain([0, 0]), { w: float64([below, -below]) })).toEqual(brain([0x7f7f, 0xff7f]));
    expect(() => withParams(brain([0, 0]), { w: float64([0, -half]) })).toThrow("its element 1");
  });

  it("rounds to the largest float32 what is less than half a step above it", () => {
    const largest = 2 ** 128 - 2 ** 104;
    expect(withParams(before, { raw: float64([2 ** 128 - 2 ** 103 - 2 ** 75, -largest]) })).toEqual(
      withParams(before, { raw: float32([largest, -largest]) }),
    );
  });

  it("changes the named tensors alone", () => {
    const after = fullFile({
      raw: [9, 2],
      listed: [3, 4],
      double: [5, 6],
      halves: [0x3c00, 0x4000],
      constant: [7, 8],
    });
    expect(withParams(before, { raw: float32([9, 2]) })).toEqual(after);
    const same = withParams(before, {});
    expect(same).toEqual(before);
    expect(same.buffer).not.toBe(before.buffer);
    const buffer = Buffer.from(before);
    expect(withParams(buffer, {}).buffer).not.toBe(buffer.buffer);
  });

  it("is the file itself with its own parameters, in every form in which onnx stores floats", () => {
    const bytes = goldenBytes("everything");
    const params = {
      "float32-fields": float32([1.5, -2.25]),
      "float32-raw": float32([1.5, -2.25]),
      "float64-fields": float64([0.1, -1e300]),
      "float64-raw": float64([0.1, -1e300]),
      "float16-fields": float32([1, -2]),
      "float16-raw": float32([1, -2]),
      scalar: float32([3], []),
      one: float32([1]),
      three: float32([1, 2.5, 4]),
    };
    expect(decodeModel(withParams(bytes, params))).toEqual(decodeModel(bytes));
    const changed = withParams(bytes, { ...params, three: float32([3, 2, 1]), one: float32([-1]) });
    const { nodes, ...rest } = decodeModel(changed).graph;
    const { nodes: old, ...others } = decodeModel(bytes).graph;
    expect(rest).toEqual(others);
    expect(nodes[5].attributes.value_floats).toEqual({ kind: "floats", value: [3, 2, 1] });
    expect(nodes.filter((_, i) => i !== 4 && i !== 5)).toEqual(old.filter((_, i) => i !== 4 && i !== 5));
  });

  it.each([false, true])(
    "gives fromOnnx the parameters that were written (in Constant nodes: %s)",
    (constants) => {
      const bytes = smallNetwork({ constants });
      const { params } = fromOnnx(bytes);
      const doubled = Object.fromEntries(
        Object.entries(params).map(([name, { shape, data }]) => [
          name,
          { shape, data: Float32Array.from(data as Float32Array, (v) => 2 * v) },
        ]),
      );
      expect(fromOnnx(withParams(bytes, doubled)).params).toEqual(doubled);
      expect(withParams(withParams(bytes, doubled), params)).toEqual(bytes);
    },
  );

  it("keeps infinities, as masks have them", () => {
    const raw = float32([-Infinity, Infinity]);
    expect(withParams(before, { raw })).toEqual(
      fullFile({
        raw: [-Infinity, Infinity],
        listed: [3, 4],
        double: [5, 6],
        halves: [0x3c00, 0x4000],
        constant: [7, 8],
      }),
    );
  });

  it.each<[string, Record<string, NdArray>, new (message: string) => Error, string]>([
    [
      "an unknown name",
      { w: float32([1]) },
      OptionError,
      'has no float tensor "w"; it has constant_0, raw, layer__listed, double, halves',
    ],
    [
      "another shape",
      { raw: float32([1, 2], [2, 1]) },
      ShapeError,
      '"raw" must have the file\'s shape [2]; got [2, 1]',
    ],
    ["integers", { raw: int64([1, 2]) }, DTypeError, '"raw" must be an array of floats; got int64'],
    ["what is no array", { raw: [1, 2] as never }, DTypeError, '"raw" must be an array {shape, data}'],
    ["NaN", { raw: float32([1, Number.NaN]) }, DataError, '"raw" holds NaN, its element 1. Nothing'],
    [
      "float16 out of range",
      { halves: float32([70000, 1]) },
      DataError,
      '"halves" of float16 cannot hold 70000, its element 0. The largest finite float16 is 65504',
    ],
    ["float32 out of range", { raw: float64([1e39, 1]) }, DataError, "cannot hold 1e+39"],
    ["float16 that is rounded to infinity", { halves: float64([65520, 1]) }, DataError, "cannot hold 65520"],
    [
      "float32 that is rounded to infinity",
      { raw: float64([2 ** 128 - 2 ** 103, 1]) },
      DataError,
      "cannot hold 3.4028235677973366e+38",
    ],
  ])("refuses %s", (_, params, type, message) => {
    expect(() => withParams(before, params)).toThrow(type);
    expect(() => withParams(before, params)).toThrow(message);
  });
});
