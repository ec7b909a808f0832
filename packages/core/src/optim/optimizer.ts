import { dtypeOf, full, isNdArray, type NdArray, zeros } from "../array.js";
import { DTypeError, describeValue, OptionError, ShapeError } from "../errors.js";
import { mapTree } from "../graph/autodiff.js";
import { add, cast, mul, sub } from "../graph/ops/arithmetic.js";
import { broadcastTo } from "../graph/ops/broadcast.js";
import { constant } from "../graph/ops/leaf.js";
import { formatType, isFloat, isTensor, sameShape, type Tensor } from "../graph/tensor.js";
import { flatten, unflatten } from "../tree.js";

/** An optimizer's state: a plain object of trees of arrays, or of tensors while it is traced. */
export type OptimizerState = Readonly<Record<string, unknown>>;

/** An accumulator of past gradients in an optimizer's state. */
export interface Moment {
  /** 1 if it transforms like gradients, 2 if like their squares. */
  readonly power: 1 | 2;
  /**
   * A running average (b v + (1 - b) g); one whose square is subtracted from another average, to center it; a
   * sum (b v + g); or the largest value so far.
   */
  readonly kind: "average" | "center" | "sum" | "maximum";
}

/**
 * An optimizer: a pair of pure functions, as in Optax. `update` is traced and becomes part of the step's
 * graph. The learning rate is an input of that graph, so schedules need no recompilation.
 *
 * @typeParam S type of the state
 */
export interface Optimizer<S = OptimizerState> {
  readonly name: string;
  /**
   * Entries of the state that are trees like the parameters and change with them under a symmetry. An entry that is
   * not listed (a step count, a velocity of normalized gradients) does not change.
   */
  readonly moments: Readonly<Record<string, Moment>>;
  /**
   * Entries of the state that begin again where the parameters jump, in a teleport or back to the best epoch: averages of
   * past parameters at the new ones (`params`), scalars at 0 (`zero`). Default none.
   */
  readonly restarts?: Readonly<Record<string, "params" | "zero">> | undefined;
  /** The optimizer that a parameter has by its path, as one of any parameters; default this one for all. */
  baseOf?(path: string): Optimizer;
  /** The optimizer whose updates this one puts off, and the entries of the state that are not that one's; default none. */
  readonly delays?: { readonly optimizer: Optimizer; readonly own: readonly string[] } | undefined;
  /**
   * Whether parameters stay as they are, by their path: in clipping, and to multi-task methods, their gradients are 0.
   * Default none do.
   */
  isFrozen?(path: string): boolean;
  /** The parameters to evaluate, such as an average; default those of the last step. */
  evaluated?<P>(state: S, params: P): P;
  /** The initial state for a tree of parameters (arrays), as plain arrays. */
  init<P>(params: P): S;
  /**
   * One step: traced, pure.
   *
   * @param gradients tree of the structure of the parameters
   * @param state like the result of `init`, with tensors for arrays; the returned state has the same
   *   structure
   * @param learningRate scalar tensor or number
   * @param gradientAt the gradient of the same loss at other parameters, for optimizers that look there, such as `sam`
   * @throws ShapeError, DTypeError when the trees do not fit the parameters
   */
  update<P>(
    gradients: P,
    state: S,
    params: P,
    learningRate: Tensor | number,
    gradientAt?: (params: P) => P,
  ): { params: P; state: S };
}

/** Throws unless `value` is an Optimizer. @throws OptionError */
export function requireOptimizer(owner: string, value: unknown): void {
  const { init, update } = (value ?? {}) as Partial<Optimizer>;
  if (typeof init === "function" && typeof update === "function") return;
  throw new OptionError(
    `${owner}: optimizer must be one such as sgd() or adam(); got ${typeof value}.${typeof value === "function" ? " Call it." : ""}`,
  );
}

/** Gradients of 0 for parameters that stay as they are. */
export function trainedGradients<T>(gradients: T, { isFrozen }: Pick<Optimizer, "isFrozen">): T {
  if (isFrozen === undefined) return gradients;
  const { leaves, paths, def } = flatten(gradients, isTensor);
  const kept = leaves.map((g, i) => (isFrozen(paths[i]) ? broadcastTo(constant(0, g.dtype), g.shape) : g));
  return unflatten(def, kept) as T;
}

