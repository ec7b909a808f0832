// Options with a value for each task.
import { OptionError } from "../../errors.js";

/**
 * The values of an option for each of K tasks, one for all or a list.
 *
 * @throws OptionError when it is a list of another length
 */
export function eachTask(what: string, value: number | readonly number[], tasks: number): Float64Array {
  if (typeof value === "number") return new Float64Array(tasks).fill(value);
  if (value.length === tasks) return Float64Array.from(value);
  throw new OptionError(`${what} must have one value for each of the ${tasks} tasks; got ${value.length}.`);
}
