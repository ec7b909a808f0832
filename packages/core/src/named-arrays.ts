import type { NdArray } from "./array.js";
import { isNdArray } from "./array.js";
import { flatten } from "./tree.js";

/**
 * The arrays of a tree by their dotted paths, which are also the input names of a traced graph.
 *
 * @throws ShapeError when the tree holds anything but arrays, plain objects and lists
 *
 * @example
 * namedArrays({ params: { weight, bias } }); // { "params.weight": weight, "params.bias": bias }
 */
export function namedArrays(tree: unknown): Record<string, NdArray> {
  const { leaves, paths } = flatten<NdArray>(tree, isNdArray);
  return Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
}
