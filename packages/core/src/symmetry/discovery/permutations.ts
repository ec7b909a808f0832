import type { PermutationSpace } from "./descriptors.js";
import type { Layout } from "./layout.js";
import { groupBy, parameterAxisOf, parameterSlots } from "./parameter-axes.js";

/** Indices of the parameters that no operation, datum or output tells apart. */
export function findPermutations(layout: Layout): PermutationSpace[] {
  const free = parameterSlots(layout).filter(({ atom }) => !atom.fixed);
  return [...groupBy(free, ({ atom }) => atom)].map(([atom, slots]) => ({
    kind: "permutation",
    size: atom.size,
    axes: slots.map((slot) => parameterAxisOf(layout, slot)),
  }));
}
