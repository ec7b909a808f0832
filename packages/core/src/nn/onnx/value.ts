import { isFloat, type Tensor } from "../../graph/tensor.js";
import type { OnnxDType } from "../../runtime/onnx/schema.js";

/**
 * A value of a model while it is traced. The graph has one type for floats and one for integers; `kind` is the
 * element type in the file, which decides where integers wrap around.
 */
export interface Value {
  readonly tensor: Tensor;
  readonly kind: OnnxDType;
}

/** What an operator returns: a tensor, whose kind follows from the operands, or a value of a kind of its own. */
export type Result = Tensor | Value;

/** The value of a result: floats and integers have the kind of the first operand of their sort. */
export function asValue(result: Result, operands: readonly (Value | undefined)[]): Value {
  if ("kind" in result) return result;
  const { dtype } = result;
  if (dtype === "bool") return { tensor: result, kind: "bool" };
  const like = operands.find(
    (x) => x && x.tensor.dtype !== "bool" && isFloat(x.tensor.dtype) === isFloat(dtype),
  );
  return { tensor: result, kind: like?.kind ?? dtype };
}

/** Names of values. A subgraph of an If, Loop or Scan sees those around it. */
export class Scope {
  private readonly values = new Map<string, Value>();

  constructor(private readonly outer?: Scope) {}

  get(name: string): Value | undefined {
    return this.values.get(name) ?? this.outer?.get(name);
  }

  set(name: string, value: Value): void {
    this.values.set(name, value);
  }
}
