import { OptionError } from "../errors.js";
import { elu, gelu, leakyRelu, relu, relu6, sigmoid, softplus } from "../graph/ops/activation.js";
import { mul } from "../graph/ops/arithmetic.js";
import { asinh, tanh } from "../graph/ops/elementary.js";
import type { Tensor } from "../graph/tensor.js";
import { requireKnown } from "../options.js";

const table = {
  relu,
  relu6,
  tanh,
  asinh,
  sigmoid,
  gelu: (x: Tensor) => gelu(x),
  elu: (x: Tensor) => elu(x),
  softplus,
  silu: (x: Tensor) => mul(x, sigmoid(x)),
  identity: (x: Tensor) => x,
} satisfies Record<string, (x: Tensor) => Tensor>;

/** Name of an activation function. */
export type Activation = keyof typeof table | "leakyRelu";

/** Names of all activations. */
export const activations = ["leakyRelu", ...Object.keys(table)] as readonly Activation[];

/**
 * An activation by name.
 *
 * @param options `slope` of leakyRelu for x <= 0; default 0.01
 * @throws OptionError for an unknown name
 */
export function activation(
  name: Activation,
  options: { readonly slope?: number | undefined } = {},
): (x: Tensor) => Tensor {
  requireKnown("activation", options, ["slope"], 'activation("leakyRelu", { slope: 0.1 })');
  const { slope = 0.01 } = options;
  if (name === "leakyRelu") return (x) => leakyRelu(x, slope);
  if (Object.hasOwn(table, name)) return table[name];
  throw new OptionError(`The activation must be one of ${activations.join(", ")}; got "${name}".`);
}
