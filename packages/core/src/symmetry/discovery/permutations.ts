import type { PermutationSpace } from "./descriptors.js";
import type { Layout } from "./layout.js";
import { groupBy, parameterAxisOf, parameterSlots } from "./parameter-axes.js";

/** Indices of the parameters whose values no operation, data or output distinguishes. */
export function findPermutations(layout: Layout): PermutationSpace[] {
  const free = parameterSlots(layout).filter(({ atom }) => !atom.fixed);
  return [...groupBy(free, ({ atom }) => atom)].map(([atom, slots]) => ({
    kind: "permutation",
    size: atom.size,
    axes: slots.map((slot) => parameterAxisOf(layout, slot)),
  }));
}
