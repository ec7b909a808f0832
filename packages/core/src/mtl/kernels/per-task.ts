// Options with a value for each task.
import { OptionError } from "../../errors.js";

/**
 * The weights of K tasks from an option: the given ones, or equal ones.
 *
 * @throws OptionError if their number is not K
 */
export function preferenceOf(
  owner: string,
  given: readonly number[] | undefined,
  K: number,
  each: number,
): Float64Array {
  if (!given) return new Float64Array(K).fill(each);
  if (given.length !== K) {
    throw new OptionError(`${owner}: one weight per task is needed, so ${K}; got ${given.length}.`);
  }
  return Float64Array.from(given);
}

/**
 * The values of an option of `oneOrEach` for K tasks.
 *
 * @throws OptionError when it is a list of another length
 */
export function eachTask(what: string, value: number | readonly number[], tasks: number): Float64Array {
  if (typeof value === "number") return new Float64Array(tasks).fill(value);
  if (value.length === tasks) return Float64Array.from(value);
  throw new OptionError(`${what} must have one value for each of the ${tasks} tasks; got ${value.length}.`);
}
