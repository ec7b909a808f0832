// TensorProto.DataType of the ONNX schema (onnx.in.proto).
import { DataError } from "../../errors.js";
import type { OnnxData, OnnxDType } from "./schema.js";

/** The schema's names; the index of a name is its code. */
const names = [
  "undefined",
  "float32",
  "uint8",
  "int8",
  "uint16",
  "int16",
  "int32",
  "int64",
  "string",
  "bool",
  "float16",
  "float64",
  "uint32",
  "uint64",
  "complex64",
  "complex128",
  "bfloat16",
];

/** The class of typed array that holds each element type; `float16` as raw bits. */
export const arrayClasses = {
  float32: Float32Array,
  float64: Float64Array,
  int64: BigInt64Array,
  int32: Int32Array,
  uint32: Uint32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
  float16: Uint16Array,
} satisfies Record<OnnxDType, { new (buffer: ArrayBuffer): OnnxData }>;

export function dtypeCode(dtype: OnnxDType): number {
  return names.indexOf(dtype);
}

/** The element type of a code; `what` names its owner in the error. */
export function dtypeOfCode(code: number, what: string): OnnxDType {
  const name = names[code];
  if (name === undefined || !Object.hasOwn(arrayClasses, name)) {
    throw new DataError(
      `${what} has the element type ${name ?? `number ${code}`}; supported are ${Object.keys(arrayClasses).join(", ")}.`,
    );
  }
  return name as OnnxDType;
}
