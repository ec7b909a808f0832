import type { OnnxDType } from "isoloss/internal";
import { codeOfSchemaName, dtypeOfCode } from "isoloss/internal";
import type { Call, Operator } from "../../call.js";
import { converted } from "../../kinds.js";
import type { Value } from "../../value.js";

/** An element type that an attribute names by its code, or before operator set 6 by its name. */
export function kindOf(call: Call, attribute: string, otherwise: OnnxDType): OnnxDType {
  const given = call.node.attributes[attribute];
  if (given === undefined) return otherwise;
  const code = given.kind === "string" ? codeOfSchemaName(given.value) : call.int(attribute, 0);
  return dtypeOfCode(code ?? 0, `fromOnnx: ${call.node.opType} "${call.node.outputs[0]}"`);
}

const castAs = (call: Call, kind: OnnxDType): Value => converted(call.operand(0), kind, call.dtype);

export const casts: Readonly<Record<string, Operator>> = {
  Cast: (call) => castAs(call, kindOf(call, "to", "float32")),
  CastLike: (call) => castAs(call, call.kind(1)),
};
