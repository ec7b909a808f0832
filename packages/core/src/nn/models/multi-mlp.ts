import { flattenFrom } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { integerFrom, listOf, type OptionsOf, oneOf, optionTable } from "../../options.js";
import { type Activation, activation, activations } from "../activation.js";
import { initLinear, type LinearParams, linear } from "../linear.js";
import { resolveInit } from "../model.js";
import { headSizes, initLinearHeads, type MultiHeadModel, readLinearHeads } from "./multi-head.js";

export interface MultiMlpOptions extends OptionsOf<typeof multiMlpOptions> {}

const multiMlpOptions = optionTable("multiMlp", {
  /** Widths from the input to the representation. */
  sizes: listOf(integerFrom(1), { least: 2 }).required(),
  /** Outputs of each task's head, a linear layer. */
  heads: headSizes("outputs").required(),
  /** Activation after every shared layer; default `relu`. */
  activation: oneOf<Activation>(activations).default("relu"),
});

/** The trunk, which the tasks share. */
export interface MlpTrunkParams {
  readonly layers: readonly LinearParams[];
}

/**
 * Linear layers with an activation after each as the trunk of several tasks, and a linear head for each.
 *
 * @throws OptionError when there are fewer than two sizes, or the activation is unknown
 *
 * @example
 * multiMlp({ sizes: [64, 64, 32], heads: { even: 1, prime: 1 } });
 */
export function multiMlp(options: MultiMlpOptions): MultiHeadModel<MlpTrunkParams, LinearParams> {
  const { sizes, heads, activation: name } = multiMlpOptions.read(options);
  const act = activation(name);
  const features = sizes[sizes.length - 1];
  return {
    init(rng, initOptions = {}) {
      const { dtype } = resolveInit("multiMlp", initOptions);
      const layers = sizes.slice(1).map((outputs, k) => initLinear(rng, sizes[k], outputs, { dtype }));
      return { shared: { layers }, heads: initLinearHeads(rng, features, heads, { dtype }) };
    },
    trunk({ layers }, x) {
      return layers.reduce<Tensor>((h, layer) => act(linear(h, layer)), x.rank > 2 ? flattenFrom(x, 1) : x);
    },
    apply(params, x, context = {}) {
      const z = context.representation ?? this.trunk(params.shared, x, context);
      return readLinearHeads(params.heads, Object.keys(heads), () => z);
    },
  };
}
