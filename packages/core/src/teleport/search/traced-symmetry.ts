import type { NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { isRefusal, type Refusal, type Symmetry } from "../../symmetry/symmetry.js";

/** A tree transformed along the actions of elements one after the other: see `Symmetry.pushForward`. */
export async function pushed<P>(
  symmetry: Symmetry<P>,
  tree: P,
  elements: readonly (readonly NdArray[])[],
  { power, start, batch }: { readonly power: 1 | 2; readonly start: P; readonly batch: Batch },
): Promise<P | Refusal> {
  let [along, from]: [P | Refusal, P | Refusal] = [tree, start];
  for (const T of elements) {
    along = (await symmetry.pushForward?.(along, T, power, from, batch)) ?? along;
    if (isRefusal(along) || T === elements[elements.length - 1]) return along;
    from = await symmetry.act(from, T, batch);
    if (isRefusal(from)) return from;
  }
  return along;
}
