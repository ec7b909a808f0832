import { describeValue, OptionError } from "../../errors.js";
import { requireKnown } from "../../options.js";
import { float } from "../onnx-rule.js";
import { apply, floatType, type Op, requireFloat, type Tensor } from "../tensor.js";
import { add, mul, sub } from "./arithmetic.js";
import { greaterEqual, where } from "./compare.js";
import { erf, exp, tanh, unary } from "./elementary.js";

/**
 * A slope so steep that clipping a * x to [0, 1] is a step for every normal float32: one kernel instead of a
 * comparison and a selection.
 */
const steep = 3e38;

const stepOp = unary({
  name: "step",
  js: (x) => `(${x}>0?1:0)`,
  cost: 1,
  onnx: (e, x, node) =>
    node.dtype === "float32" && !e.portable
      ? e.emit("HardSigmoid", [x], { alpha: float(steep), beta: float(0) })
      : e.emit("Where", [
          e.emit("Greater", [x, e.scalar(0, node.dtype)]),
          e.scalar(1, node.dtype),
          e.scalar(0, node.dtype),
        ]),
});

/** 1 where x > 0, else 0; derivative 0. */
const step = (x: Tensor): Tensor => apply(stepOp, [x], {});

const reluOp = unary({
  name: "relu",
  onnx: "Relu",
  js: (x) => `Math.max(${x},0)`,
  // The result has the argument's sign and is stored anyway: reading it lets the product before relu be fused
  // with relu.
  vjp: (g, _x, y) => mul(g, step(y)),
  cost: 1,
});

const relu6Op = unary({
  name: "relu6",
  onnx: (e, x, { dtype }) => e.emit("Clip", [x, e.scalar(0, dtype), e.scalar(6, dtype)]),
  js: (x) => `Math.min(Math.max(${x},0),6)`,
  // y (6 - y) is positive within the bounds, and 0 on them.
  vjp: (g, _x, y) => mul(g, step(mul(y, sub(6, y)))),
  cost: 2,
});

const sigmoidOp = unary({
  name: "sigmoid",
  onnx: "Sigmoid",
  js: (x) => `(1/(1+Math.exp(-${x})))`,
  vjp: (g, _x, y) => mul(g, mul(y, sub(1, y))),
});

const softplusOp = unary({
  name: "softplus",
  onnx: "Softplus",
  // Its float64 kernel computes log(1 + e^x) as it stands: Infinity from x = 710 on.
  float32Only: true,
  js: (x) => `softplus(${x})`,
  vjp: (g, x) => mul(g, sigmoid(x)),
});

/** The derivative of leakyRelu: 1 where x > 0, else `slope`. */
const leakyStepOp: Op<{ slope: number }> = {
  name: "leakyStep",
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype }),
  js: { flat: true, readsOnce: true, pull: (at, read, _node, { slope }) => `(${read(0, at)}>0?1:${slope})` },
  onnx: {
    emit(e, [x], { dtype }, { slope }) {
      if (dtype === "float32" && slope >= 0 && slope < 1 && !e.portable) {
        return e.emit("Clip", [
          e.emit("Mul", [x, e.scalar(steep, dtype)]),
          e.scalar(slope, dtype),
          e.scalar(1, dtype),
        ]);
      }
      return e.emit("Where", [
        e.emit("Greater", [x, e.scalar(0, dtype)]),
        e.scalar(1, dtype),
        e.scalar(slope, dtype),
      ]);
    },
  },
};

const leakyReluOp: Op<{ slope: number }> = {
  name: "leakyRelu",
  infer: ([x]) => floatType("leakyRelu", x),
  vjp: (g, y, { slope }) => [mul(g, apply(leakyStepOp, [slope > 0 ? y : y.inputs[0]], { slope }))],
  js: {
    flat: true,
    readsOnce: true,
    // The expression reads x more than once: bind it to a variable.
    pull: (at, read, _node, { slope }) => `leakyRelu(${read(0, at)},${slope})`,
  },
  onnx: {
    emit(e, [x], { dtype }, { slope }) {
      if (dtype === "float32") return e.emit("LeakyRelu", [x], { alpha: float(slope) });
      const below = e.emit("Mul", [x, e.scalar(slope, dtype)]);
      // The same numbers as by Where, whose kernel is slower.
      if (slope > 0) return e.emit(slope <= 1 ? "Max" : "Min", [x, below]);
      return e.emit("Where", [e.emit("Greater", [x, e.scalar(0, dtype)]), x, below]);
    },
  },
};

/** Element-wise max(x, 0); derivative 0 at 0. */
export const relu = (x: Tensor): Tensor => apply(reluOp, [x], {});

/** Element-wise min(max(x, 0), 6); derivative 0 at 0 and 6, as in PyTorch. */
export const relu6 = (x: Tensor): Tensor => apply(relu6Op, [x], {});

/** Element-wise 1 / (1 + e^-x). */
export const sigmoid = (x: Tensor): Tensor => apply(sigmoidOp, [x], {});

/** Element-wise log(1 + e^x), without overflow. */
export const softplus = (x: Tensor): Tensor => apply(softplusOp, [x], {});

/**
 * Element-wise x where x > 0, else slope * x. A bijection for slope > 0, with the inverse leakyRelu(y, 1 / slope).
 *
 * @param slope default 0.01, as in PyTorch
 */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  requireNumber("leakyRelu: the slope", slope, "leakyRelu(x, 0.1)");
  return apply(leakyReluOp, [x], { slope });
}

/** Element-wise x where x > 0, else alpha (e^x - 1); derivative alpha at 0, and higher ones 0. */
export function elu(x: Tensor, alpha = 1): Tensor {
  requireFloat("elu", x);
  requireNumber("elu: alpha", alpha, "elu(x, 1)");
  const above = greaterEqual(x, 0);
  // At 0 the function is a line of slope alpha, so that its higher derivatives are 0 there, as in PyTorch.
  const line = alpha === 1 ? x : leakyRelu(x, alpha);
  return where(above, line, mul(alpha, sub(exp(where(above, 0, x)), 1)));
}

/** Throws unless the only option, which other functions pass in an object, is a finite number. */
function requireNumber(what: string, value: unknown, example: string): void {
  if (Number.isFinite(value)) return;
  throw new OptionError(`${what} must be a finite number; got ${describeValue(value)}. Write ${example}.`);
}

/**
 * Gaussian error linear unit, element-wise x Phi(x).
 *
 * @param options `approximate`: `tanh` for x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))); default `none`: exact, by erf
 */
export function gelu(x: Tensor, options: { approximate?: "none" | "tanh" | undefined } = {}): Tensor {
  requireFloat("gelu", x);
  requireKnown("gelu", options, ["approximate"], 'gelu(x, { approximate: "tanh" })');
  const { approximate = "none" } = options;
  if (approximate !== "none" && approximate !== "tanh") {
    throw new OptionError(`gelu: approximate must be none or tanh; got ${describeValue(approximate)}.`);
  }
  const half = mul(0.5, x);
  if (approximate === "none") return mul(half, add(1, erf(mul(x, Math.SQRT1_2))));
  const cubic = mul(0.044715, mul(x, mul(x, x)));
  return mul(half, add(1, tanh(mul(Math.sqrt(2 / Math.PI), add(x, cubic)))));
}
