import { relu } from "../../graph/ops/activation.js";
import { maxPool2d } from "../../graph/ops/pool.js";
import { flattenFrom } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { integerFrom, listOf, type OptionsOf, optionTable } from "../../options.js";
import { type ConvParams, convLayer, initConv2d } from "../conv.js";
import { convNormKind } from "../conv-norm.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { type Context, type Model, resolveInit, type StatelessModel } from "../model.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "../norm.js";
import { pooledSize } from "./image-size.js";

export interface ConvnetOptions extends OptionsOf<typeof convnetOptions> {}

export const convnetOptions = optionTable("convnet", {
  /** Channels of the images; default 1. */
  inputs: integerFrom(1).default(1),
  /** Height and width of the images; default [28, 28]. */
  imageSize: listOf(integerFrom(1), { length: 2 }).default([28, 28]),
  /** Channels of the convolutions of each stage; default [[16], [32]]. */
  stages: listOf(listOf(integerFrom(1), { least: 1 }), { least: 1 }).default([[16], [32]]),
  /** Batch norm between each convolution and its ReLU (`batch`), or none (default `none`). */
  norm: convNormKind.default("none"),
  /** Default 10. */
  classes: integerFrom(1).default(10),
});

export interface ConvnetParams {
  /** All convolutions in order. */
  readonly convs: readonly ConvParams[];
  /** With batch norm: one for each convolution, which has no bias. */
  readonly norms?: readonly NormParams[] | undefined;
  readonly linear: LinearParams;
}

/** Running statistics, if the network has batch norm. */
export interface ConvnetState {
  readonly norms?: readonly BatchNormState[] | undefined;
}

/**
 * Plain convolutional network: in each stage convolutions (3x3, padding 1, batch norm if it is asked for, ReLU) and
 * max-pooling by 2, then one linear layer on the flattened image.
 *
 * @throws ShapeError when the image is too small for so many stages
 *
 * @example
 * convnet(); // conv 1->16, pool, conv 16->32, pool, linear 1568->10
 */
export function convnet(options?: ConvnetOptions & { readonly norm?: "none" }): StatelessModel<ConvnetParams>;
export function convnet(options: ConvnetOptions): Model<ConvnetParams, ConvnetState>;
export function convnet(
  options: ConvnetOptions = {},
): StatelessModel<ConvnetParams> | Model<ConvnetParams, ConvnetState> {
  const { inputs, imageSize, stages, norm, classes } = convnetOptions.read(options);
  const [height, width] = pooledSize("convnet", imageSize, stages.length);
  const channels = [inputs, ...stages.flat()];
  const model: Model<ConvnetParams, ConvnetState> = {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("convnet", initOptions);
      const convs = channels
        .slice(1)
        .map((outputs, k) => initConv2d(rng, channels[k], outputs, 3, { dtype, bias: norm === "none" }));
      const features = (channels.at(-1) as number) * height * width;
      const last = initLinear(rng, features, classes, { dtype });
      if (norm === "none") return { params: { convs, linear: last }, state: {} };
      const norms = channels.slice(1).map((outputs) => initBatchNorm(outputs, { dtype }));
      return {
        params: { convs, norms: norms.map((n) => n.params), linear: last },
        state: { norms: norms.map((n) => n.state) },
      };
    },
    apply({ convs, norms, linear: head }, x, context: Partial<Context<ConvnetState>> = {}) {
      const { state, training = false } = context;
      let h: Tensor = x;
      let k = 0;
      const next: TensorsOf<BatchNormState>[] = [];
      const normed = (y: Tensor): Tensor => {
        if (!norms) return y;
        const running = state?.norms?.[next.length] as TensorsOf<BatchNormState>;
        const result = batchNorm(y, norms[next.length], running, { training });
        next.push(result.state);
        return result.output;
      };
      for (const stage of stages) {
        stage.forEach((_, i) => {
          const y = normed(convLayer(h, convs[k++], { padding: 1 }));
          // ReLU commutes with max-pooling, and works on fewer elements after it.
          h = relu(i === stage.length - 1 ? maxPool2d(y, { kernel: 2 }) : y);
        });
      }
      return { output: linear(flattenFrom(h, 1), head), state: norms ? { norms: next } : {} };
    },
  };
  return model;
}
