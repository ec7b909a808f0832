import { apply, type Tensor } from "../tensor.js";
import { add, div, neg, sub } from "./arithmetic.js";
import { cos, sin, sqrt, square, unary } from "./elementary.js";

// ONNX Runtime has these functions in float32 only.
const asinOp = unary({
  name: "asin",
  onnx: "Asin",
  float32Only: true,
  js: (x) => `Math.asin(${x})`,
  vjp: (g, x) => div(g, sqrt(sub(1, square(x)))),
});

const acosOp = unary({
  name: "acos",
  onnx: "Acos",
  float32Only: true,
  js: (x) => `Math.acos(${x})`,
  vjp: (g, x) => neg(div(g, sqrt(sub(1, square(x))))),
});

const atanOp = unary({
  name: "atan",
  onnx: "Atan",
  float32Only: true,
  js: (x) => `Math.atan(${x})`,
  vjp: (g, x) => div(g, add(1, square(x))),
});

const acoshOp = unary({
  name: "acosh",
  onnx: "Acosh",
  float32Only: true,
  js: (x) => `Math.acosh(${x})`,
  vjp: (g, x) => div(g, sqrt(sub(square(x), 1))),
});

const atanhOp = unary({
  name: "atanh",
  onnx: "Atanh",
  float32Only: true,
  js: (x) => `Math.atanh(${x})`,
  vjp: (g, x) => div(g, sub(1, square(x))),
});

/** Element-wise tangent, in radians. */
export const tan = (x: Tensor): Tensor => div(sin(x), cos(x));

/** Element-wise inverse of the sine, from -pi/2 to pi/2; NaN outside -1 to 1, at whose ends its derivative is infinite. */
export const asin = (x: Tensor): Tensor => apply(asinOp, [x], {});

/** Element-wise inverse of the cosine, from 0 to pi; NaN outside -1 to 1, at whose ends its derivative is infinite. */
export const acos = (x: Tensor): Tensor => apply(acosOp, [x], {});

/** Element-wise inverse of the tangent, from -pi/2 to pi/2. */
export const atan = (x: Tensor): Tensor => apply(atanOp, [x], {});

/** Element-wise inverse of the hyperbolic cosine, log(x + sqrt(x^2 - 1)); NaN below 1. */
export const acosh = (x: Tensor): Tensor => apply(acoshOp, [x], {});

/** Element-wise inverse of the hyperbolic tangent, log((1 + x) / (1 - x)) / 2; NaN outside -1 to 1. */
export const atanh = (x: Tensor): Tensor => apply(atanhOp, [x], {});
