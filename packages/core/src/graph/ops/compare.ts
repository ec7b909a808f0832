import { DTypeError } from "../../errors.js";
import { apply, formatType, type Op, requireTensor, type Tensor } from "../tensor.js";
import { numeric } from "./arithmetic.js";
import { broadcastShapes, broadcastTo, unify } from "./broadcast.js";
import { fillLike, type Operand } from "./leaf.js";

/** The table entry of a comparison: the result is bool and has the operands' shape. */
function comparison(name: string, onnx: string, operator: string): Op {
  return {
    name,
    // Bools have no order in ONNX.
    infer: ([a]) => ({ shape: (name === "equal" ? a : numeric(name, a)).shape, dtype: "bool" }),
    js: {
      flat: true,
      readsOnce: true,
      pull: (at, read) => `(${read(0, at)}${operator}${read(1, at)}?1:0)`,
    },
    onnx: { broadcasts: true, emit: (e, inputs) => e.emit(onnx, inputs) },
  };
}

/** The table entry of a logical operation on bools. */
function logical(name: string, onnx: string, js: (a: string, b: string) => string): Op {
  return {
    name,
    infer(inputs) {
      for (const x of inputs) {
        if (x.dtype !== "bool") {
          throw new DTypeError(
            `${name} takes bools; got ${formatType(x)}. Compare first: greater(x, 0), say.`,
          );
        }
      }
      return { shape: inputs[0].shape, dtype: "bool" };
    },
    js: {
      flat: true,
      readsOnce: true,
      pull: (at, read, { inputs }) => js(read(0, at), inputs.length > 1 ? read(1, at) : ""),
    },
    onnx: { broadcasts: true, emit: (e, inputs) => e.emit(onnx, inputs) },
  };
}

const greaterOp = comparison("greater", "Greater", ">");
const greaterEqualOp = comparison("greaterEqual", "GreaterOrEqual", ">=");
const equalOp = comparison("equal", "Equal", "===");
const andOp = logical("logicalAnd", "And", (a, b) => `(${a}&${b})`);
const orOp = logical("logicalOr", "Or", (a, b) => `(${a}|${b})`);
const notOp = logical("logicalNot", "Not", (a) => `(1-${a})`);

const whereOp: Op = {
  name: "where",
  infer([condition, a]) {
    if (condition.dtype !== "bool") {
      throw new DTypeError(`where: the condition must be bool; got ${formatType(condition)}.`);
    }
    return { shape: a.shape, dtype: a.dtype };
  },
  vjp(g, { inputs: [condition] }) {
    const zero = fillLike(g, 0);
    return [undefined, where(condition, g, zero), where(condition, zero, g)];
  },
  js: {
    flat: true,
    readsOnce: true,
    pull: (at, read) => `(${read(0, at)}?${read(1, at)}:${read(2, at)})`,
  },
  onnx: {
    broadcasts: true,
    emit(e, inputs, { dtype }) {
      if (dtype !== "bool") return e.emit("Where", inputs);
      // ONNX Runtime selects no bools.
      const [condition, a, b] = inputs;
      return e.emit("Or", [e.emit("And", [condition, a]), e.emit("And", [e.emit("Not", [condition]), b])]);
    },
  },
};

/** Element-wise a > b, as bool. */
export const greater = (a: Operand, b: Operand): Tensor => apply(greaterOp, unify("greater", [a, b]), {});

/** Element-wise a >= b, as bool. */
export const greaterEqual = (a: Operand, b: Operand): Tensor =>
  apply(greaterEqualOp, unify("greaterEqual", [a, b]), {});

/** Element-wise a < b, as bool. */
export const less = (a: Operand, b: Operand): Tensor => {
  const [x, y] = unify("less", [a, b]);
  return apply(greaterOp, [y, x], {});
};

/** Element-wise a <= b, as bool. */
export const lessEqual = (a: Operand, b: Operand): Tensor => {
  const [x, y] = unify("lessEqual", [a, b]);
  return apply(greaterEqualOp, [y, x], {});
};

/** Element-wise a = b, as bool. */
export const equal = (a: Operand, b: Operand): Tensor => apply(equalOp, unify("equal", [a, b]), {});

export const logicalAnd = (a: Tensor, b: Tensor): Tensor => apply(andOp, unify("logicalAnd", [a, b]), {});

export const logicalOr = (a: Tensor, b: Tensor): Tensor => apply(orOp, unify("logicalOr", [a, b]), {});

export const logicalNot = (x: Tensor): Tensor => apply(notOp, [x], {});

/**
 * Element-wise selection: a where the condition holds, else b; all three broadcast together.
 * The branch that is not taken gets gradient zero times its own derivative. Keep that derivative finite by
 * guarding the branch's argument, as in `where(greater(x, 0), log(maximum(x, 1e-30)), 0)`.
 */
export function where(condition: Tensor, a: Operand, b: Operand): Tensor {
  requireTensor("where", condition);
  const [x, y] = unify("where", [a, b], condition);
  const shape = broadcastShapes(condition.shape, x.shape, "where");
  return apply(whereOp, [broadcastTo(condition, shape), broadcastTo(x, shape), broadcastTo(y, shape)], {});
}
