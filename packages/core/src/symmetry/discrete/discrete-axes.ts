import { isNdArray, type NdArray, type Shape, sizeOf } from "../../array.js";
import { OptionError, ShapeError } from "../../errors.js";
import { constant } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat, slice } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
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

/** The numbers of each space's units, counted through all spaces, int64. Traced. */
export const unitNumbers = (spaces: readonly UnitSpace[]): Tensor[] =>
  spaces.map(({ size }, s) => {
    const first = firstUnit(spaces, s);
    return constant({
      shape: [size],
      data: BigInt64Array.from({ length: size }, (_, i) => BigInt(first + i)),
    });
  });

/** The number of a space's first unit, counted through all spaces. */
export const firstUnit = (spaces: readonly UnitSpace[], space: number): number =>
  spaces.slice(0, space).reduce((sum, { size }) => sum + size, 0);

/**
 * A parameter axis with the index of its parameter among the leaves, as [outer, size, inner] elements in
 * row-major order.
 */
export interface ResolvedAxis {
  readonly leaf: number;
  readonly outer: number;
  readonly size: number;
  readonly inner: number;
  /** Number of elements of `inner` that are adjacent in the parameter, from each multiple of it on. */
  readonly run: number;
  readonly block: Block;
}

/** Where the elements of a part of a parameter are: `count` of them from `start` on in every `stride` elements. */
interface Block {
  readonly start: number;
  readonly count: number;
  readonly stride: number;
  /** Number of elements per position along the axis that is cut. */
  readonly inner: number;
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
      const block = blockOf(shape, part);
      const count = (sizeOf(shape) / block.stride) * block.count || 0;
      // A single number acts on all of a parameter, whatever its axes.
      if (size === 1) return { leaf, outer: 1, size, inner: count, run: block.count, block };
      if (sizeOf(view) !== count) {
        throw new ShapeError(
          `${owner}: ${count} elements of "${path}" [${shape.join(", ")}] cannot be viewed as [${view.join(", ")}].`,
        );
      }
      if (view[axis] !== size) {
        throw new ShapeError(
          `${owner}: axis ${axis} of "${path}" as [${view.join(", ")}] must have the ${size} units of its space; it has ${view[axis]}.`,
        );
      }
      const inner = sizeOf(view.slice(axis + 1));
      return { leaf, outer: sizeOf(view.slice(0, axis)), size, inner, run: runOf(inner, block), block };
    });
  });
}

/** A part of an array; the whole array is a single block. */
function blockOf(shape: Shape, part: Part | undefined): Block {
  if (part === undefined) {
    const size = sizeOf(shape);
    return { start: 0, count: size, stride: size, inner: 1 };
  }
  const { axis, start, count, period = shape[axis] } = part;
  const inner = sizeOf(shape.slice(axis + 1));
  return { start: start * inner, count: count * inner, stride: period * inner, inner };
}

function runOf(inner: number, { count }: Block): number {
  if (count % inner === 0) return inner;
  return inner % count === 0 ? count : 1;
}

/** Position in the parameter of element number `index` of those that an axis covers. */
export function positionOf({ block: { start, count, stride } }: ResolvedAxis, index: number): number {
  return Math.floor(index / count) * stride + start + (index % count);
}

/**
 * Whether it shows in the strides of two axes of one parameter that their units are permuted independently:
 * they are in parts that do not meet, or along axes neither of which is that of the other or cuts the other's part.
 */
export function areApart(a: ResolvedAxis, b: ResolvedAxis): boolean {
  if (a.block.stride === b.block.stride && a.block.inner === b.block.inner) {
    const [first, second] = [a.block, b.block].sort((x, y) => x.start - y.start);
    if (first.start + first.count <= second.start) return true;
  }
  const [ofA, ofB] = [stridesOf(a), stridesOf(b)];
  if (!ofA || !ofB || !areDisjoint(ofA, ofB)) return false;
  return (isWhole(a) || areDisjoint(cutOf(a), ofB)) && (isWhole(b) || areDisjoint(cutOf(b), ofA));
}

/** From which stride in the parameter on, and below which, an index counts. */
type Strides = readonly [from: number, below: number];

const isWhole = ({ block: { count, stride } }: ResolvedAxis): boolean => count === stride;
const cutOf = ({ block: { inner, stride } }: ResolvedAxis): Strides => [inner, stride];
const isNested = ([, below]: Strides, [from]: Strides): boolean => from % below === 0;
const areDisjoint = (a: Strides, b: Strides): boolean => isNested(a, b) || isNested(b, a);

/** Strides of the units of an axis; undefined where they straddle the axis that is cut. */
function stridesOf(parameterAxis: ResolvedAxis): Strides | undefined {
  const { inner, size, block } = parameterAxis;
  const own: Strides = [inner, inner * size];
  if (isWhole(parameterAxis) || isNested(own, cutOf(parameterAxis))) return own;
  if (inner % block.count === 0) {
    const factor = block.stride / block.count;
    return [inner * factor, inner * size * factor];
  }
  return block.count % (inner * size) === 0 && inner % block.inner === 0 ? cutOf(parameterAxis) : undefined;
}

/** A tree changed along each axis of each space; a leaf stays the same array where `change` returns its argument. */
export function changedAlongAxes<P>(
  tree: P,
  axes: readonly (readonly ResolvedAxis[])[],
  change: (data: NdArray["data"], axis: ResolvedAxis, space: number) => NdArray["data"],
): P {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  const changed = leaves.map((array, i): NdArray => {
    let { data } = array;
    axes.forEach((ofSpace, space) => {
      for (const axis of ofSpace) if (axis.leaf === i) data = change(data, axis, space);
    });
    return data === array.data ? array : { shape: array.shape, data };
  });
  return unflatten(def, changed) as P;
}

/** As {@link changedAlongAxes}, of the elements that each axis of each space covers as [outer, size, inner]. Traced. */
export function withViews<P>(
  tree: P,
  axes: readonly (readonly ResolvedAxis[])[],
  change: (view: Tensor, space: number) => Tensor,
): P {
  const { leaves, def } = flatten<Tensor>(tree, isTensor);
  const changed = [...leaves];
  axes.forEach((ofSpace, space) => {
    for (const axis of ofSpace) {
      changed[axis.leaf] = changedView(changed[axis.leaf], axis, (view) => change(view, space));
    }
  });
  return unflatten(def, changed) as P;
}

function changedView(w: Tensor, axis: ResolvedAxis, f: (view: Tensor) => Tensor): Tensor {
  const { outer, size, inner, block } = axis;
  const { start, count, stride } = block;
  const rows = w.size / stride;
  const flat = reshape(w, [rows, stride]);
  const between = (from: number, to: number) => slice(flat, { starts: [0, from], ends: [rows, to] });
  const changed = reshape(f(reshape(between(start, start + count), [outer, size, inner])), [rows, count]);
  const rest = [between(0, start), between(start + count, stride)].map((part) =>
    part.size > 0 ? [part] : [],
  );
  return reshape(concat([...rest[0], changed, ...rest[1]], { axis: 1 }), w.shape);
}
