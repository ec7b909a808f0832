import { dtypeOf, isNdArray, type NdArray } from "./array.js";
import { OptionError } from "./errors.js";
import { type Flat, flatten, leavesAt, objectOf } from "./tree.js";

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
  return objectOf(paths, leaves, (leaf) => leaf);
}

/**
 * As {@link namedArrays}, for many trees of the structure of one example: the names are found once.
 *
 * @returns a function of such a tree; arrays that it lacks are undefined
 */
export function namedLike({
  paths,
  def,
}: Pick<Flat<unknown>, "paths" | "def">): <A = NdArray>(tree: unknown) => Record<string, A> {
  return <A>(tree: unknown) => {
    const leaves = leavesAt<A>(def, tree);
    const values: Record<string, A> = {};
    for (let i = 0; i < paths.length; i++) values[paths[i]] = leaves[i];
    return values;
  };
}

/**
 * The type of a tree's arrays, which all have one: that of the first.
 *
 * @throws OptionError for a tree without arrays
 */
export function floatTypeOf(owner: string, tree: unknown): "float32" | "float64" {
  const [first] = flatten<NdArray>(tree, isNdArray).leaves;
  if (first === undefined) {
    throw new OptionError(`${owner}: parameters must be a tree of at least one array; got none.`);
  }
  return dtypeOf(first) as "float32" | "float64";
}
