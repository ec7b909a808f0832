import type { Tensor } from "isoloss";
import type { Reduction } from "isoloss/internal";
import { nllLoss } from "isoloss/nn";
import {
  add,
  cast,
  div,
  fillLike,
  greater,
  logSoftmax,
  mul,
  pow,
  sqrt,
  square,
  sub,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";

/** The axis of the classes: [batch, classes, ...]. */
const axis = 1;

/** -log p[label] of log-probabilities, weighted by the labels' classes. */
function labelLoss(call: Call, logProbabilities: Tensor): Tensor {
  const reduction = call.text("reduction", "mean");
  if (!isReduction(reduction))
    return call.fail(`the reduction must be mean, sum or none; it is ${reduction}`);
  return nllLoss(logProbabilities, call.tensor(1), {
    axis,
    reduction,
    ignoreIndex: call.attribute("ignore_index", "int"),
    weights: call.has(2) ? call.tensor(2) : undefined,
  });
}

const isReduction = (name: string): name is Reduction => ["mean", "sum", "none"].includes(name);

function softmaxCrossEntropy(call: Call): readonly Tensor[] {
  const logProbabilities = logSoftmax(call.tensor(0), { axis });
  return [labelLoss(call, logProbabilities), logProbabilities];
}

export const losses: Readonly<Record<string, Operator>> = {
  NegativeLogLikelihoodLoss: (call) => labelLoss(call, call.tensor(0)),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
};

// Optimizer steps of the domain ai.onnx.preview.training: operands and results are lists, one entry a parameter.

/** New values of one parameter and of its state, from their old ones and the gradient. */
type Step = (x: Tensor, gradient: Tensor, ...state: Tensor[]) => readonly Tensor[];

interface Settings {
  /** Learning rate. */
  readonly R: Tensor;
  /** Number of steps so far, as a float. */
  readonly T: Tensor;
}

/**
 * Operands are R, T, all parameters, all gradients, and each kind of state of all parameters. The gradient of the
 * penalty norm_coefficient / 2 ||x||^2 is added to the gradient.
 */
const optimizer =
  (states: number, stepOf: (call: Call, settings: Settings) => Step): Operator =>
  (call) => {
    const [R, T, ...rest] = call.tensors();
    const count = rest.length / (2 + states);
    if (!T || !Number.isInteger(count)) return call.fail(`there are ${call.operands.length} operands`);
    const step = stepOf(call, { R, T: cast(T, R.dtype) });
    const penalty = call.float("norm_coefficient", 0);
    const results = Array.from({ length: count }, (_, i) => {
      const [x, gradient, ...state] = Array.from({ length: 2 + states }, (_, k) => rest[k * count + i]);
      return step(x, add(mul(penalty, x), gradient), ...state);
    });
    return Array.from({ length: 1 + states }, (_, k) => results.map((parts) => parts[k])).flat();
  };

/** Duchi et al. (2011), with a rate that decays by the number of steps. */
const adagrad = optimizer(1, (call, { R, T }) => {
  const rate = div(R, add(1, mul(T, call.float("decay_factor", 0))));
  const epsilon = call.float("epsilon", 1e-6);
  return (x, g, h) => {
    const squares = add(h, square(g));
    return [sub(x, div(mul(rate, g), add(sqrt(squares), epsilon))), squares];
  };
});

/** Kingma and Ba (2015). As in the standard, averages are corrected for their start at zero only where T > 0. */
const adam = optimizer(2, (call, { R, T }) => {
  const [alpha, beta] = [call.float("alpha", 0.9), call.float("beta", 0.999)];
  const epsilon = call.float("epsilon", 1e-6);
  const shrink = 1 - call.float("norm_coefficient_post", 0);
  const correction = div(sqrt(sub(1, pow(beta, T))), sub(1, pow(alpha, T)));
  const rate = where(greater(T, 0), mul(R, correction), R);
  return (x, g, v, h) => {
    const mean = add(mul(alpha, v), mul(1 - alpha, g));
    const squares = add(mul(beta, h), mul(1 - beta, square(g)));
    const next = sub(x, div(mul(rate, mean), add(sqrt(squares), epsilon)));
    return [mul(shrink, next), mean, squares];
  };
});

/** Momentum, standard or Nesterov's; the first gradient enters whole. */
const momentum = optimizer(1, (call, { R, T }) => {
  const required = <K extends "float" | "string">(name: string, kind: K) =>
    call.attribute(name, kind) ?? call.fail(`there is no ${name}`);
  const [alpha, beta] = [required("alpha", "float"), required("beta", "float")];
  const mode = required("mode", "string");
  if (mode !== "standard" && mode !== "nesterov") {
    return call.fail(`the mode must be standard or nesterov; it is "${mode}"`);
  }
  const entering = where(greater(T, 0), fillLike(T, beta), fillLike(T, 1));
  return (x, g, v) => {
    const velocity = add(mul(alpha, v), mul(entering, g));
    const direction = mode === "standard" ? velocity : add(g, mul(alpha, velocity));
    return [sub(x, mul(R, direction)), velocity];
  };
});

const domain = "ai.onnx.preview.training";

export const training: Readonly<Record<string, Operator>> = {
  [`${domain}.Adagrad`]: adagrad,
  [`${domain}.Adam`]: adam,
  [`${domain}.Momentum`]: momentum,
};
