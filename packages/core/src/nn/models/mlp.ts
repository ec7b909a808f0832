import { OptionError } from "../../errors.js";
import { flattenFrom } from "../../graph/ops/reshape.js";
import { requireTensor, type Tensor } from "../../graph/tensor.js";
import {
  finite,
  flag,
  integerFrom,
  listOf,
  type OptionsOf,
  oneOf,
  optionTable,
  smoothing,
} from "../../options.js";
import { type Activation, activation, activations } from "../activation.js";
import { dropout } from "../dropout.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { resolveInit, type StatelessModel } from "../model.js";

export interface MlpOptions extends OptionsOf<typeof mlpOptions> {}

export const mlpOptions = optionTable("mlp", {
  /** Widths from input to output. */
  sizes: listOf(integerFrom(1), { least: 2 }).required(),
  /** Activation between the layers, not after the last; default `relu`. */
  activation: oneOf<Activation>(activations).default("relu"),
  /** Slope of leakyRelu; default 0.01. */
  slope: finite.default(0.01),
  /** Whether layers have biases; default true. */
  bias: flag.default(true),
  /** Dropout rate after each activation; default 0. */
  dropout: smoothing.default(0),
});

export interface MlpParams {
  readonly layers: readonly LinearParams[];
}

/** @throws OptionError unless `layers` is the list that the parameters of an mlp hold */
function requireLayers(owner: string, layers: unknown): void {
  if (Array.isArray(layers)) return;
  throw new OptionError(
    `${owner} takes the parameters of an mlp, { layers: [{ weight, bias }, ...] }; got none with layers. ` +
      "init returns { params, state }: take its params.",
  );
}

/**
 * Multilayer perceptron: linear layers with an activation between them. Inputs of more than two axes are flattened.
 *
 * @throws OptionError when there are fewer than two sizes or the activation or an option is unknown
 *
 * @example
 * const model = mlp({ sizes: [784, 16, 10, 10], activation: "leakyRelu", slope: 0.1 });
 */
export function mlp(options: MlpOptions): StatelessModel<MlpParams> {
  const { sizes, activation: name, slope, bias, dropout: rate } = mlpOptions.read(options);
  const act = activation(name, { slope });
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("mlp", initOptions);
      const layers = sizes.slice(1).map((outputs, k) => initLinear(rng, sizes[k], outputs, { bias, dtype }));
      return { params: { layers }, state: {} };
    },
    apply({ layers }, x, { training, seed } = {}) {
      requireTensor("mlp", x);
      requireLayers("mlp", layers);
      const first = x.rank > 2 ? flattenFrom(x, 1) : x;
      const output = layers.reduce<Tensor>((h, layer, k) => {
        const y = linear(h, layer);
        return k === layers.length - 1 ? y : dropout(act(y), { rate, stream: k, training, seed });
      }, first);
      return { output, state: {} };
    },
  };
}
