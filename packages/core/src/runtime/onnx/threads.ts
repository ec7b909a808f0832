import { OptionError } from "../../errors.js";

/** ONNX Runtime takes 0 as "all cores". */
let most = 0;

/** Threads inside an operator of graphs that are not small and have no number of their own. */
export const defaultThreads = (): number => most;

/**
 * Sets the threads inside an operator of graphs that are compiled from now on without the option `threads`, and are not small: for
 * programs that compute in several processes or workers, whose threads would get in each other's way.
 *
 * @param threads an integer >= 1; undefined: all cores, the default
 * @throws OptionError for another number
 *
 * @example
 * setDefaultThreads(1);
 * setDefaultThreads(undefined);
 */
export function setDefaultThreads(threads: number | undefined): void {
  if (threads !== undefined) requireThreads("setDefaultThreads", threads);
  most = threads ?? 0;
}

export function requireThreads(what: string, threads: number): void {
  if (Number.isInteger(threads) && threads >= 1) return;
  throw new OptionError(`${what} must be an integer >= 1; got ${threads}.`);
}
