import type { NdArray } from "../../array.js";
import type { Batch, BatchSpec } from "../../batch.js";
import { backward } from "../../graph/autodiff.js";
import { cast } from "../../graph/ops/arithmetic.js";
import { fillLike } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { alias, stopGradient } from "../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, spec, type TensorsOf } from "../../graph/trace.js";
import { flatten, namedLike, unflatten } from "../../tree.js";
import type { HeadAlignment } from "../method.js";
import { checkLosses, type LossContext, type TaskLosses } from "../train/task-losses.js";
import type { ParameterSplit } from "./parameter-split.js";

/**
 * The shared representation of a batch: the tensor from which the losses are computed, or several, such as one a task or
 * those of skip connections.
 */
export type Representation<P, B = BatchSpec, S = unknown> = (
  params: TensorsOf<P>,
  batch: TensorsOf<B>,
  context: LossContext<S>,
) => Tensor | readonly Tensor[];

/**
 * The context of losses that are computed from a representation, whose tensors are named anew: a loss is differentiated in
 * them even where it could also find the same nodes in another way.
 */
export function representedContext(
  context: LossContext,
  given: Tensor | readonly Tensor[],
): LossContext & { readonly representations: readonly Tensor[] } {
  const representations = (isTensor(given) ? [given] : given).map(alias);
  return { ...context, representation: representations[0], representations };
}

/** The parts from which the graphs of a multi-task step are built. */
export interface TaskParts<P> {
  readonly losses: TaskLosses<P>;
  /** If given, gradients are compared in the representation that it returns, which the losses find in their context. */
  readonly representation?: Representation<P> | undefined;
  /** If given, the representation is for the heads alone: gradients are compared in the shared parameters. */
  readonly headAlignment?: HeadAlignment | undefined;
  /** Example parameters, of which only the shapes matter. */
  readonly params: P;
  /** Example batch, of which only the shapes matter: arrays or specs. */
  readonly batch: BatchSpec;
  /** Example of the model's state, which a pass begins from unless it is given another; default `{}`. */
  readonly state?: unknown;
  readonly split: ParameterSplit;
  /** Whether parameters stay as they are, by their path: their gradients are 0. Default none do. */
  readonly isFrozen?: ((path: string) => boolean) | undefined;
  readonly dtype: "float32" | "float64";
}

/** The losses during tracing, and the tensors in which they are differentiated. */
export interface Forward {
  readonly losses: readonly Tensor[];
  readonly shared: readonly Tensor[];
  /** In order of `split.heads`. */
  readonly heads: readonly Tensor[];
  /** The tensors in which the tasks' gradients are compared: the shared leaves, or the representation. */
  readonly space: readonly Tensor[];
  /** Left out without a representation. */
  readonly representations?: readonly Tensor[] | undefined;
  /** The model's state for the next step: a tree of tensors. */
  readonly state: unknown;
}

/** Types of the inputs of every graph, by name. */
export const commonArguments = <P>({ params, state = {}, batch }: TaskParts<P>) => ({
  params,
  state,
  batch,
  seed: spec([], "int64"),
});

/** What gives the arrays of these inputs their names in a graph: a step may take less time than to find them anew. */
export function commonNames<P>(parts: TaskParts<P>) {
  const named = namedLike(flatten(commonArguments(parts), isSpecLeaf));
  return ({
    seed,
    ...trees
  }: {
    readonly params: unknown;
    readonly state: unknown;
    readonly batch: Batch;
    readonly seed: bigint;
  }): Record<string, NdArray> => named({ ...trees, seed: { shape: [], data: BigInt64Array.of(seed) } });
}

/** The same inputs during tracing. */
export type CommonInputs<P> = TensorsOf<ReturnType<typeof commonArguments<P>>>;

/** Traces the losses of a batch in training mode. */
export function forwardTasks<P>(
  { losses, representation, headAlignment, split, isFrozen = () => false, dtype }: TaskParts<P>,
  { params, state, batch, seed }: CommonInputs<P>,
): Forward {
  let next = state;
  const keepState = (given: unknown) => {
    next = given;
  };
  const context: LossContext = { training: true, seed, state, keepState };
  const { leaves, def } = flatten(params, isTensor);
  const held = leaves.map((leaf, i) => (isFrozen(split.paths[i]) ? stopGradient(leaf) : leaf));
  const at = unflatten(def, held) as TensorsOf<P>;
  const represented = representation && representedContext(context, representation(at, batch, context));
  const values = checkLosses(losses(at, batch, represented ?? context));
  const shared = split.shared.map((i) => leaves[i]);
  return {
    losses: values.map((loss) => cast(reshape(loss, []), dtype)),
    shared,
    heads: split.heads.map(({ leaf }) => leaves[leaf]),
    space: (headAlignment ? undefined : represented?.representations) ?? shared,
    representations: represented?.representations,
    state: next,
  };
}

/** Gradient of one loss. */
export const gradientOf = (loss: Tensor, inputs: readonly Tensor[]): Tensor[] =>
  backward([loss], [fillLike(loss, 1)], inputs);

/** Gradients of the heads, each under the loss of its own task alone and weight 1, in order of `split.heads`. */
export function headGradients<P>({ split }: TaskParts<P>, { losses, heads }: Forward): Tensor[] {
  const out: Tensor[] = new Array(heads.length);
  losses.forEach((loss, task) => {
    const own = split.heads.flatMap((head, i) => (head.task === task ? [i] : []));
    if (own.length === 0) return;
    gradientOf(
      loss,
      own.map((i) => heads[i]),
    ).forEach((g, i) => {
      out[own[i]] = g;
    });
  });
  return out;
}
