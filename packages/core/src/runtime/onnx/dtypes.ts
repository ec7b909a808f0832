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
  "float8e4m3fn",
  "float8e4m3fnuz",
  "float8e5m2",
  "float8e5m2fnuz",
  "uint4",
  "int4",
  "float4e2m1",
];

/** The class of typed array that holds each element type; floats of 16 and 8 bits as raw bits. */
export const arrayClasses = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  float8e4m3fn: Uint8Array,
  float8e4m3fnuz: Uint8Array,
  float8e5m2: Uint8Array,
  float8e5m2fnuz: Uint8Array,
  int64: BigInt64Array,
  int32: Int32Array,
  int16: Int16Array,
  int8: Int8Array,
  int4: Int8Array,
  uint64: BigUint64Array,
  uint32: Uint32Array,
  uint16: Uint16Array,
  uint8: Uint8Array,
  uint4: Uint8Array,
  bool: Uint8Array,
} satisfies Record<OnnxDType, { new (buffer: ArrayBuffer): OnnxData }>;

export function dtypeCode(dtype: OnnxDType): number {
  return names.indexOf(dtype);
}

/** The element type of a code; `what` names its owner in the error. */
export function dtypeOfCode(code: number, what: string): OnnxDType {
  const name = names[code];
  if (name === undefined || !isDType(name)) {
    throw new DataError(
      `${what} has the element type ${name ?? `number ${code}`}; supported are ${Object.keys(arrayClasses).join(", ")}.`,
    );
  }
  return name;
}

/** The code of an element type by the schema's own name, as the first operator sets have it; undefined: unknown. */
export function codeOfSchemaName(name: string): number | undefined {
  const usual = ({ float: "float32", double: "float64" } as Record<string, string>)[name.toLowerCase()];
  const code = names.indexOf(usual ?? name.toLowerCase());
  return code === -1 ? undefined : code;
}

const isDType = (name: string): name is OnnxDType => Object.hasOwn(arrayClasses, name);
