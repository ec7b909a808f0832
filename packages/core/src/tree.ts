import { dtypeOf, isNdArray, type NdArray } from "./array.js";
import { describeValue, OptionError, ShapeError } from "./errors.js";

/**
 * A tree: nested plain objects and arrays with leaves of type `L`. Parameters, optimizer states and batches are trees.
 * The order of leaves is the order of keys as written.
 */
export type Tree<L> = L | readonly Tree<L>[] | { readonly [key: string]: Tree<L> };

/** The tree type `T` with its leaves of type `From` replaced by `To`. */
export type MapLeaves<T, From, To> = T extends From
  ? To
  : T extends object
    ? { [K in keyof T]: MapLeaves<T[K], From, To> }
    : T;

/** How to rebuild a tree from its leaves. */
export type TreeDef =
  | { readonly kind: "leaf" }
  | { readonly kind: "array"; readonly items: readonly TreeDef[] }
  | { readonly kind: "object"; readonly keys: readonly string[]; readonly items: readonly TreeDef[] };

export interface Flat<L> {
  readonly leaves: L[];
  /** Dotted path of each leaf, such as `layers.0.weight`; the empty string for a bare leaf. */
  readonly paths: string[];
  readonly def: TreeDef;
}

/** The leaves of a tree with their paths and the structure to rebuild it. */
export function flatten<L>(tree: unknown, isLeaf: (value: unknown) => value is L): Flat<L> {
  const leaves: L[] = [];
  const paths: string[] = [];
  const visit = (value: unknown, path: string): TreeDef => {
    if (isLeaf(value)) {
      leaves.push(value);
      paths.push(path);
      return { kind: "leaf" };
    }
    if (isNdArray(value)) throw misplaced(value, path, arrayHint);
    if (Array.isArray(value)) {
      return { kind: "array", items: value.map((v, i) => visit(v, path === "" ? `${i}` : `${path}.${i}`)) };
    }
    if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
      const keys = Object.keys(value);
      const items = keys.map((k) =>
        visit((value as Record<string, unknown>)[k], path === "" ? k : `${path}.${k}`),
      );
      return { kind: "object", keys, items };
    }
    throw misplaced(value, path, hintFor(value));
  };
  const def = visit(tree, "");
  return { leaves, paths, def };
}

const arrayHint =
  " Tensors are needed here: call this in a traced function, as in jit(f, [x]), with arrays as arguments.";

function hintFor(value: unknown): string {
  if (typeof value === "number") return ` Write array(${value}).`;
  if (value === undefined) return " Is an argument or an entry missing?";
  if (ArrayBuffer.isView(value)) return " Write ndarray(data, shape).";
  if (value instanceof Promise) return " Await it first.";
  if (describeValue(value).startsWith("a tensor")) {
    return " Arrays are needed here: a tensor has no values outside the traced function.";
  }
  return "";
}

const misplaced = (value: unknown, path: string, hint: string): ShapeError =>
  new ShapeError(
    `A tree holds arrays, plain objects and tensors; ${path === "" ? "" : `at "${path}" `}found ${found(value)}.${hint}`,
  );

const found = (value: unknown): string =>
  typeof value === "number" || typeof value === "string"
    ? `${typeof value} ${JSON.stringify(value)?.slice(0, 60)}`
    : describeValue(value);

/** An object with a value for each key. Several times as fast as `Object.fromEntries`, which keeps "__proto__" an ordinary key. */
function objectOf<K extends string, T, R>(
  keys: readonly K[],
  items: ArrayLike<T>,
  make: (item: T) => R,
): Record<K, R> {
  const made = {} as Record<K, R>;
  if ((keys as readonly string[]).includes("__proto__")) {
    return Object.fromEntries(keys.map((key, i) => [key, make(items[i])])) as typeof made;
  }
  for (let i = 0; i < keys.length; i++) made[keys[i]] = make(items[i]);
  return made;
}

/** Rebuilds a tree from leaves in {@link flatten} order. */
export function unflatten<L>(def: TreeDef, leaves: readonly L[]): unknown {
  let at = 0;
  const build = (d: TreeDef): unknown => {
    switch (d.kind) {
      case "leaf":
        return leaves[at++];
      case "array":
        return d.items.map(build);
      case "object":
        return objectOf(d.keys, d.items, build);
    }
  };
  return build(def);
}

