import type { Tensor } from "isoloss";
import { ownEntry } from "isoloss/internal";
import {
  abs,
  add,
  div,
  elu,
  greater,
  leakyRelu,
  maximum,
  minimum,
  mul,
  relu,
  sigmoid,
  softplus,
  tanh,
  where,
} from "isoloss/ops";
import type { Call } from "../../call.js";

type Function = (x: Tensor) => Tensor;

interface Activation {
  /** How many of `alpha`, `beta` it takes, and what they are by default. */
  readonly defaults: readonly number[];
  of(x: Tensor, alpha: number, beta: number): Tensor;
}

const table: Readonly<Record<string, Activation>> = {
  affine: { defaults: [1, 0], of: (x, a, b) => add(mul(a, x), b) },
  elu: { defaults: [1], of: elu },
  hardsigmoid: { defaults: [0.2, 0.5], of: (x, a, b) => minimum(1, maximum(0, add(mul(a, x), b))) },
  leakyrelu: { defaults: [0.01], of: leakyRelu },
  relu: { defaults: [], of: relu },
  scaledtanh: { defaults: [1, 1], of: (x, a, b) => mul(a, tanh(mul(b, x))) },
  sigmoid: { defaults: [], of: sigmoid },
  softplus: { defaults: [], of: softplus },
  softsign: { defaults: [], of: (x) => div(x, add(1, abs(x))) },
  tanh: { defaults: [], of: tanh },
  thresholdedrelu: { defaults: [1], of: (x, a) => where(greater(x, a), x, 0) },
};

/**
 * The activations of all directions, in order; those of gates are applied to clipped values. (The standard says "the
 * input of activations"; that of an LSTM's cell is not clipped by ONNX Runtime.)
 *
 * @param gates how many of a direction are those of gates
 */
export function activationsOf(call: Call, names: readonly string[], gates: number): Function[] {
  const all = Array.from({ length: call.listed(call.tensor(1).shape[0]) }, () => names).flat();
  const given = call.attribute("activations", "strings") ?? all;
  const numbers = ["activation_alpha", "activation_beta"].map((name) => [
    ...(call.attribute(name, "floats") ?? []),
  ]);
  const clip = call.attribute("clip", "float");
  return given.map((name, at) => {
    const activation = ownEntry(table, name.toLowerCase()) ?? call.fail(`the activation ${name} is unknown`);
    // Each activation that takes a number takes the next of the list.
    const [alpha = 0, beta = 0] = activation.defaults.map((value, k) => numbers[k].shift() ?? value);
    const isClipped = clip !== undefined && at % names.length < gates;
    return (x) => activation.of(isClipped ? maximum(-clip, minimum(clip, x)) : x, alpha, beta);
  });
}
