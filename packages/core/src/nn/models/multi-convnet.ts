// O. Sener, V. Koltun, "Multi-task learning as multi-objective optimization", NeurIPS 2018, use CelebA's 40 attributes; this is
// the network of nine layers of FAMO, FairGrad and COST for them.
import { relu } from "../../graph/ops/activation.js";
import { maxPool2d } from "../../graph/ops/pool.js";
import { mean } from "../../graph/ops/reduce.js";
import { integerFrom, listOf, type OptionsOf, optionTable } from "../../options.js";
import { type ConvNormParams, type ConvNormState, convNorm, initConvNorm } from "../conv-norm.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { resolveInit } from "../model.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "../norm.js";
import {
  headSizes,
  initLinearHeads,
  type MultiHeadParams,
  readLinearHeads,
  type StatefulMultiHeadModel,
} from "./multi-head.js";

export interface MultiConvnetOptions extends OptionsOf<typeof multiConvnetOptions> {}

const multiConvnetOptions = optionTable("multiConvnet", {
  /** Outputs of each task's head, a linear layer. */
  heads: headSizes("outputs").required(),
  /** Channels of the images; default 3. */
  inputs: integerFrom(1).default(3),
  /** Channels of the convolutions of each stage; default [[64], [128, 128], [256, 256], [512, 512]]. */
  stages: listOf(listOf(integerFrom(1), { least: 1 }), { least: 1 }).default([
    [64],
    [128, 128],
    [256, 256],
    [512, 512],
  ]),
  /** Widths of the linear layers behind them; default [512, 512]. */
  hidden: listOf(integerFrom(1)).default([512, 512]),
});

/** A linear layer without bias, and its batch norm. */
interface NormedLinearParams {
  readonly linear: LinearParams;
  readonly norm: NormParams;
}

/** The trunk, which the tasks share. */
export interface MultiConvnetTrunkParams {
  /** All convolutions in order. */
  readonly convs: readonly ConvNormParams[];
  readonly hidden: readonly NormedLinearParams[];
}

export interface MultiConvnetState {
  readonly convs: readonly ConvNormState[];
  readonly hidden: readonly BatchNormState[];
}

/**
 * A convolutional network with batch norms as the trunk of several tasks: convolutions 3x3 without biases, max-pooling by 2
 * between the stages, the mean over all pixels, linear layers without biases; each with batch norm and ReLU. Each head is a
 * linear layer.
 *
 * With the default widths and 40 heads of one output, those of CelebA's attributes, it has 5,197,160 parameters. Images
 * [batch, inputs, height, width]; the output is by task, [batch, outputs].
 *
 * @throws OptionError
 *
 * @example
 * const model = multiConvnet({ heads: { smiling: 1, young: 1 } });
 * const { params, state } = model.init(torchGenerator(0));
 * const apply = (p, s, x) => model.apply(p, x, { state: s, training: true }); // { output: { smiling, young }, state }
 */
export function multiConvnet(
  options: MultiConvnetOptions,
): StatefulMultiHeadModel<MultiHeadParams<MultiConvnetTrunkParams, LinearParams>, MultiConvnetState> {
  const { heads, inputs, stages, hidden } = multiConvnetOptions.read(options);
  const channels = [inputs, ...stages.flat()];
  const widths = [channels.at(-1) as number, ...hidden];
  /** The number of convolutions up to the end of each stage but the last: there is a pooling. */
  const pooled = new Set(stages.slice(0, -1).map((_, k) => stages.slice(0, k + 1).flat().length));
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("multiConvnet", initOptions);
      const convs = channels.slice(1).map((to, k) => initConvNorm(rng, channels[k], to, 3, { dtype }));
      const layers = hidden.map((to, k) => ({
        linear: initLinear(rng, widths[k], to, { dtype, bias: false }),
        norm: initBatchNorm(to, { dtype }),
      }));
      const features = widths.at(-1) as number;
      const own = initLinearHeads(rng, features, heads, { dtype });
      return {
        params: {
          shared: {
            convs: convs.map(({ params }) => params),
            hidden: layers.map(({ linear: layer, norm }) => ({ linear: layer, norm: norm.params })),
          },
          heads: own,
        },
        state: { convs: convs.map(({ state }) => state), hidden: layers.map(({ norm }) => norm.state) },
      };
    },
    trunk(shared, x, { state, training = false }) {
      let h = x;
      const convs = shared.convs.map((layer, k) => {
        const result = convNorm(h, layer, state.convs[k], { training });
        h = pooled.has(k + 1) ? maxPool2d(result.output, { kernel: 2 }) : result.output;
        return result.state;
      });
      h = mean(h, { axes: [2, 3] });
      const next = shared.hidden.map((layer, k) => {
        const result = batchNorm(linear(h, layer.linear), layer.norm, state.hidden[k], { training });
        h = relu(result.output);
        return result.state;
      });
      return { output: [h], state: { convs, hidden: next } };
    },
    readOut: (own, [h]) => readLinearHeads(own, Object.keys(heads), () => h),
    apply({ shared, heads: own }, x, context) {
      const { output, state } = this.trunk(shared, x, context);
      return { output: this.readOut(own, output), state };
    },
  };
}
