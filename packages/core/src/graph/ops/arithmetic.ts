import { requireDType } from "../../array.js";
import { DTypeError } from "../../errors.js";
import { int, onnxType } from "../onnx-rule.js";
import {
  apply,
  formatType,
  isFloat,
  type Op,
  requireFloat,
  requireTensor,
  type Tensor,
  type Type,
} from "../tensor.js";
import { unify } from "./broadcast.js";
import { equal, greater, greaterEqual, where } from "./compare.js";
import { log, sqrt, square } from "./elementary.js";
import { constantValue, fillLike, type Operand } from "./leaf.js";

interface Binary {
  readonly name: string;
  readonly onnx: string;
  js(a: string, b: string, node: Tensor): string;
  vjp(g: Tensor, a: Tensor, b: Tensor, y: Tensor): readonly [Tensor | undefined, Tensor | undefined];
}

/** The type of an operand, which must hold numbers; the message names the operation. */
export function numeric(name: string, { shape, dtype }: Tensor): Type {
  if (dtype === "bool") {
    throw new DTypeError(
      `${name} takes numbers; got ${formatType({ shape, dtype })}. Convert with cast(x, "float32").`,
    );
  }
  return { shape, dtype };
}

/** The table entry of an element-wise operation of two numbers. */
function binary({ name, onnx, js, vjp }: Binary): Op {
  return {
    name,
    infer: ([a]) => numeric(name, a),
    vjp: (g, node) => vjp(g, node.inputs[0], node.inputs[1], node),
    js: { flat: true, readsOnce: true, pull: (at, read, node) => js(read(0, at), read(1, at), node) },
    onnx: { broadcasts: true, emit: (e, inputs) => e.emit(onnx, inputs) },
  };
}

const addOp = binary({ name: "add", onnx: "Add", js: (a, b) => `(${a}+${b})`, vjp: (g) => [g, g] });

const subOp = binary({ name: "sub", onnx: "Sub", js: (a, b) => `(${a}-${b})`, vjp: (g) => [g, neg(g)] });

const mulOp = binary({
  name: "mul",
  onnx: "Mul",
  js: (a, b) => `(${a}*${b})`,
  // A square needs one product. The 2 multiplies the cotangent, which is a broadcast number for a sum of
  // squares.
  vjp: (g, a, b) => (a === b ? [mul(mul(2, g), a), undefined] : [mul(g, b), mul(g, a)]),
});

const divOp = binary({
  name: "div",
  onnx: "Div",
  // Integer division truncates toward zero, as in ONNX.
  js: (a, b, { dtype }) => (dtype === "int64" ? `Math.trunc(${a}/${b})` : `(${a}/${b})`),
  vjp: (g, _a, b, y) => [div(g, b), neg(div(mul(g, y), b))],
});

/** Whether Math.pow agrees with IEEE 754, which has 1 for 1^NaN and for 1 and -1 to an infinite power. */
function isPlainPower({ inputs: [base, exponent] }: Tensor): boolean {
  const [a, b] = [constantValue(base), constantValue(exponent)];
  return Number.isFinite(b) || (a !== undefined && Math.abs(a) !== 1);
}

const powOp = binary({
  name: "pow",
  onnx: "Pow",
  js: (a, b, node) => `${isPlainPower(node) ? "Math.pow" : "power"}(${a},${b})`,
  vjp(g, a, b, y) {
    const exponent = constantValue(b);
    const from = (base: Tensor, lower: Operand) => mul(g, mul(b, pow(base, lower)));
    if (exponent !== undefined) return [from(a, exponent - 1), undefined];
    // As in PyTorch 0^0 does not change with its base, nor 0^b with b >= 0: products of 0 and infinity are NaN.
    const safe = (holds: Tensor) => where(equal(a, 0), where(holds, 1, a), a);
    return [from(safe(equal(b, 0)), sub(b, 1)), mul(g, mul(y, log(safe(greaterEqual(b, 0)))))];
  },
});

