import { fill } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { Call, Operator } from "../call.js";

/**
 * Drops nothing, as in inference and at the ratio 0. The second result says that all is kept; the standard
 * defines it from operator set 12 on.
 */
function dropout(call: Call): readonly Tensor[] {
  const x = call.tensor(0);
  const drops = call.known(2)?.[0] && (call.known(1)?.[0] ?? 0.5) !== 0;
  if (drops) {
    return call.fail(
      "it drops units at random in training mode; export the model for inference, or give training_mode as false",
    );
  }
  return call.opset < 12 ? [x] : [x, fill(x.shape, 1, "bool")];
}

export const dropouts: Readonly<Record<string, Operator>> = { Dropout: dropout };
