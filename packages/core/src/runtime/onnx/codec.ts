// Reads and writes ONNX model files, for the part of the ONNX schema in schema.ts.

import { requireBytes } from "../../bytes.js";
import { DataError, describeValue, isPlainObject } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { readModel } from "./decode.js";
import { writeModel } from "./encode.js";
import { type ExternalData, externalReader } from "./external-data.js";
import { ProtoReader, ProtoWriter } from "./protobuf.js";
import type { OnnxModel } from "./schema.js";

/**
 * The bytes of an `.onnx` file.
 *
 * @throws ShapeError, DTypeError when a tensor's data does not fit its shape or element type,
 *   or an attribute of integers holds another number
 *
 * @example
 * const bytes = encodeModel({
 *   irVersion: 8,
 *   opsets: [{ domain: "", version: 18 }],
 *   producer: "isoloss",
 *   metadata: {},
 *   graph: {
 *     name: "twice",
 *     inputs: [{ name: "x", dtype: "float32", shape: [2] }],
 *     outputs: [{ name: "y", dtype: "float32", shape: [2] }],
 *     initializers: [],
 *     nodes: [{ opType: "Add", inputs: ["x", "x"], outputs: ["y"], attributes: {} }],
 *   },
 * });
 */
export function encodeModel(model: OnnxModel): Uint8Array {
  if (!isPlainObject(model) || !isPlainObject(model.graph)) {
    throw new DataError(
      `encodeModel takes a model, such as emitModel gives; got ${describeValue(model)}. Of a graph write toOnnx(graph).`,
    );
  }
  const w = new ProtoWriter();
  writeModel(w, model);
  return w.finish();
}

/**
 * Reads the bytes of an `.onnx` file. The result shares no memory with them.
 *
 * @param options `external`: the files with the model's external data, by location
 * @throws DataError when the bytes are truncated, damaged or not an ONNX model, or use unsupported features:
 *   sparse tensors, external ones without `external`, values that are not tensors, local functions of the model, element types
 *   beyond `OnnxDType`
 */
export function decodeModel(
  bytes: Uint8Array,
  options: { readonly external?: ExternalData | undefined } = {},
): OnnxModel {
  requireBytes("decodeModel", bytes);
  requireKnown("decodeModel", options, ["external"], "decodeModel(bytes, { external })");
  const { external } = options;
  // A plain Uint8Array instead of a subclass: the slice() of a Node Buffer would not copy.
  const own = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = external === undefined ? undefined : externalReader(external);
  return readModel(new ProtoReader(own, 0, own.length, 0, read));
}
