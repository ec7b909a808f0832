import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import type { BatchLoss } from "../batch.js";
import { rowsOf } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import type { TensorsOf } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import type { Model } from "../nn/model.js";
import { flatten, unflatten } from "../tree.js";
import type { Loss } from "./step.js";

/** What the loss of a teleport in training gets besides the model's state. */
export type TeleportBatch = { readonly x: NdArray; readonly y: NdArray; readonly seed: NdArray };

/**
 * The loss of a model as a function of parameters and a batch `{x, y, seed, state...}`. In training, batch statistics
 * and dropout are those of the next step, so that it is the loss whose gradient that step uses.
 */
export function teleportLoss<P, S>({
  model,
  loss,
  state,
  training,
}: {
  readonly model: Model<P, S>;
  readonly loss: Loss;
  readonly state: S;
  readonly training: boolean;
}): BatchLoss<P> {
  const { paths, def } = flatten<NdArray>({ state }, isNdArray);
  return (params, batch) => {
    const { state: s } = unflatten(
      def,
      paths.map((path) => batch[path]),
    ) as { state: TensorsOf<S> };
    const { output } = model.apply(params, batch.x, { state: s, training, seed: batch.seed });
    return loss(output, batch.y);
  };
}

/**
 * The batch of a teleport before a step: the next examples of the training, and, if there are as many more, the following
 * ones as held-out data.
 *
 * @param next the next examples, each once
 * @param given the number of examples in the batch, the model's state, and the seed of the step's dropout
 */
export function teleportBatches<S>(
  { inputs, labels }: Dataset,
  { count, state, seed }: { readonly count: number; readonly state: S; readonly seed: bigint },
): { readonly batch: TeleportBatch; readonly heldOut?: TeleportBatch | undefined } {
  const make = (from: number): TeleportBatch => ({
    x: rowsOf(inputs, from, from + count),
    y: rowsOf(labels, from, from + count),
    seed: { shape: [], data: BigInt64Array.of(seed) },
    ...namedArrays({ state }),
  });
  return { batch: make(0), ...(inputs.shape[0] >= 2 * count ? { heldOut: make(count) } : {}) };
}
