import type { Tensor } from "../../../graph/tensor.js";

/** A list with other tensors at some places. */
export function replaced(
  list: readonly Tensor[],
  places: readonly number[],
  others: readonly Tensor[],
): readonly Tensor[] {
  const out = [...list];
  places.forEach((place, i) => {
    out[place] = others[i];
  });
  return out;
}