/** Rebuilds a tree from its leaves by path, among which there may be others. */
export const unflattenNamed = <T>(
  { paths, def }: Pick<Flat<unknown>, "paths" | "def">,
  leaves: Readonly<Record<string, unknown>>,
): T =>
  unflatten(
    def,
    paths.map((path) => leaves[path]),
  ) as T;

/**
 * The leaves of a tree in the order of the given paths, whatever the order of its keys.
 *
 * @param what begins the message, such as `vjp: cotangents`
 * @throws ShapeError unless the tree has these leaves and no others
 */
export function leavesByPath<L>(
  paths: readonly string[],
  tree: unknown,
  isLeaf: (value: unknown) => value is L,
  what: string,
): L[] {
  const given = flatten(tree, isLeaf);
  if (given.paths.length === paths.length && given.paths.every((path, k) => path === paths[k])) {
    return given.leaves;
  }
  const places = paths.map((path) => given.paths.indexOf(path));
  if (given.paths.length === paths.length && !places.includes(-1)) {
    return places.map((place) => given.leaves[place]);
  }
  throw new ShapeError(`${what} must have the entries ${listed(paths)}; got ${listed(given.paths)}.`);
}

const listed = (paths: readonly string[]): string =>
  paths.map((path) => path || "a single tensor").join(", ") || "none";

/**
 * The leaves of a tree in the order of a structure, whatever the order of its keys; undefined for a missing
 * leaf. Faster than {@link flatten}, which also builds paths.
 */
export function leavesAt<L>(def: TreeDef, tree: unknown): L[] {
  const leaves: L[] = [];
  const visit = (d: TreeDef, value: unknown): void => {
    if (d.kind === "leaf") {
      leaves.push(value as L);
      return;
    }
    for (let i = 0; i < d.items.length; i++) {
      const key = d.kind === "array" ? i : d.keys[i];
      visit(d.items[i], (value as Record<string | number, unknown> | undefined)?.[key]);
    }
  };
  visit(def, tree);
  return leaves;
}

/**
 * The leaves of a tree that has this structure, in its order and whatever the order of keys; undefined for any other
 * tree. Faster than {@link flatten}, for trees that come again and again.
 */
export function leavesIfLike<L>(
  def: TreeDef,
  tree: unknown,
  isLeaf: (value: unknown) => value is L,
): L[] | undefined {
  const leaves: L[] = [];
  const visit = (d: TreeDef, value: unknown): boolean => {
    if (d.kind === "leaf") return isLeaf(value) && leaves.push(value) > 0;
    if (typeof value !== "object" || value === null || isLeaf(value)) return false;
    if (d.kind === "array") {
      if (!Array.isArray(value) || value.length !== d.items.length) return false;
      for (let i = 0; i < d.items.length; i++) if (!visit(d.items[i], value[i])) return false;
      return true;
    }
    if (Object.getPrototypeOf(value) !== Object.prototype) return false;
    if (Object.keys(value).length !== d.keys.length) return false;
    for (let i = 0; i < d.keys.length; i++) {
      const key = d.keys[i];
      if (!Object.hasOwn(value, key)) return false;
      if (!visit(d.items[i], (value as Record<string, unknown>)[key])) return false;
    }
    return true;
  };
  return visit(def, tree) ? leaves : undefined;
}

/** An entry of an object by its name; a name such as "constructor" finds nothing that every object has. */
export const ownEntry = <T>(values: Readonly<Record<string, T>>, name: string): T | undefined =>
  Object.hasOwn(values, name) ? values[name] : undefined;

/** A list with other entries at some places. */
export function replaced<T>(list: readonly T[], places: readonly number[], entries: readonly T[]): T[] {
  const out = [...list];
  places.forEach((place, i) => {
    out[place] = entries[i];
  });
  return out;
}

/** An object with another value for each entry. */
export function mapValues<T, R>(
  record: Readonly<Record<string, T>>,
  f: (value: T, name: string) => R,
): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, f(value, name)]));
}

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
