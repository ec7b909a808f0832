import { DTypeError } from "../../errors.js";
import { int } from "../onnx-rule.js";
import { apply, formatType, type Op, type Tensor, type Type } from "../tensor.js";
import { div, mul, neg, numeric, sub } from "./arithmetic.js";
import { unify } from "./broadcast.js";
import type { Operand } from "./leaf.js";

const remainderOp: Op = {
  name: "remainder",
  infer: ([a]) => numeric("remainder", a),
  vjp(g, y) {
    const [a, b] = y.inputs;
    // The remainder is a - n b, where the integer n does not change.
    return [g, neg(mul(g, div(sub(a, y), b)))];
  },
  js: { flat: true, readsOnce: true, pull: (at, read) => `(${read(0, at)}%${read(1, at)})` },
  onnx: { broadcasts: true, emit: (e, inputs) => e.emit("Mod", inputs, { fmod: int(1) }) },
};

/** The type of integers; throws for others. */
export function integral(name: string, { shape, dtype }: Tensor): Type {
  if (dtype === "int64") return { shape, dtype };
  throw new DTypeError(
    `${name} takes integers; got ${formatType({ shape, dtype })}. Convert with cast(x, "int64").`,
  );
}

const modOp: Op = {
  name: "mod",
  infer: ([a]) => integral("mod", a),
  js: { flat: true, readsOnce: true, pull: (at, read) => `floorMod(${read(0, at)},${read(1, at)})` },
  onnx: { broadcasts: true, emit: (e, inputs) => e.emit("Mod", inputs) },
};

/** Element-wise remainder of a / b with the sign of a, as `%` in JavaScript; shapes broadcast. */
export const remainder = (a: Operand, b: Operand): Tensor =>
  apply(remainderOp, unify("remainder", [a, b]), {});

/** Element-wise remainder of integers a / b with the sign of b, as `%` in Python; shapes broadcast. */
export const mod = (a: Operand, b: Operand): Tensor => apply(modOp, unify("mod", [a, b]), {});
