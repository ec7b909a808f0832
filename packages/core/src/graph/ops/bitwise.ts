import { apply, type Op, type Tensor } from "../tensor.js";
import { unify } from "./broadcast.js";
import type { Operand } from "./leaf.js";
import { integral } from "./remainder.js";

/** The table entry of an operation on the bits of two integers in two's complement. */
function bitwise(name: string, onnx: string, operator: string): Op {
  return {
    name,
    infer: ([a]) => integral(name, a),
    js: {
      flat: true,
      readsOnce: true,
      // Integers are kept as doubles, whose bits JavaScript truncates to 32.
      pull: (at, read) => `Number(BigInt(${read(0, at)})${operator}BigInt(${read(1, at)}))`,
    },
    onnx: { broadcasts: true, emit: (e, inputs) => e.emit(onnx, inputs) },
  };
}

const andOp = bitwise("bitwiseAnd", "BitwiseAnd", "&");
const orOp = bitwise("bitwiseOr", "BitwiseOr", "|");
const xorOp = bitwise("bitwiseXor", "BitwiseXor", "^");

/** Element-wise a & b of integers in two's complement; shapes broadcast. */
export const bitwiseAnd = (a: Operand, b: Operand): Tensor => apply(andOp, unify("bitwiseAnd", [a, b]), {});

/** Element-wise a | b of integers in two's complement; shapes broadcast. */
export const bitwiseOr = (a: Operand, b: Operand): Tensor => apply(orOp, unify("bitwiseOr", [a, b]), {});

/** Element-wise a ^ b of integers in two's complement; shapes broadcast. */
export const bitwiseXor = (a: Operand, b: Operand): Tensor => apply(xorOp, unify("bitwiseXor", [a, b]), {});
