import { readFileSync } from "node:fs";
import fc from "fast-check";
import { randomCases } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { DataError } from "../../../src/errors.js";
import { decodeModel, encodeModel } from "../../../src/runtime/onnx/codec.js";
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

const golden = JSON.parse(readFileSync(new URL("../../golden/onnx-codec.json", import.meta.url), "utf8"));
const everything = new Uint8Array(Buffer.from(golden.everything, "base64"));

const record = <T>(fields: { [K in keyof T]: fc.Arbitrary<T[K]> }) =>
  fc.record(fields, { noNullPrototype: true });
const text = fc.string({ unit: "grapheme", maxLength: 8 });
const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 8 });
const float32 = fc.float({ noDefaultInfinity: false });

const anyTensor: fc.Arbitrary<OnnxTensor> = fc
  .record({ name: text, shape: fc.array(fc.nat(3), { maxLength: 3 }) })
  .chain(({ name, shape }) => {
    const size = shape.reduce((a, b) => a * b, 1);
    const length = { minLength: size, maxLength: size };
    const of = <D extends OnnxTensor["data"]>(dtype: OnnxDType, data: fc.Arbitrary<D>) =>
      data.map((d): OnnxTensor => ({ name, dtype, shape, data: d }));
    return fc.oneof(
      of("float32", fc.float32Array(length)),
      of("float64", fc.float64Array(length)),
      of("int64", fc.bigInt64Array(length)),
      of("int32", fc.int32Array(length)),
      of("uint32", fc.uint32Array(length)),
      of("uint8", fc.uint8Array(length)),
      of("bool", fc.uint8Array({ ...length, max: 1 })),
      of("float16", fc.uint16Array(length)),
      of("bfloat16", fc.uint16Array(length)),
      of("int16", fc.int16Array(length)),
      of("int8", fc.int8Array(length)),
      of("int4", fc.int8Array({ ...length, min: -8, max: 7 })),
      of("uint64", fc.bigUint64Array(length)),
      of("uint16", fc.uint16Array(length)),
      of("uint4", fc.uint8Array({ ...length, max: 15 })),
    );
  });

const valueInfo = fc.oneof(
  record({ name }),
  fc.record(
    {
      name,
      dtype: fc.constantFrom<OnnxDType>(
        "float32",
        "float64",
        "int64",
        "int32",
        "uint32",
        "uint8",
        "bool",
        "float16",
        "bfloat16",
        "int16",
        "int8",
        "int4",
        "uint64",
        "uint16",
        "uint4",
      ),
      shape: fc.array(fc.oneof(fc.nat(), text)),
    },
    { requiredKeys: ["name", "dtype"], noNullPrototype: true },
  ),
);

const { graph: anyGraph } = fc.letrec<{ graph: OnnxGraph; node: OnnxNode; attribute: AttributeValue }>(
  (tie) => ({
    attribute: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      fc.maxSafeInteger().map(int),
      fc.array(fc.maxSafeInteger()).map(ints),
      float32.map(float),
      fc.array(float32).map(floats),
      text.map(string),
      fc.array(text).map(strings),
      anyTensor.map(tensor),
      tie("graph").map(graph),
    ),
    node: fc
      .record({
        opType: name,
        domain: text,
        name: text,
        inputs: fc.array(text, { maxLength: 3 }),
        outputs: fc.array(text, { maxLength: 3 }),
        attributes: fc.dictionary(name, tie("attribute"), { maxKeys: 3, noNullPrototype: true }),
      })
      .map(({ domain, name, ...rest }) => ({ ...(domain && { domain }), ...(name && { name }), ...rest })),
    graph: record({
      name: text,
      inputs: fc.array(valueInfo, { maxLength: 3 }),
      outputs: fc.array(valueInfo, { maxLength: 3 }),
      initializers: fc.array(anyTensor, { maxLength: 3 }),
      nodes: fc.array(tie("node"), { maxLength: 3 }),
    }),
  }),
);

const anyModel: fc.Arbitrary<OnnxModel> = record({
  irVersion: fc.nat(),
  opsets: fc.array(record({ domain: text, version: fc.nat() }), { maxLength: 3 }),
  producer: text,
  metadata: fc.dictionary(text, text, { noNullPrototype: true }),
  graph: anyGraph,
});

/** Decodes bytes that may be damaged: a model, or a DataError; anything else fails the test. */
function decodeOrRefuse(bytes: Uint8Array): "model" | "refused" {
  try {
    decodeModel(bytes);
    return "model";
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    return "refused";
  }
}

describe("the codec", () => {
  it("decodes every model it encodes to the same model", () => {
    fc.assert(
      fc.property(anyModel, (model) => {
        expect(decodeModel(encodeModel(model))).toStrictEqual(model);
      }),
      { numRuns: randomCases(300) },
    );
  });

  it("refuses a file cut off at any byte, or reads what is complete", () => {
    for (const bytes of [everything, encodeModel(decodeModel(everything))]) {
      const outcomes = Array.from(bytes, (_, end) => decodeOrRefuse(bytes.subarray(0, end)));
      // Only the few cuts between two fields behind the graph leave a whole model.
      const whole = outcomes.filter((outcome) => outcome === "model").length;
      expect(whole).toBeGreaterThan(0);
      expect(whole).toBeLessThan(5);
    }
  });

  it("refuses a file with damaged bytes, or reads it, and never fails in another way", () => {
    const bytes = everything;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const damaged = bytes.slice();
          for (const [at, byte] of changes) damaged[at] = byte;
          decodeOrRefuse(damaged);
        },
      ),
      { numRuns: randomCases(3000) },
    );
  });
});
