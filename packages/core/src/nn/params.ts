import { DTypeError, describeValue, isPlainObject } from "../errors.js";
import { isTensor } from "../graph/tensor.js";

/**
 * Throws unless `params` holds a layer's tensors: a name that the tree of parameters lacks gives undefined.
 *
 * @param names names of the required tensors
 * @throws DTypeError, which says what the layer takes
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
      "Does the tree of parameters have an entry of that name, and is it an argument of the traced function?",
  );
}
