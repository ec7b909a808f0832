import type { NdArray } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import { type Arrays, type Kinds, node } from "isoloss-test-support/nn/onnx/support";

export interface Case {
  readonly inputs?: Arrays;
  readonly initializers?: Arrays;
  readonly node: OnnxNode;
  readonly opset?: number;
  readonly kinds?: Kinds;
}

export type Attributes = OnnxNode["attributes"];

/** Operands a, b, ... that are given at run time. */
export function given(
  opType: string,
  operands: readonly NdArray[],
  attributes: Attributes = {},
  opset?: number,
): Case {
  const names = operands.map((_, k) => String.fromCharCode(97 + k));
  return {
    inputs: Object.fromEntries(operands.map((array, k) => [names[k], array])),
    node: node(opType, names, attributes),
    ...(opset === undefined ? {} : { opset }),
  };
}

/** An operand x at run time, further ones in the file; null: left out. */
export function withFile(
  opType: string,
  operand: NdArray,
  stored: readonly (NdArray | null)[],
  attributes: Attributes = {},
  opset?: number,
): Case {
  const names = stored.map((array, k) => (array ? `s${k}` : ""));
  return {
    inputs: { x: operand },
    initializers: Object.fromEntries(stored.flatMap((array, k) => (array ? [[names[k], array]] : []))),
    node: node(opType, ["x", ...names], attributes),
    ...(opset === undefined ? {} : { opset }),
  };
}