/** An optimizer that sees gradients after a function of them and of the parameters that they belong to. Its state is the same. */
export function seeing<S>(optimizer: Optimizer<S>, change: <P>(gradients: P, params: P) => P): Optimizer<S> {
  const { delays } = optimizer;
  return {
    ...optimizer,
    ...(delays ? { delays: { ...delays, optimizer: seeing(delays.optimizer, change) } } : {}),
    update(gradients, state, params, learningRate, gradientAt) {
      const changedAt = gradientAt && ((w: typeof params) => change(gradientAt(w), w));
      return optimizer.update(change(gradients, params), state, params, learningRate, changedAt);
    },
  };
}

/** Arrays of `value` in the shapes and dtypes of a tree of parameters. */
export function filledLike<P>(params: P, value = 0): P {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  return unflatten(
    def,
    leaves.map((leaf) => full(leaf.shape, value, dtypeOf(leaf))),
  ) as P;
}

/** An initial step count. In float64: 1 - beta^t in float32 would lose four digits in the first steps. */
export const zeroSteps = (): NdArray => zeros([], "float64");

/** A scalar in a dtype. */
export const scalarOf = (x: Tensor | number, dtype: Tensor["dtype"]): Tensor =>
  typeof x === "number" ? constant(x, dtype) : cast(x, dtype);

/** A scalar in the dtype of a parameter. */
export const scalarLike = (x: Tensor | number, like: Tensor): Tensor => scalarOf(x, like.dtype);

/** g + lambda w: the gradient of the loss with an L2 penalty lambda/2 ||w||^2. */
export function withDecay<P>(gradients: P, params: P, weightDecay: number): P {
  return weightDecay === 0 ? gradients : mapTree((g, w) => add(g, mul(weightDecay, w)), gradients, params);
}

/** w - eta d for every parameter. */
export function descend<P>(params: P, direction: P, learningRate: Tensor | number): P {
  return mapTree((w, d) => sub(w, mul(scalarLike(learningRate, w), d)), params, direction);
}

/** Checks that the arguments of an update fit together; `trees` must have the structure of the parameters. */
export function checkUpdate(
  name: string,
  params: unknown,
  learningRate: Tensor | number,
  trees: Readonly<Record<string, unknown>>,
): void {
  const isScalar =
    typeof learningRate === "number"
      ? Number.isFinite(learningRate)
      : isTensor(learningRate) && learningRate.rank === 0 && isFloat(learningRate.dtype);
  if (!isScalar) {
    throw new ShapeError(
      `${name}: the learning rate must be a finite number or a scalar tensor, such as an input spec([]) of the step; ` +
        `got ${describeValue(learningRate)}.`,
    );
  }
  const { leaves, paths } = flatten(params, isTensor);
  leaves.forEach((w, i) => {
    if (!isFloat(w.dtype)) {
      throw new DTypeError(`${name}: parameters must be floats; "${paths[i]}" is ${formatType(w)}.`);
    }
  });
  for (const [what, tree] of Object.entries(trees)) {
    if (tree === undefined) {
      throw new ShapeError(
        `${name}: the state has no "${what}"; it must come from ${name}'s init, with the same options.`,
      );
    }
    const given = flatten(tree, isTensor);
    if (given.paths.join() !== paths.join()) {
      throw new ShapeError(
        `${name}: ${what} must be a tree like the parameters, with leaves ${paths.join(", ")}; got ${given.paths.join(", ")}.`,
      );
    }
    given.leaves.forEach((x, i) => {
      if (!sameShape(x.shape, leaves[i].shape) || x.dtype !== leaves[i].dtype) {
        throw new ShapeError(
          `${name}: "${paths[i]}" is ${formatType(leaves[i])} among the parameters but ${formatType(x)} in ${what}; they must be equal.`,
        );
      }
    });
  }
}

/** Whether a value looks like an optimizer, that is, has an update rule. */
export const isOptimizer = (value: unknown): value is Optimizer =>
  typeof value === "object" && value !== null && typeof (value as Optimizer).update === "function";
