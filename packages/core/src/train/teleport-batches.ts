import { isNdArray, type NdArray } from "../array.js";
import type { BatchLoss } from "../batch.js";
import { rowsOf } from "../data/batches.js";
import type { Dataset } from "../data/dataset.js";
import { OptionError } from "../errors.js";
import { gather } from "../graph/ops/gather.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { type Spec, spec, type TensorsOf } from "../graph/trace.js";
import type { Model } from "../nn/model.js";
import { flatten, namedArrays, unflattenNamed } from "../tree.js";
import { stepSeed } from "./batch-order.js";
import type { Feed, Feeding } from "./feed.js";
import type { Loss } from "./step.js";
import type { TeleportExamples } from "./teleport-loop.js";

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
  const like = flatten<NdArray>({ state }, isNdArray);
  return (params, batch) => {
    const { state: s } = unflattenNamed<{ state: TensorsOf<S> }>(like, batch);
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

/** What a trainer's step reads besides the run's state. */
export interface StepInputs {
  readonly inputs: Spec;
  readonly labels: Spec;
  /** Rows of both. */
  readonly batch: Spec;
  readonly learningRate: Spec;
  readonly seed: Spec;
}

/**
 * The examples of a trainer's teleports: those of the training from the next step on.
 *
 * @throws OptionError for a size out of range
 */
export function teleportExamples<S>(
  feed: Feed,
  { size, seed }: { readonly size: number; readonly seed: number },
): TeleportExamples<S, StepInputs, Feeding, TeleportBatch> {
  const { count } = feed;
  if (!Number.isInteger(size) || size < 1 || size > count) {
    throw new OptionError(`teleport.batchSize must be an integer in [1, ${count}]; got ${size}.`);
  }
  const hasHeldOut = count >= 2 * size;
  const type = spec([size], "int64");
  return {
    hasHeldOut,
    rows: { batch: type, ...(hasHeldOut ? { heldOut: type } : {}) },
    at: async (step, state) =>
      teleportBatches(await feed.next(step, 2 * size), { count: size, state, seed: stepSeed(seed, step) }),
    rowsAt(step, { nextRows }) {
      const wanted = (hasHeldOut ? 2 : 1) * size;
      const found = nextRows(step, wanted) ?? [];
      if (found.length < wanted) return undefined;
      return { batch: found.slice(0, size), ...(hasHeldOut ? { heldOut: found.slice(size) } : {}) };
    },
    taken({ batch, heldOut }, given, state) {
      const { leaves, paths } = flatten({ state }, isTensor);
      const at = (rows: Tensor) => ({
        x: gather(given.inputs, rows),
        y: gather(given.labels, rows),
        seed: given.seed,
        ...Object.fromEntries(paths.map((path, i) => [path, leaves[i]])),
      });
      return { batch: at(batch), heldOut: heldOut && at(heldOut) };
    },
  };
}
