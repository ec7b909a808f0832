import { isNdArray, type NdArray, type Shape, sizeOf } from "../../array.js";
import { OptionError, ShapeError } from "../../errors.js";
import { flatten, unflatten } from "../../tree.js";
import type { ParameterAxis, Part } from "../discovery/descriptors.js";

/** Hidden units, channels or heads, and all parameter axes that index them. */
export interface UnitSpace {
  /** Number of units. */
  readonly size: number;
  readonly axes: readonly ParameterAxis[];
}

/** Paths of the parameters that have an axis in one of the spaces. */
export const pathsOf = (spaces: readonly UnitSpace[]): readonly string[] => [
  ...new Set(spaces.flatMap(({ axes }) => axes.map(({ path }) => path))),
];

/**
 * A parameter axis with the index of its parameter among the leaves, as [outer, size, inner] elements in
 * row-major order.
 */
export interface ResolvedAxis {
  readonly leaf: number;
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  /** Positions of these elements in the parameter. */
  readonly places: Int32Array;
}

/** @throws OptionError for a path that does not exist; ShapeError for a part, a view or an axis that does not fit */
export function resolveAxes(
  owner: string,
  params: unknown,
  spaces: readonly UnitSpace[],
): readonly (readonly ResolvedAxis[])[] {
  const { leaves, paths } = flatten<NdArray>(params, isNdArray);
  if (spaces.length === 0) throw new OptionError(`${owner}: needs at least one space of units; got none.`);
  return spaces.map(({ size, axes }) => {
    if (!Number.isInteger(size) || size < 1) {
      throw new OptionError(`${owner}: the size of a space must be an integer >= 1; got ${size}.`);
    }
    return axes.map(({ path, part, view, axis }) => {
      const leaf = paths.indexOf(path);
      if (leaf < 0) {
        throw new OptionError(
          `${owner}: there is no parameter "${path}"; the parameters are ${paths.join(", ")}.`,
        );
      }
      const { shape } = leaves[leaf];
      const places = placesOf(shape, part);
      // A single number acts on all of a parameter, whatever its axes.
      if (size === 1) return { leaf, outer: 1, size, inner: places.length, places };
      if (sizeOf(view) !== places.length) {
        throw new ShapeError(
          `${owner}: ${places.length} elements of "${path}" [${shape.join(", ")}] cannot be viewed as [${view.join(", ")}].`,
        );
      }
      if (view[axis] !== size) {
        throw new ShapeError(
          `${owner}: axis ${axis} of "${path}" as [${view.join(", ")}] must have the ${size} units of its space; it has ${view[axis]}.`,
        );
      }
      return { leaf, outer: sizeOf(view.slice(0, axis)), size, inner: sizeOf(view.slice(axis + 1)), places };
    });
  });
}

/** Positions of the elements of a part of an array, in row-major order. */
function placesOf(shape: Shape, part: Part = { axis: 0, start: 0, count: shape[0] ?? 1 }): Int32Array {
  const inner = sizeOf(shape.slice(part.axis + 1));
  const length = shape[part.axis] ?? 1;
  const block = part.count * inner;
  const outer = sizeOf(shape.slice(0, part.axis));
  return Int32Array.from(
    { length: outer * block },
    (_, i) => (Math.floor(i / block) * length + part.start) * inner + (i % block),
  );
}

/** A tree with some leaves replaced; a leaf stays the same array where `change` returns its argument. */
export function withLeaves<P>(tree: P, change: (data: NdArray["data"], leaf: number) => NdArray["data"]): P {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  const changed = leaves.map((array, i): NdArray => {
    const data = change(array.data, i);
    return data === array.data ? array : { shape: array.shape, data };
  });
  return unflatten(def, changed) as P;
}
