import { OptionError } from "../errors.js";
import type { Check } from "../optim/options.js";

export const finiteNumber: Check = { expected: "a finite number", test: Number.isFinite };

/** A value for all tasks, or a list of one a task. */
export const oneOrEach = (check: Check): Check => ({
  expected: `${check.expected}, or a list of one a task`,
  test: (v) => (Array.isArray(v) ? v.every((item) => check.test(item)) : check.test(v)),
});

/**
 * The values of an option of {@link oneOrEach} for K tasks.
 *
 * @throws OptionError when it is a list of another length
 */
export function eachTask(what: string, value: number | readonly number[], tasks: number): Float64Array {
  if (typeof value === "number") return new Float64Array(tasks).fill(value);
  if (value.length === tasks) return Float64Array.from(value);
  throw new OptionError(`${what} must have one value for each of the ${tasks} tasks; got ${value.length}.`);
}
