import type { Tensor } from "isoloss";
import { fill, fillLike } from "isoloss/ops";
import type { Call, Operator } from "../call.js";

/** Drops nothing, as in inference and at the ratio 0. The second result, bool since operator set 10, says what is kept. */
function dropout(call: Call): readonly Tensor[] {
  const x = call.tensor(0);
  if (isTraining(call) && ratioOf(call) !== 0) {
    return call.fail(
      "it drops units at random in training mode; export the model for inference, or give training_mode as false",
    );
  }
  return [x, call.opset < 10 ? fillLike(x, 1) : fill(x.shape, 1, "bool")];
}

/** Between operator sets 7 and 11 there is no training mode. */
const isTraining = (call: Call): boolean =>
  call.opset < 7 ? call.int("is_test", 0) === 0 : Boolean(call.known(2)?.[0]);

const ratioOf = (call: Call): number => call.known(1)?.[0] ?? call.float("ratio", 0.5);

export const dropouts: Readonly<Record<string, Operator>> = { Dropout: dropout };
