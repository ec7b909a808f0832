import type { NdArray } from "../array.js";
import { NumericalError, OptionError, ShapeError } from "../errors.js";
import type { Rng } from "../math/rng.js";

/** The input that a method needs: K losses, the Gramian G = J J' [K, K], or the Jacobian J [K, P] itself. */
export type Need = "losses" | "gramian" | "jacobian";

/**
 * The input of a method at a step. J has one row per task, g_k = grad L_k in the shared parameters; all
 * numbers are float64.
 */
export interface TaskInput {
  /** L_k, [K]. */
  readonly losses: Float64Array;
  /** G = J J', [K, K]; given to methods that need it or J. */
  readonly gramian?: NdArray<Float64Array> | undefined;
  /** J, [K, P]; given to methods that need it. */
  readonly jacobian?: NdArray<Float64Array> | undefined;
  /**
   * Further independent samples of the step, for methods with `samplesPerStep` > 1: J of each, including the
   * first.
   */
  readonly samples?: readonly NdArray<Float64Array>[] | undefined;
  /**
   * dL_j(theta') / dw_i, [K, K], of the losses on the last sample after a virtual step theta' = theta - eta sum_k w_k g_k on the one
   * before it, in all parameters; given to methods with `virtualWeights`, whose w it is.
   */
  readonly ahead?: NdArray<Float64Array> | undefined;
  /** L_k on the first sample after virtual steps on it, [K]; given instead of `ahead` to methods with `virtualSteps`. */
  readonly descended?: Float64Array | undefined;
  /** Steps done before this one, and epochs. */
  readonly step: number;
  readonly epoch: number;
  /** Generator of the step's random numbers: the same seed and step give the same numbers. */
  readonly rng: Rng;
}

/** The result of a method for a step. */
export interface Combination<S> {
  /** w with direction d = J' w; theta <- theta - eta d. Left out if the direction is not such a sum. */
  readonly weights?: Float64Array | undefined;
  /** d itself, [P], for methods that work on J's entries. */
  readonly direction?: Float64Array | undefined;
  /** Weights of the heads' own gradients; default 1 or `weights`, see {@link MultiTaskMethod.headGradient}. */
  readonly headWeights?: Float64Array | undefined;
  readonly state: S;
  /**
   * Why the method fell back to something other than its formula, such as equal weights for an unsolvable
   * problem.
   */
  readonly note?: string | undefined;
}

/** How the heads' gradients are changed so that the tasks' gradients in the representation agree. */
export interface HeadAlignment {
  /** lambda of -lambda <dL_k/dz, D>, whose gradient each head gets besides its own. */
  readonly lambda: number;
  /** Whether D is the sum of w_j dL_j/dz over the tasks or their mean. */
  readonly reduction: "sum" | "mean";
  /** The largest norm of what is added, relative to the head's own gradient. */
  readonly limit: number;
}

/**
 * A multi-task method: how the gradients of K tasks are combined into one direction. A pair of pure
 * functions, like an optimizer: the state is plain data (numbers, Float64Array, arrays and objects of them),
 * so that it can be saved.
 *
 * @typeParam S type of the state; `null` for a method without one
 */
export interface MultiTaskMethod<S = unknown> {
  readonly name: string;
  readonly needs: Need;
  /** Whether a head's gradient is multiplied by its task's weight: the default of the official implementation. */
  readonly headGradient: "weighted" | "unweighted";
  /** Largest norm of the shared gradient; left out: no clipping. */
  readonly clipNorm?: number | undefined;
  /**
   * Left out: heads have their own gradients alone. Needs the run's representation; gradients are compared in the shared parameters all
   * the same.
   */
  readonly headAlignment?: HeadAlignment | undefined;
  /** Number of independent batches that a step needs; default 1. */
  readonly samplesPerStep?: number | undefined;
  /** Whether gradients and direction are in all parameters, the heads' included. Default: in the shared ones alone. */
  readonly spansHeads?: boolean | undefined;
  /** w of a virtual step, see `ahead` and `descended` of the input; such a method takes two samples a step or more. */
  virtualWeights?(state: S): Float64Array;
  /** eta of virtual steps; default the run's learning rate. */
  readonly virtualRate?: number | undefined;
  /** Number of virtual steps, all on the first sample. Left out: one, whose derivatives are `ahead`. */
  readonly virtualSteps?: number | undefined;
  /** State before the first step. */
  init(tasks: number): S;
  /** Weights or direction of a step. Finite input never gives NaN. */
  combine(input: TaskInput, state: S): Combination<S>;
  /** Called with the losses on the same batch after the step. */
  afterStep?(losses: Float64Array, input: TaskInput, state: S): S;
  /** Called with the mean losses of an epoch. */
  endEpoch?(meanLosses: Float64Array, state: S): S;
}

