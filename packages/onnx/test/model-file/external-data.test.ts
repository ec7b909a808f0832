import { readFileSync } from "node:fs";
import { DataError, type NdArray } from "isoloss";
import { float, mapMessages, ProtoReader, readTensor } from "isoloss/internal";
import { decodeModel, inlineExternalData } from "isoloss/onnx";
import { fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { ProtoWriter } from "../../../core/src/runtime/onnx/protobuf.js";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { withParams } from "../../src/model-file/edit/with-params.js";

function externalTensor(
  t: ProtoWriter,
  { name, shape }: { readonly name: string; readonly shape: readonly number[] },
  entries: Readonly<Record<string, string>>,
): void {
  t.packedInts(1, shape);
  t.int(2, 1);
  t.string(8, name);
  for (const [key, value] of Object.entries(entries)) {
    t.message(13, (entry) => {
      entry.string(1, key);
      entry.string(2, value);
    });
  }
  t.int(14, 1);
}

/** The same model with the numbers of its tensors in another file, w.bin. */
function divided(bytes: Uint8Array): { readonly bytes: Uint8Array; readonly data: Uint8Array } {
  const data: number[] = [];
  const outside = (message: Uint8Array) => {
    const { name, shape, data: own } = readTensor(new ProtoReader(message));
    const w = new ProtoWriter();
    externalTensor(w, { name, shape }, { location: "w.bin", offset: String(4 * data.length) });
    data.push(...Array.from(own, Number));
    return w.finish();
  };
  return { bytes: mapMessages(bytes, { tensor: outside }), data: bytesOf(...data) };
}

/** y = (x + w) v, with w at an offset of one file and v in all of another. */
function file({
  location = "weights.bin",
  offset = "8",
  length = "8",
  other = "more/v.bin",
} = {}): Uint8Array {
  const external = (t: ProtoWriter, name: string, entries: Readonly<Record<string, string>>) =>
    externalTensor(t, { name, shape: [2] }, entries);
  const writeNode = (n: ProtoWriter, opType: string, inputs: readonly string[], output: string) => {
    for (const input of inputs) n.string(1, input);
    n.string(2, output);
    n.string(4, opType);
  };
  const value = (v: ProtoWriter, name: string) => {
    v.string(1, name);
    v.message(2, (t) =>
      t.message(1, (tensor) => {
        tensor.int(1, 1);
        tensor.message(2, (s) => s.message(1, (d) => d.int(1, 2)));
      }),
    );
  };
  const w = new ProtoWriter();
  w.int(1, 8);
  w.message(7, (g) => {
    g.message(1, (n) => writeNode(n, "Add", ["x", "w"], "s"));
    g.message(1, (n) => writeNode(n, "Mul", ["s", "v"], "y"));
    g.message(5, (t) => external(t, "w", { location, offset, length, checksum: "0" }));
    g.message(5, (t) => external(t, "v", { location: other }));
    g.message(11, (v) => value(v, "x"));
    g.message(12, (v) => value(v, "y"));
  });
  w.message(8, (o) => o.int(2, 18));
  return w.finish();
}

const twice = ({ shape, data }: NdArray): NdArray => ({
  shape,
  data: (data as Float32Array).map((v) => 2 * v),
});
const bytesOf = (...values: number[]) => new Uint8Array(Float32Array.from(values).buffer);
const files = { "weights.bin": bytesOf(9, 9, 1, 2, 9), "more/v.bin": bytesOf(3, 4) };

describe("external data", () => {
  it("is read at its offset, from bytes by location or by a function, each file once", () => {
    const expected = { w: float32([1, 2]), v: float32([3, 4]) };
    expect(fromOnnx(file(), { external: files }).params).toEqual(expected);
    const asked: string[] = [];
    const external = (location: string) => {
      asked.push(location);
      return files[location as keyof typeof files];
    };
    expect(fromOnnx(file(), { external }).params).toEqual(expected);
    expect(asked).toEqual(["weights.bin", "more/v.bin"]);
  });

  it("is read from Node Buffers, whose memory is not shared", () => {
    const buffers = {
      "weights.bin": Buffer.from(files["weights.bin"]),
      "more/v.bin": Buffer.from(files["more/v.bin"]),
    };
    const { params } = fromOnnx(file(), { external: buffers });
    for (const buffer of Object.values(buffers)) buffer.fill(0);
    expect(params).toEqual({ w: float32([1, 2]), v: float32([3, 4]) });
  });

  it("of a file that onnx wrote is read", () => {
    const golden = JSON.parse(
      readFileSync(new URL("../../../core/test/golden/onnx-codec.json", import.meta.url), "utf8"),
    );
    const bytes = new Uint8Array(Buffer.from(golden.external, "base64"));
    expect(fromOnnx(bytes, { external: { "weights.bin": bytesOf(5, 6) } }).params.w).toEqual(float32([5, 6]));
  });

  it("is inside after inlining, and the model without it is as it was", () => {
    const whole = inlineExternalData(file(), files);
    expect(decodeModel(whole).graph.initializers.map(({ data }) => data)).toEqual([
      Float32Array.of(1, 2),
      Float32Array.of(3, 4),
    ]);
    expect(inlineExternalData(whole, {})).toBe(whole);
  });

  it("of a replaced tensor goes into the file, and that of the others with their files", () => {
    const w = float32([7, 8]);
    const partly = withParams(file(), { w });
    expect(fromOnnx(partly, { external: { "more/v.bin": files["more/v.bin"] } }).params).toEqual({
      w,
      v: float32([3, 4]),
    });
    expect(fromOnnx(withParams(file(), { w }, { external: files })).params.v).toEqual(float32([3, 4]));
  });

  it("is read and written in parts, tensor by tensor", () => {
    const asked: string[] = [];
    const parts = (location: string) => (offset: number, length: number) => {
      asked.push(`${location} ${offset} ${length}`);
      return files[location as keyof typeof files].slice(offset, offset + length);
    };
    const expected = { w: float32([1, 2]), v: float32([3, 4]) };
    expect(fromOnnx(file(), { external: parts }).params).toEqual(expected);
    expect(asked).toEqual(["weights.bin 8 8", "more/v.bin 0 8"]);
    const written: string[] = [];
    const after = withParams(
      file(),
      { w: ({ shape, data }) => ({ shape, data: (data as Float32Array).map((v) => 8 * v) }) },
      {
        external: parts,
        write: (location, offset, bytes) =>
          written.push(`${location} ${offset} ${new Float32Array(bytes.slice().buffer).join()}`),
      },
    );
    expect(written).toEqual(["weights.bin 8 8,16"]);
    expect(asked.slice(2)).toEqual(["weights.bin 8 8"]);
    expect(after).toEqual(file());
    expect(inlineExternalData(file(), parts)).toEqual(inlineExternalData(file(), files));
  });

  it("stays outside where an epsilon moves that is an attribute, or is outside itself", () => {
    const [w, ones] = [float32([1, 2, 3, 4], [2, 2]), float32([1, 1])];
    const norms = {
      attribute: [node("LayerNormalization", ["z", "g"], { epsilon: float(1e-5) })],
      constant: [
        node("Mul", ["z", "z"], {}, ["squares"]),
        node("ReduceMean", ["squares"], {}, ["mean"]),
        node("Add", ["mean", "e"], {}, ["sum"]),
        node("Sqrt", ["sum"], {}, ["root"]),
        node("Div", ["z", "root"]),
      ],
    };
    for (const [kind, nodes] of Object.entries(norms)) {
      const whole = fileOf({
        inputs: { x: ones },
        initializers: { w, ...(kind === "constant" ? { e: float32([1e-5]) } : { g: ones }) },
        nodes: [node("MatMul", ["x", "w"], {}, ["z"]), ...nodes],
      });
      const { bytes, data } = divided(whole);
      const files = { "w.bin": data.slice() };
      const epsilon = kind === "constant" ? "sum.epsilon" : "y.epsilon";
      const moved = withParams(
        bytes,
        { w: twice, [epsilon]: twice },
        {
          external: { "w.bin": data },
          write: (location, offset, own) => files[location as "w.bin"].set(own, offset),
        },
      );
      expect([...new Float32Array(files["w.bin"].slice(0, 16).buffer)]).toEqual([2, 4, 6, 8]);
      const { params } = fromOnnx(moved, { external: files, epsilons: true });
      expect(params.w).toEqual(float32([2, 4, 6, 8], [2, 2]));
      expect(params[epsilon].data[0]).toBeCloseTo(2e-5, 10);
    }
  });

  it("that tensors share is not written", () => {
    const write = () => expect.unreachable();
    const shared = { "weights.bin": bytesOf(3, 4, 5, 6) };
    const partly = file({ other: "weights.bin", offset: "4" });
    expect(() => withParams(partly, { v: twice }, { external: shared, write })).toThrow(DataError);
    expect(() => withParams(partly, { w: twice }, { external: shared, write })).toThrow(
      'tensors share bytes of "weights.bin": "w", "v". New numbers of "w" would change the others. Nothing was written. Leave out `write`',
    );
    const spelled = file({ other: "./weights.bin", offset: "4" });
    expect(() =>
      withParams(
        spelled,
        { w: twice },
        { external: { ...shared, "./weights.bin": shared["weights.bin"] }, write },
      ),
    ).toThrow("tensors share bytes");
    const written: number[] = [];
    const beside = file({ other: "weights.bin", offset: "8" });
    withParams(
      beside,
      { w: twice, v: twice },
      { external: shared, write: (_, offset) => written.push(offset) },
    );
    expect(written).toEqual([8, 0]);
  });

  it("above 2 GiB is not put into the file", () => {
    const large = file({ length: String(2 ** 31) });
    expect(() => inlineExternalData(large, files)).toThrow("more than 2 GiB with its external data");
  });

  it("asks for what is needed to write it", () => {
    const write = () => {};
    expect(() => withParams(file(), { w: float32([1, 2]) }, { write })).toThrow(
      "write must be a function, and external must be given with it",
    );
    expect(() => withParams(file(), { w: (() => 1) as never }, { external: files, write })).toThrow(
      '"w" must be an array {shape, data}; got 1',
    );
  });

  it("that is missing or damaged is named", () => {
    const attempt = (bytes: Uint8Array, external: Record<string, Uint8Array>) => () =>
      fromOnnx(bytes, { external });
    expect(() => fromOnnx(file())).toThrow('The tensor "w" keeps its data in another file. Give the file');
    expect(attempt(file(), {})).toThrow(DataError);
    expect(attempt(file(), {})).toThrow(
      'The tensor "w" keeps its data in the file "weights.bin", which is missing.',
    );
    expect(attempt(file({ offset: "16" }), files)).toThrow(
      'at bytes 16 to 24 of "weights.bin", which has 20 bytes',
    );
    expect(attempt(file({ length: "4" }), files)).toThrow("needs 2 elements; the file has 1");
    expect(attempt(file({ offset: "-1" }), files)).toThrow('external data at "-1"');
    for (const location of ["/etc/passwd", "../w.bin", "a\\..\\..\\w", "C:\\w", ""]) {
      expect(attempt(file({ location }), files)).toThrow("must be a path inside the model's folder");
    }
    expect(attempt(file(), { "weights.bin": "text" as never })).toThrow(
      'The external data "weights.bin" takes the bytes',
    );
  });
});
