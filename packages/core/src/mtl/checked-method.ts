import type { NdArray } from "../array.js";
import { NumericalError, OptionError, ShapeError } from "../errors.js";
import type { Combination, MultiTaskMethod, TaskInput } from "./method.js";

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
