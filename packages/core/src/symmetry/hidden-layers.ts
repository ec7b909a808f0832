import { OptionError } from "../errors.js";
import type { LinearParams } from "../nn/linear.js";
import type { MlpParams } from "../nn/models/mlp.js";

/**
 * The layers of a multilayer perceptron whose outputs go through its activation: all but the last.
 *
 * @throws OptionError when there are none, so that no unit could be moved
 */
export function hiddenLayers({ layers }: MlpParams, action: string): readonly LinearParams[] {
  if (layers.length < 2) {
    throw new OptionError(`${action} moves hidden units: it needs at least 2 layers; got ${layers.length}.`);
  }
  return layers.slice(0, -1);
}
