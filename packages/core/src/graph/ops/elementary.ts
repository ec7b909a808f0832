import type { OnnxEmitter } from "../onnx-rule.js";
import { apply, floatType, type Op, type Tensor } from "../tensor.js";
import { add, div, mul, neg, sub } from "./arithmetic.js";

interface Unary {
  readonly name: string;
  readonly onnx: string | ((e: OnnxEmitter, x: string, node: Tensor) => string);
  js(x: string): string;
  /** Cotangent of x given the cotangent g of y = f(x); absent if the derivative is zero everywhere. */
  vjp?(g: Tensor, x: Tensor, y: Tensor): Tensor;
  /** Floating-point operations per element, for the cost model. */
  readonly cost?: number | undefined;
  readonly float32Only?: boolean | undefined;
}

/** The table entry of an element-wise function of one float. */
export function unary({ name, onnx, js, vjp, cost = 10, float32Only = false }: Unary): Op {
  return {
    name,
    infer: ([x]) => floatType(name, x),
    ...(vjp ? { vjp: (g: Tensor, node: Tensor) => [vjp(g, node.inputs[0], node)] } : {}),
    js: { flat: true, readsOnce: true, pull: (at, read) => js(read(0, at)) },
    onnx: {
      float32Only,
      emit: (e, [x], node) => (typeof onnx === "string" ? e.emit(onnx, [x]) : onnx(e, x, node)),
    },
    flops: (node) => cost * node.size,
  };
}

const call = (name: string) => (x: string) => `${name}(${x})`;

const expOp = unary({ name: "exp", onnx: "Exp", js: call("Math.exp"), vjp: (g, _x, y) => mul(g, y) });

const logOp = unary({ name: "log", onnx: "Log", js: call("Math.log"), vjp: (g, x) => div(g, x) });

const sqrtOp = unary({
  name: "sqrt",
  onnx: "Sqrt",
  js: call("Math.sqrt"),
  vjp: (g, _x, y) => div(mul(g, 0.5), y),
});

const absOp = unary({
  name: "abs",
  onnx: "Abs",
  js: call("Math.abs"),
  vjp: (g, x) => mul(g, sign(x)),
  cost: 1,
});

const signOp = unary({ name: "sign", onnx: "Sign", js: call("Math.sign"), cost: 1 });

const floorOp = unary({ name: "floor", onnx: "Floor", js: call("Math.floor"), cost: 1 });

const sinOp = unary({ name: "sin", onnx: "Sin", js: call("Math.sin"), vjp: (g, x) => mul(g, cos(x)) });

const cosOp = unary({ name: "cos", onnx: "Cos", js: call("Math.cos"), vjp: (g, x) => neg(mul(g, sin(x))) });

const tanhOp = unary({
  name: "tanh",
  onnx: "Tanh",
  js: call("Math.tanh"),
  vjp: (g, _x, y) => mul(g, sub(1, mul(y, y))),
});

// ONNX Runtime has Sinh, Cosh and Asinh in float32 only; float64 uses their definitions.
const sinhOp = unary({
  name: "sinh",
  onnx: (e, x, { dtype }) => (dtype === "float32" ? e.emit("Sinh", [x]) : emitHalf(e, "Sub", x, dtype)),
  js: call("Math.sinh"),
  vjp: (g, x) => mul(g, cosh(x)),
});

const coshOp = unary({
  name: "cosh",
  onnx: (e, x, { dtype }) => (dtype === "float32" ? e.emit("Cosh", [x]) : emitHalf(e, "Add", x, dtype)),
  js: call("Math.cosh"),
  vjp: (g, x) => mul(g, sinh(x)),
});

/** Half the sum or difference of e^x and e^-x. */
function emitHalf(e: OnnxEmitter, operator: "Add" | "Sub", x: string, dtype: Tensor["dtype"]): string {
  const [up, down] = [e.emit("Exp", [x]), e.emit("Exp", [e.emit("Neg", [x])])];
  return e.emit("Mul", [e.emit(operator, [up, down]), e.scalar(0.5, dtype)]);
}

/** From here on sqrt(x^2 + 1) is x in float64. */
const far = 2 ** 30;

const asinhOp = unary({
  name: "asinh",
  onnx: (e, x, { dtype }) => {
    if (dtype === "float32") return e.emit("Asinh", [x]);
    // Computed from |x|, so that no digits cancel when x is large and negative; far out as log(2 |x|), as a square
    // would be infinite.
    const size = e.emit("Abs", [x]);
    const root = e.emit("Sqrt", [e.emit("Add", [e.emit("Mul", [x, x]), e.scalar(1, dtype)])]);
    const value = e.emit("Where", [
      e.emit("Greater", [size, e.scalar(far, dtype)]),
      e.emit("Add", [e.emit("Log", [size]), e.scalar(Math.LN2, dtype)]),
      e.emit("Log", [e.emit("Add", [size, root])]),
    ]);
    return e.emit("Mul", [e.emit("Sign", [x]), value]);
  },
  js: call("Math.asinh"),
  vjp: (g, x) => div(g, sqrt(add(1, square(x)))),
});

const erfOp = unary({
  name: "erf",
  onnx: "Erf",
  float32Only: true,
  js: call("erf"),
  vjp: (g, x) => mul(g, mul(2 / Math.sqrt(Math.PI), exp(neg(square(x))))),
});

/** Element-wise e^x. */
export const exp = (x: Tensor): Tensor => apply(expOp, [x], {});

/** Element-wise natural logarithm. */
export const log = (x: Tensor): Tensor => apply(logOp, [x], {});

/** Element-wise square root; its derivative at 0 is infinite. */
export const sqrt = (x: Tensor): Tensor => apply(sqrtOp, [x], {});

/** Element-wise absolute value; derivative 0 at 0. */
export const abs = (x: Tensor): Tensor => apply(absOp, [x], {});

/** Element-wise sign: -1, 0 or 1; derivative 0. */
export const sign = (x: Tensor): Tensor => apply(signOp, [x], {});

/** Element-wise largest integer not above x; derivative 0. */
export const floor = (x: Tensor): Tensor => apply(floorOp, [x], {});

/** Element-wise sine, in radians. */
export const sin = (x: Tensor): Tensor => apply(sinOp, [x], {});

/** Element-wise cosine, in radians. */
export const cos = (x: Tensor): Tensor => apply(cosOp, [x], {});

/** Element-wise hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => apply(tanhOp, [x], {});

/** Element-wise hyperbolic sine. */
export const sinh = (x: Tensor): Tensor => apply(sinhOp, [x], {});

/** Element-wise hyperbolic cosine. */
export const cosh = (x: Tensor): Tensor => apply(coshOp, [x], {});

/** Element-wise inverse of the hyperbolic sine, log(x + sqrt(x^2 + 1)). */
export const asinh = (x: Tensor): Tensor => apply(asinhOp, [x], {});

/** Element-wise error function 2/sqrt(pi) int_0^x exp(-t^2) dt. */
export const erf = (x: Tensor): Tensor => apply(erfOp, [x], {});

/** Element-wise x^2. */
export const square = (x: Tensor): Tensor => mul(x, x);

/** Element-wise 1/x. */
export const reciprocal = (x: Tensor): Tensor => div(1, x);
