import { add, div, mul, pow } from "../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../graph/ops/broadcast.js";
import { square } from "../../graph/ops/elementary.js";
import { fillLike } from "../../graph/ops/leaf.js";
import { resolveAxis } from "../../graph/ops/reshape.js";
import { pad, slice } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { batchNorm, groupNorm, layerNorm } from "../norm.js";
import type { Call, Operator } from "./call.js";

function batchNormalization(call: Call): Tensor {
  if (call.int("training_mode", 0) === 1) {
    return call.fail("it uses the statistics of the batch; export the model for inference");
  }
  const [x, weight, bias, running_mean, running_var] = [0, 1, 2, 3, 4].map((i) => call.tensor(i));
  const state = { running_mean, running_var };
  return batchNorm(x, { weight, bias }, state, { epsilon: call.float("epsilon", 1e-5) }).output;
}

function layerNormalization(call: Call): Tensor {
  const x = call.tensor(0);
  const axis = resolveAxis(call.int("axis", -1), x.rank, "LayerNormalization");
  const weight = broadcastTo(call.tensor(1), x.shape.slice(axis));
  const bias = call.has(2) ? broadcastTo(call.tensor(2), weight.shape) : fillLike(weight, 0);
  return layerNorm(x, { weight, bias }, { epsilon: call.float("epsilon", 1e-5) });
}

function groups(call: Call, count: number): Tensor {
  const [x, weight, bias] = [0, 1, 2].map((i) => call.tensor(i));
  if (weight.size !== x.shape[1]) {
    return call.fail(`scale and shift must have one number a channel; they have ${weight.size}`);
  }
  return groupNorm(x, { weight, bias }, { groups: count, epsilon: call.float("epsilon", 1e-5) });
}

/** A. Krizhevsky et al., NeurIPS 2012: x / (bias + alpha / size * sum of x^2 over `size` adjacent channels)^beta. */
function localResponse(call: Call): Tensor {
  const x = call.tensor(0);
  const size = call.int("size", 0);
  if (size < 1) return call.fail(`size must be 1 or more; it is ${size}`);
  const before = Math.floor((size - 1) / 2);
  const padded = pad(
    square(x),
    x.shape.map((_, d): [number, number] => (d === 1 ? [before, size - 1 - before] : [0, 0])),
  );
  const shifted = Array.from({ length: size }, (_, k) =>
    slice(padded, {
      starts: x.shape.map((_, d) => (d === 1 ? k : 0)),
      ends: x.shape.map((n, d) => (d === 1 ? k + n : n)),
    }),
  );
  const mean = mul(call.float("alpha", 1e-4) / size, shifted.reduce(add));
  return div(x, pow(add(call.float("bias", 1), mean), call.float("beta", 0.75)));
}

export const normalizations: Readonly<Record<string, Operator>> = {
  BatchNormalization: batchNormalization,
  GroupNormalization: (call) => groups(call, call.int("num_groups", 1)),
  InstanceNormalization: (call) => groups(call, call.tensor(0).shape[1]),
  LRN: localResponse,
  LayerNormalization: layerNormalization,
};