/** Derivative of max(a, b) with respect to `a`: 1 where a is larger, 1/2 at a tie, as in PyTorch. */
function share(a: Tensor, b: Tensor): Tensor {
  const half = where(equal(a, b), fillLike(a, 0.5), fillLike(a, 0));
  return where(greater(a, b), fillLike(a, 1), half);
}

const maximumOp = binary({
  name: "maximum",
  onnx: "Max",
  js: (a, b) => `Math.max(${a},${b})`,
  vjp: (g, a, b) => [mul(g, share(a, b)), mul(g, share(b, a))],
});

const minimumOp = binary({
  name: "minimum",
  onnx: "Min",
  js: (a, b) => `Math.min(${a},${b})`,
  vjp: (g, a, b) => [mul(g, share(b, a)), mul(g, share(a, b))],
});

const negOp: Op = {
  name: "neg",
  infer: ([x]) => numeric("neg", x),
  vjp: (g) => [neg(g)],
  js: { flat: true, readsOnce: true, pull: (at, read) => `(-${read(0, at)})` },
  onnx: { emit: (e, inputs) => e.emit("Neg", inputs) },
};

/** Element-wise a + b; shapes broadcast. */
export const add = (a: Operand, b: Operand): Tensor => apply(addOp, unify("add", [a, b]), {});

/** Element-wise a - b; shapes broadcast. */
export const sub = (a: Operand, b: Operand): Tensor => apply(subOp, unify("sub", [a, b]), {});

/** Element-wise a * b; shapes broadcast. */
export const mul = (a: Operand, b: Operand): Tensor => apply(mulOp, unify("mul", [a, b]), {});

/** Element-wise a / b; shapes broadcast. Integer division truncates toward zero. */
export const div = (a: Operand, b: Operand): Tensor => apply(divOp, unify("div", [a, b]), {});

/** Element-wise larger of a and b; at a tie each gets half of the gradient. */
export const maximum = (a: Operand, b: Operand): Tensor => apply(maximumOp, unify("maximum", [a, b]), {});

/** Element-wise smaller of a and b; at a tie each gets half of the gradient. */
export const minimum = (a: Operand, b: Operand): Tensor => apply(minimumOp, unify("minimum", [a, b]), {});

/** Element-wise -x. */
export const neg = (x: Tensor): Tensor => apply(negOp, [x], {});

/**
 * Element-wise a^b. A constant exponent is not differentiated, so negative bases work with integer exponents. At base 0
 * the derivative in an exponent >= 0 is 0, and so is that in the base for exponent 0.
 */
export function pow(a: Operand, b: Operand): Tensor {
  const [base, exponent] = unify("pow", [a, b]);
  requireFloat("pow", base);
  switch (constantValue(exponent)) {
    case 0:
      return fillLike(base, 1);
    case 1:
      return base;
    case 2:
      return square(base);
    case 0.5:
      return sqrt(base);
    default:
      return apply(powOp, [base, exponent], {});
  }
}

const castOp: Op<{ dtype: Tensor["dtype"] }> = {
  name: "cast",
  infer: ([x], { dtype }) => ({ shape: x.shape, dtype }),
  vjp: (g, { inputs: [x], dtype }) => [isFloat(x.dtype) && isFloat(dtype) ? cast(g, x.dtype) : undefined],
  js: {
    flat: true,
    readsOnce: true,
    pull(at, read, { inputs: [x] }, { dtype }) {
      const value = read(0, at);
      if (dtype === "int64" && isFloat(x.dtype)) return `Math.trunc(${value})`;
      return dtype === "bool" ? `(${value}!==0?1:0)` : value;
    },
  },
  onnx: {
    emit: (e, inputs, _node, { dtype }) => e.emit("Cast", inputs, { to: int(onnxType[dtype]) }),
  },
};

/** The same values in another element type. Float to int64 truncates toward zero; to bool tests for nonzero. */
export function cast(x: Tensor, dtype: Tensor["dtype"]): Tensor {
  requireTensor("cast", x);
  requireDType("cast", dtype);
  return x.dtype === dtype ? x : apply(castOp, [x], { dtype });
}
