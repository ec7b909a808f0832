import { broadcastTo } from "../../../graph/ops/broadcast.js";
import { fillLike } from "../../../graph/ops/leaf.js";
import { resolveAxis } from "../../../graph/ops/reshape.js";
import type { Tensor } from "../../../graph/tensor.js";
import { batchNorm, groupNorm, layerNorm } from "../../norm.js";
import type { Call, Operator } from "../call.js";

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

export const normalizations: Readonly<Record<string, Operator>> = {
  BatchNormalization: batchNormalization,
  GroupNormalization: (call) => groups(call, call.int("num_groups", 1)),
  InstanceNormalization: (call) => groups(call, call.tensor(0).shape[1]),
  LayerNormalization: layerNormalization,
};
