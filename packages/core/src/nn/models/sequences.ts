import { ShapeError } from "../../errors.js";
import { formatType, type Tensor } from "../../graph/tensor.js";

/**
 * Throws unless x are the sequences that a model takes.
 *
 * @param inputs numbers of an element
 * @param tokens different tokens, if elements are such, else 0
 * @throws ShapeError
 */
export function requireSequences(
  op: string,
  x: Tensor,
  { inputs, tokens }: { readonly inputs: number; readonly tokens: number },
): void {
  const fits = tokens > 0 ? x.rank === 2 && x.dtype === "int64" : x.rank === 3 && x.shape[2] === inputs;
  if (fits) return;
  const expected = tokens > 0 ? "int64 tokens [batch, length]" : `sequences [batch, length, ${inputs}]`;
  throw new ShapeError(`${op}: takes ${expected}; got ${formatType(x)}.`);
}