type Unchecked<S> = MultiTaskMethod<S> & { readonly losses?: "any" | "non-negative" | undefined };

/**
 * Adds checks of input and output to a method, so that the method's own file contains only its formula.
 *
 * Losses, Gramian and Jacobian must be finite and of matching shapes, and the result must be finite, too.
 *
 * @param given the method, with `losses`: `non-negative` for one that is undefined for L < 0; default `any`. With `clipNorm` 0 it
 *   does not clip.
 */
export function checkedMethod<S>(given: Unchecked<S>): MultiTaskMethod<S> {
  const { losses: kind = "any", clipNorm = 0, ...method } = given;
  const { name, needs, afterStep, endEpoch } = method;
  const checkLosses = (losses: Float64Array, what: string) => {
    losses.forEach((loss, k) => {
      if (!Number.isFinite(loss)) {
        throw new NumericalError(
          `${name}: the ${what} of task ${k} is ${loss}, not a finite number. Lower the learning rate, or check the data of the task.`,
        );
      }
      if (kind === "non-negative" && loss < 0) {
        throw new NumericalError(
          `${name} needs losses >= 0; the ${what} of task ${k} is ${loss}. Add a constant to it, or use another method.`,
        );
      }
    });
  };
  return {
    ...method,
    ...(clipNorm > 0 && { clipNorm }),
    init(tasks) {
      if (!Number.isInteger(tasks) || tasks < 1) {
        throw new OptionError(`${name}: the number of tasks must be an integer >= 1; got ${tasks}.`);
      }
      return method.init(tasks);
    },
    combine(input, state) {
      checkLosses(input.losses, "loss");
      if (needs === "gramian") checkRows(name, input.losses, input.gramian, "gramian");
      if (needs === "jacobian") checkRows(name, input.losses, input.jacobian, "jacobian");
      return requireFinite(name, method.combine(input, state));
    },
    ...(afterStep && {
      afterStep(losses: Float64Array, input: TaskInput, state: S) {
        checkLosses(losses, "loss after the step");
        return afterStep(losses, input, state);
      },
    }),
    ...(endEpoch && {
      endEpoch(meanLosses: Float64Array, state: S) {
        checkLosses(meanLosses, "mean loss of the epoch");
        return endEpoch(meanLosses, state);
      },
    }),
  };
}

/** A checked method without a state; `requireTasks` throws for a number of tasks that does not fit the options. */
export const statelessMethod = ({
  requireTasks,
  combine,
  ...given
}: Omit<Unchecked<null>, "init" | "combine"> & {
  requireTasks?(tasks: number): unknown;
  combine(input: TaskInput): Omit<Combination<null>, "state">;
}): MultiTaskMethod<null> =>
  checkedMethod<null>({
    ...given,
    init(tasks) {
      requireTasks?.(tasks);
      return null;
    },
    combine: (input, state) => ({ ...combine(input), state }),
  });

function checkRows(
  name: string,
  { length: tasks }: Float64Array,
  matrix: NdArray<Float64Array> | undefined,
  what: "gramian" | "jacobian",
): void {
  const columns = what === "gramian" ? tasks : matrix?.shape[1];
  if (matrix?.shape.length !== 2 || matrix.shape[0] !== tasks || matrix.shape[1] !== columns) {
    const expected = `[${tasks}, ${what === "gramian" ? tasks : "P"}]`;
    const got = matrix ? `one of shape [${matrix.shape.join(", ")}]` : "none";
    throw new ShapeError(`${name} needs the ${what} ${expected} of ${tasks} losses; got ${got}.`);
  }
  // A loop, because findIndex is several times slower on millions of elements.
  const { data } = matrix;
  for (let i = 0; i < data.length; i++) {
    if (Number.isFinite(data[i])) continue;
    const width = matrix.shape[1];
    const [task, column] = [Math.floor(i / width), i % width];
    throw new NumericalError(
      what === "gramian"
        ? `${name}: the product of the gradients of tasks ${task} and ${column} is ${data[i]}, not a finite number.`
        : `${name}: the gradient of task ${task} is ${data[i]} in parameter ${column}, not a finite number.`,
    );
  }
}

function requireFinite<S>(name: string, combination: Combination<S>): Combination<S> {
  const { weights, headWeights, direction } = combination;
  for (const [what, values] of Object.entries({ weights, headWeights, direction })) {
    const at = values ? values.findIndex((x) => !Number.isFinite(x)) : -1;
    if (values && at >= 0) {
      throw new NumericalError(
        `${name}: element ${at} of its ${what} is ${values[at]}: losses or gradients are too large, or differ too much in size, for float64.`,
      );
    }
  }
  return combination;
}
