// O. Sener, V. Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018, section 4.1: LeNet as the trunk of
// two classifiers.

import { relu } from "../../graph/ops/activation.js";
import { mul } from "../../graph/ops/arithmetic.js";
import { fill } from "../../graph/ops/leaf.js";
import { maxPool2d } from "../../graph/ops/pool.js";
import { flattenFrom } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { integerFrom, listOf, type OptionsOf, optionTable, smoothing } from "../../options.js";
import { type ConvParams, convLayer, initConv2d } from "../conv.js";
import { dropout } from "../dropout.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { resolveInit } from "../model.js";
import { pooledSize } from "./image-size.js";
import { headSizes, type MultiHeadModel } from "./multi-head.js";

export interface MultiLenetOptions extends OptionsOf<typeof multiLenetOptions> {}

const multiLenetOptions = optionTable("multiLenet", {
  /** Outputs of each task's head. */
  heads: headSizes("outputs").required(),
  /** Channels of the images; default 1. */
  inputs: integerFrom(1).default(1),
  /** Height and width of the images; default [28, 28]. */
  imageSize: listOf(integerFrom(1), { length: 2 }).default([28, 28]),
  /** Channels of the two convolutions; default [10, 20]. */
  channels: listOf(integerFrom(1), { length: 2 }).default([10, 20]),
  /** Width of the representation and of the heads' hidden layers; default 50. */
  features: integerFrom(1).default(50),
  /** Dropout rate of channels before the second pooling and of the heads' hidden units; default 0.5. */
  dropout: smoothing.default(0.5),
});

/** The trunk, which the tasks share. */
export interface LenetTrunkParams {
  readonly conv1: ConvParams;
  readonly conv2: ConvParams;
  readonly fc: LinearParams;
}

export interface LenetHeadParams {
  readonly fc1: LinearParams;
  readonly fc2: LinearParams;
}

/**
 * LeNet as the trunk of several tasks: convolution 5 x 5 to 10 channels, max-pooling, ReLU; convolution 5 x 5 to 20, dropout
 * of channels, max-pooling, ReLU; linear 320-50, ReLU. Each head: linear 50-50, ReLU, dropout, linear 50-classes.
 *
 * @example
 * const model = multiLenet({ heads: { left: 10, right: 10 } });
 * const losses: TaskLosses<typeof params> = (p, { x, left, right }, context) => {
 *   const y = model.apply(p, x, context);
 *   return [crossEntropy(y.left, left), crossEntropy(y.right, right)];
 * };
 */
export function multiLenet(options: MultiLenetOptions): MultiHeadModel<LenetTrunkParams, LenetHeadParams> {
  const { heads, inputs, imageSize, channels, features, dropout: rate } = multiLenetOptions.read(options);
  const [height, width] = pooledSize("multiLenet", imageSize, 2, (n) => n - 4);
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("multiLenet", initOptions);
      const shared = {
        conv1: initConv2d(rng, inputs, channels[0], 5, { dtype }),
        conv2: initConv2d(rng, channels[0], channels[1], 5, { dtype }),
        fc: initLinear(rng, channels[1] * height * width, features, { dtype }),
      };
      const own = Object.entries(heads).map(([name, outputs]) => [
        name,
        {
          fc1: initLinear(rng, features, features, { dtype }),
          fc2: initLinear(rng, features, outputs, { dtype }),
        },
      ]);
      return { shared, heads: Object.fromEntries(own) };
    },
    trunk({ conv1, conv2, fc }, x, { training, seed } = {}) {
      // ReLU commutes with max-pooling, and works on fewer elements after it.
      const first = relu(maxPool2d(convLayer(x, conv1), { kernel: 2 }));
      const second = dropChannels(convLayer(first, conv2), { rate, stream: 0, training, seed });
      return relu(linear(flattenFrom(relu(maxPool2d(second, { kernel: 2 })), 1), fc));
    },
    apply(params, x, context = {}) {
      const z = context.representation ?? this.trunk(params.shared, x, context);
      const outputs = Object.keys(heads).map((name, k) => {
        const { fc1, fc2 } = params.heads[name] as TensorsOf<LenetHeadParams>;
        const { training, seed } = context;
        const hidden = dropout(relu(linear(z, fc1)), { rate, stream: k + 1, training, seed });
        return [name, linear(hidden, fc2)];
      });
      return Object.fromEntries(outputs);
    },
  };
}

/** Dropout of whole channels: one random number for each channel of an image. */
function dropChannels(x: Tensor, options: Parameters<typeof dropout>[1]): Tensor {
  if (!options.training || options.rate === 0) return x;
  return mul(x, dropout(fill([...x.shape.slice(0, 2), 1, 1], 1, x.dtype), options));
}
