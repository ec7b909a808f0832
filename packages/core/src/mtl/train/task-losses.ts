import type { Batch, BatchSpec, BatchTensors } from "../../batch.js";
import { describeValue, ShapeError } from "../../errors.js";
import { checkClasses, type LabelUse, labelUses } from "../../graph/labels.js";
import { formatType, isFloat, isTensor, type Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";

/**
 * Inputs of task losses besides parameters and batch.
 *
 * @typeParam S tree of the model's state
 */
export interface LossContext<S = unknown> {
  /** Whether batch statistics and dropout are used. */
  readonly training: boolean;
  /** Seed of this step's dropout, an int64 scalar; only given in training. */
  readonly seed?: Tensor | undefined;
  /** The model's state, a tree of tensors: the trainer's option `state`, or `{}` without it. */
  readonly state: TensorsOf<S>;
  /**
   * Sets the state for the next step in training, such as running statistics. Without a call the state does
   * not change.
   */
  keepState?(next: TensorsOf<S>): void;
  /** The result of the option `representation`, or its first tensor, for losses that are computed from it. */
  readonly representation?: Tensor | undefined;
  /** All tensors of that result. */
  readonly representations?: readonly Tensor[] | undefined;
}

/**
 * K losses of one batch, each a scalar, in one graph, so that shared parts are computed once.
 *
 * Parameters are a tree `{ shared, heads: { [task]: ... } }`; a function of the shared parameters alone needs no heads.
 * Examples without a label for a task are left out by a mask in the batch (option `mask` of the losses) or by
 * `ignoreIndex`; a task whose batch has no label at all then has loss 0 and gradient 0. A task with its own
 * inputs finds them in the batch under their names.
 *
 * @typeParam P tree of parameters
 * @typeParam B batch, such as `{ x: NdArray; left: NdArray }`; default one with any entries
 * @typeParam S tree of the model's state
 *
 * @example
 * const losses: TaskLosses<Params, typeof data> = ({ shared, heads }, { x, left, right, known }) => {
 *   const z = trunk(shared, x);
 *   return [crossEntropy(linear(z, heads.left), left), crossEntropy(linear(z, heads.right), right, { mask: known })];
 * };
 */
export type TaskLosses<P, B = BatchSpec, S = unknown> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
  context: LossContext<S>,
) => readonly Tensor[];

/**
 * Checks the losses and returns them.
 *
 * @throws ShapeError unless they are one number each, at least one
 */
export function checkLosses(losses: readonly Tensor[]): readonly Tensor[] {
  if (!Array.isArray(losses) || losses.length === 0) {
    throw new ShapeError(
      `Task losses must be a list of scalars, one a task and at least one; got ${Array.isArray(losses) ? "none" : describeValue(losses)}. ` +
        "Write (p, batch) => [first, second], in the order of the tasks.",
    );
  }
  losses.forEach((loss, k) => {
    if (isTensor(loss) && loss.size === 1 && isFloat(loss.dtype)) return;
    const got = isTensor(loss) ? formatType(loss) : typeof loss;
    throw new ShapeError(
      `The loss of task ${k} must be one number (a float tensor of size 1); got ${got}. Reduce it with sum or mean.`,
    );
  });
  return losses;
}

/** Losses that record, when traced, which arrays of a batch they use as labels. */
export interface LabelChecks<P> {
  readonly losses: TaskLosses<P>;
  /**
   * Checks the labels of data against the number of classes of the losses that use them.
   *
   * @throws DataError naming the array and the first label that is not a class
   */
  check(data: Batch): void;
}

/** Records which arrays of a batch some losses use as labels. */
export function labelChecks<P>(losses: TaskLosses<P>): LabelChecks<P> {
  const uses = new Map<string, readonly LabelUse[]>();
  const masks = new Map<Tensor, string>();
  return {
    losses(params, batch: BatchTensors, context) {
      const values = losses(params, batch, context);
      for (const [name, tensor] of Object.entries(batch)) {
        const found = labelUses(tensor);
        if (found.length > 0) uses.set(name, found);
        if (tensor.dtype === "bool") masks.set(tensor, name);
      }
      return values;
    },
    check(data) {
      const maskOf = (mask: Tensor) => data[masks.get(mask) ?? ""];
      for (const [name, found] of uses)
        if (data[name]) checkClasses(`Labels "${name}"`, data[name], found, maskOf);
    },
  };
}
