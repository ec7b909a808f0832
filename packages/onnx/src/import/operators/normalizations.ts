import type { Tensor } from "isoloss";
import { resolveAxis } from "isoloss/internal";
import { batchNorm, groupNorm, layerNorm } from "isoloss/nn";
import {
  add,
  broadcastTo,
  cast,
  div,
  equal,
  expandDims,
  fill,
  fillLike,
  gather,
  mean,
  mul,
  pad,
  pow,
  reciprocal,
  reshape,
  slice,
  sqrt,
  square,
  stopGradient,
  sub,
  sum as summed,
  variance,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import type { Result } from "../value.js";
import { integers, range } from "./reductions.js";

const epsilonOf = (call: Call): number => call.float("epsilon", 1e-5);

/**
 * By the running statistics, or those of the batch, with which the running ones are updated: as results of a node in
 * training mode, as state of the model where another one is trained.
 */
function batchNormalization(call: Call): readonly Tensor[] {
  if (call.opset < 9 && call.int("spatial", 1) === 0) return [normalizedByPosition(call)];
  const [x, weight, bias, running_mean, running_var] = [0, 1, 2, 3, 4].map((i) => call.tensor(i));
  const isInFile = isTraining(call);
  const training = isInFile || (call.isUpdated(3) && call.isUpdated(4));
  const momentum = call.float("momentum", 0.9);
  const { output, state } = batchNorm(
    x,
    { weight, bias },
    { running_mean, running_var },
    { training, momentum: 1 - momentum, epsilon: epsilonOf(call) },
  );
  if (!isInFile) {
    if (training) {
      call.update(3, state.running_mean);
      call.update(4, state.running_var);
    }
    return [output];
  }
  // The standard tracks the biased variance.
  const spread = stopGradient(variance(x, { axes: range(x.rank).filter((d) => d !== 1) }));
  return [output, state.running_mean, add(mul(running_var, momentum), mul(spread, 1 - momentum))];
}

/** Before operator set 14 a node is in training mode if it has further results, in the first sets by an attribute. */
function isTraining(call: Call): boolean {
  if (call.opset >= 14) return call.int("training_mode", 0) === 1;
  if (call.opset < 7) return call.int("is_test", 0) === 0;
  return call.node.outputs.filter((name) => name !== "").length > 1;
}

/** In the first operator sets, running statistics for each position of a channel. */
function normalizedByPosition(call: Call): Tensor {
  if (isTraining(call))
    return call.fail("it uses the statistics of the batch; export the model for inference");
  const x = call.tensor(0);
  const [weight, bias, running_mean, running_var] = [1, 2, 3, 4].map((i) => reshape(call.tensor(i), [-1]));
  const state = { running_mean, running_var };
  const flat = reshape(x, [x.shape[0], -1]);
  return reshape(batchNorm(flat, { weight, bias }, state, { epsilon: epsilonOf(call) }).output, x.shape);
}

/** The axes from `axis` on. */
function lastAxes(call: Call, x: Tensor): readonly number[] {
  return range(x.rank).slice(resolveAxis(call.int("axis", -1), x.rank, call.node.opType));
}

/** Of `x`, with operands that are the scale and the shift; also the means and the inverse standard deviations. */
function layerNormalized(call: Call, x: Tensor, scale: number, shift: number): readonly Tensor[] {
  const axes = lastAxes(call, x);
  const epsilon = call.epsilon();
  const weight = broadcastTo(call.tensor(scale), x.shape.slice(axes[0]));
  const bias = call.has(shift) ? broadcastTo(call.tensor(shift), weight.shape) : fillLike(weight, 0);
  const y = layerNorm(x, { weight, bias }, { epsilon });
  const kept = { axes, keepDims: true };
  return [y, mean(x, kept), reciprocal(sqrt(add(variance(x, kept), epsilon)))];
}

/** x / sqrt(mean x^2 + epsilon), times the operand that is the scale; also the inverse roots. */
function rmsNormalized(call: Call, x: Tensor, scale: number): readonly Tensor[] {
  const squares = mean(square(x), { axes: lastAxes(call, x), keepDims: true });
  const root = sqrt(add(squares, call.epsilon()));
  return [mul(div(x, root), call.tensor(scale)), reciprocal(root)];
}

/** The stream and what is added to it, with the operand `bias` if it is given. */
function skipped(call: Call, bias: number): Tensor {
  const sum = add(call.tensor(0), call.tensor(1));
  return call.has(bias) ? add(sum, call.tensor(bias)) : sum;
}

/** Normalizes the sum of embeddings of words, positions and segments; also the number of words that a mask keeps. */
function embedded(call: Call): readonly Result[] {
  const ids = call.tensor(0);
  const [batch, length] = ids.shape;
  const positions = call.has(8) ? call.tensor(8) : integers(range(length), [1, length]);
  const sum = add(gather(call.tensor(2), ids), gather(call.tensor(3), positions));
  const whole = call.has(4) ? add(sum, gather(call.tensor(4), call.tensor(1))) : sum;
  const [y] = layerNormalized(call, whole, 5, 6);
  const isKept = call.has(7) && cast(equal(call.tensor(7), 1), "int64");
  const kept = isKept ? summed(isKept, { axes: 1 }) : fill([batch], 0, "int64");
  return [y, { tensor: kept, kind: "int32" }, whole];
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
  const shifted = Array.from({ length: call.parts(size) }, (_, k) =>
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
  LayerNormalization: (call) => layerNormalized(call, call.tensor(0), 1, 2),
  MeanVarianceNormalization: meanVarianceNormalization,
  RMSNormalization: (call) => rmsNormalized(call, call.tensor(0), 1),
  // ONNX Runtime has it in the standard's domain.
  SimplifiedLayerNormalization: (call) => rmsNormalized(call, call.tensor(0), 1),
  "com.microsoft.EmbedLayerNormalization": embedded,
  "com.microsoft.SkipLayerNormalization": (call) => {
    const sum = skipped(call, 4);
    return [...layerNormalized(call, sum, 2, 3), sum];
  },
  "com.microsoft.SkipSimplifiedLayerNormalization": (call) => {
    const sum = skipped(call, 3);
    const [y, inverse] = rmsNormalized(call, sum, 2);
    return [y, mean(sum, { axes: -1, keepDims: true }), inverse, sum];
  },
};

/** Drops nothing, as in inference and at the ratio 0. The second result, bool since operator set 10, says what is kept. */
function dropout(call: Call): readonly Tensor[] {
  const x = call.tensor(0);
  if (isDropping(call) && ratioOf(call) !== 0) {
    return call.fail(
      "it drops units at random in training mode; export the model for inference, or give training_mode as false",
    );
  }
  return [x, call.opset < 10 ? fillLike(x, 1) : fill(x.shape, 1, "bool")];
}

/** Between operator sets 7 and 11 there is no training mode. */
const isDropping = (call: Call): boolean =>
  call.opset < 7 ? call.int("is_test", 0) === 0 : Boolean(call.known(2)?.[0]);

const ratioOf = (call: Call): number => call.known(1)?.[0] ?? call.float("ratio", 0.5);

export const dropouts: Readonly<Record<string, Operator>> = { Dropout: dropout };
