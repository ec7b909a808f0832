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
