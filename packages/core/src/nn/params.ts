import { describeValue, isPlainObject } from "../describe.js";
import { DTypeError } from "../errors.js";
import { isTensor } from "../graph/tensor.js";

/**
 * Refuses what is not a layer's parameters: a name that the tree of parameters does not have gives undefined.
 *
 * @param names of the tensors that there must be
 * @throws DTypeError with what the layer takes
 */
export function requireParams(op: string, params: unknown, names: readonly string[]): void {
  const given = isPlainObject(params) ? (params as Readonly<Record<string, unknown>>) : {};
  const missing = names.find((name) => !isTensor(given[name]));
  if (missing === undefined) return;
  const got = isPlainObject(params)
    ? `${missing} is ${describeValue(given[missing])}`
    : `got ${describeValue(params)}`;
  throw new DTypeError(
    `${op} takes parameters { ${names.join(", ")} } of traced tensors; ${got}. ` +
      "Has the tree of parameters an entry of that name, and is it an argument of the traced function?",
  );
}
