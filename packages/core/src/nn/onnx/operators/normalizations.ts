import { add, div, mul, sub } from "../../../graph/ops/arithmetic.js";
import { broadcastTo } from "../../../graph/ops/broadcast.js";
import { reciprocal, sqrt, square } from "../../../graph/ops/elementary.js";
import { fillLike } from "../../../graph/ops/leaf.js";
import { mean, variance } from "../../../graph/ops/reduce.js";
import { expandDims, reshape, resolveAxis } from "../../../graph/ops/reshape.js";
import { stopGradient } from "../../../graph/ops/stop-gradient.js";
import type { Tensor } from "../../../graph/tensor.js";
import { batchNorm, groupNorm, layerNorm } from "../../norm.js";
import type { Call, Operator } from "../call.js";
import { range } from "./axes.js";

const epsilonOf = (call: Call): number => call.float("epsilon", 1e-5);

/** Before operator set 14 a node is in training mode if it has further results. */
function batchNormalization(call: Call): readonly Tensor[] {
  const [x, weight, bias, running_mean, running_var] = [0, 1, 2, 3, 4].map((i) => call.tensor(i));
  if (call.int("spatial", 1) === 0) return call.fail("statistics of each pixel are not supported");
  const results = call.node.outputs.filter((name) => name !== "").length;
  const training = call.opset < 14 ? results > 1 : call.int("training_mode", 0) === 1;
  const momentum = call.float("momentum", 0.9);
  const { output, state } = batchNorm(
    x,
    { weight, bias },
    { running_mean, running_var },
    { training, momentum: 1 - momentum, epsilon: epsilonOf(call) },
  );
  if (!training) return [output];
  // The standard tracks the biased variance.
  const spread = stopGradient(variance(x, { axes: range(x.rank).filter((d) => d !== 1) }));
  return [output, state.running_mean, add(mul(running_var, momentum), mul(spread, 1 - momentum))];
}

/** The axes from `axis` on. */
function lastAxes(call: Call, x: Tensor): readonly number[] {
  return range(x.rank).slice(resolveAxis(call.int("axis", -1), x.rank, call.node.opType));
}

/** Also the means and the inverse standard deviations. */
function layerNormalization(call: Call): readonly Tensor[] {
  const x = call.tensor(0);
  const axes = lastAxes(call, x);
  const epsilon = epsilonOf(call);
  const weight = broadcastTo(call.tensor(1), x.shape.slice(axes[0]));
  const bias = call.has(2) ? broadcastTo(call.tensor(2), weight.shape) : fillLike(weight, 0);
  const y = layerNorm(x, { weight, bias }, { epsilon });
  const kept = { axes, keepDims: true };
  return [y, mean(x, kept), reciprocal(sqrt(add(variance(x, kept), epsilon)))];
}

/** x / sqrt(mean x^2 + epsilon), times a scale. */
function rmsNormalization(call: Call): Tensor {
  const x = call.tensor(0);
  const squares = mean(square(x), { axes: lastAxes(call, x), keepDims: true });
  return mul(div(x, sqrt(add(squares, epsilonOf(call)))), call.tensor(1));
}

/** (x - mean) / (standard deviation + 1e-9). */
function meanVarianceNormalization(call: Call): Tensor {
  const x = call.tensor(0);
  const kept = { axes: call.ints("axes") ?? [0, 2, 3], keepDims: true };
  return div(sub(x, mean(x, kept)), add(sqrt(variance(x, kept)), 1e-9));
}

/** Scale and shift have one number a channel; before operator set 21 those of a GroupNormalization have one a group. */
function groups(call: Call, count: number): Tensor {
  const x = call.tensor(0);
  const channels = x.shape[1];
  const [weight, bias] = [1, 2].map((i) => {
    const values = call.tensor(i);
    if (values.size === channels) return values;
    if (values.size !== count) {
      return call.fail(`scale and shift must have one number a channel or a group; they have ${values.size}`);
    }
    return reshape(broadcastTo(expandDims(values, 1), [count, channels / count]), [channels]);
  });
  return groupNorm(x, { weight, bias }, { groups: count, epsilon: epsilonOf(call) });
}

export const normalizations: Readonly<Record<string, Operator>> = {
  BatchNormalization: batchNormalization,
  GroupNormalization: (call) => groups(call, call.int("num_groups", 1)),
  InstanceNormalization: (call) => groups(call, call.tensor(0).shape[1]),
  LayerNormalization: layerNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: rmsNormalization,
};
