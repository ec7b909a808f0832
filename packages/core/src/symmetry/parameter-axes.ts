import { isNdArray, type NdArray, type Shape, sizeOf } from "../array.js";
import { OptionError } from "../errors.js";
import { add } from "../graph/ops/arithmetic.js";
import { fillLike } from "../graph/ops/leaf.js";
import { reshape } from "../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../graph/tensor.js";
import { groupBy } from "../group-by.js";
import { flatten, unflatten } from "../tree.js";
import { placed, taken } from "./discovery/cuts.js";
import {
  type Cut,
  cutsOf,
  lengthOf,
  type ParameterAxis,
  partShape,
  placeIn,
} from "./discovery/descriptors.js";

/** Axes by the path of their parameter. */
export const byPath = <L extends ParameterAxis>(axes: readonly L[]): AxesByPath<L> =>
  groupBy(axes, ({ path }) => path);

/** A parameter axis with the index of its generator, which is also the index of its block of T. */
type Numbered<A> = A & { readonly block: number };

/** The axes of generators by the path of their parameter. */
export const axesOf = <A extends ParameterAxis>(
  generators: readonly { readonly axes: readonly A[] }[],
): AxesByPath<Numbered<A>> =>
  byPath(generators.flatMap(({ axes }, block) => axes.map((own) => ({ ...own, block }))));

/** Parameters with the arrays at some paths replaced; the others are the same arrays. */
export const mapArrays = <P>(params: P, f: (array: NdArray, path: string) => NdArray): P =>
  mapLeaves(params, isNdArray, f);

/** Parameters with the tensors changed by a function of tensor and path. Traced. */
export const mapTensors = <P>(params: P, f: (tensor: Tensor, path: string) => Tensor): P =>
  mapLeaves(params, isTensor, f);

/** Axes of a symmetry by the path of their parameter. */
type AxesByPath<A> = ReadonlyMap<string, readonly A[]>;

/**
 * Parameters with each tensor changed by a function of it and of its axes, of which it may have none. Traced.
 *
 * @throws OptionError for axes of a parameter that is not there
 */
export const mapTensorsAlong = <P, A>(
  params: P,
  axes: AxesByPath<A>,
  f: (tensor: Tensor, own: readonly A[]) => Tensor,
): P => mapLeaves(params, isTensor, (tensor, path) => f(tensor, axes.get(path) ?? []), axes);

function mapLeaves<P, L>(
  params: P,
  isLeaf: (value: unknown) => value is L,
  f: (leaf: L, path: string) => L,
  axes: AxesByPath<unknown> = new Map(),
): P {
  const { leaves, paths, def } = flatten<L>(params, isLeaf);
  for (const path of axes.keys()) requirePath(path, paths);
  return unflatten(
    def,
    leaves.map((leaf, i) => f(leaf, paths[i])),
  ) as P;
}

/** @throws OptionError for a symmetry of a parameter that is none of those at the paths */
export function requirePath(path: string, paths: readonly string[]): void {
  if (paths.includes(path)) return;
  throw new OptionError(`The symmetries are of other parameters: "${path}" is none of ${paths.join(", ")}.`);
}

/** The sum of tensors of the shape of `like`; zeros for an empty list. */
export const sumLike = (terms: readonly Tensor[], like: Tensor): Tensor =>
  terms.length === 0 ? fillLike(like, 0) : terms.reduce(add);

/** Rates of change of all parameters, of which each has the sum over its axes. Traced. */
export const ratesAlong = <P, A>(
  params: P,
  axes: AxesByPath<A>,
  rate: (tensor: Tensor, parameterAxis: A) => Tensor,
): P =>
  mapTensorsAlong(params, axes, (w, own) =>
    sumLike(
      own.map((parameterAxis) => rate(w, parameterAxis)),
      w,
    ),
  );

/** Where the elements that a parameter axis covers are: runs of equal length, at equal distances. */
function runsOf({ shape }: Pick<NdArray, "shape">, { part }: ParameterAxis) {
  const cuts = cutsOf(part);
  if (cuts.length === 0) return { count: 1, length: sizeOf(shape), startOf: () => 0 };
  const cutAt = shape.map(
    (count, d): Omit<Cut, "axis"> => cuts.find(({ axis }) => axis === d) ?? { start: 0, count },
  );
  const strideOf = (d: number) => sizeOf(shape.slice(d + 1));
  const last = Math.max(...cuts.map(({ axis }) => axis));
  const { start, count, period = count, times = 1 } = cutAt[last];
  return {
    count: sizeOf(cutAt.slice(0, last).map(lengthOf)) * times,
    length: count * strideOf(last),
    startOf(r: number) {
      let [place, rest] = [(start + (r % times) * period) * strideOf(last), Math.floor(r / times)];
      for (let d = last - 1; d >= 0; d--) {
        place += placeIn(cutAt[d], rest % lengthOf(cutAt[d])) * strideOf(d);
        rest = Math.floor(rest / lengthOf(cutAt[d]));
      }
      return place;
    },
  };
}

/**
 * Symmetries of parameters of other shapes, such as before units were removed, would act on wrong elements.
 *
 * @throws OptionError unless an array or tensor has the elements of the axis's view
 */
export function requireView(array: Pick<NdArray, "shape">, parameterAxis: ParameterAxis): void {
  const { path, part, view } = parameterAxis;
  const { shape } = array;
  const { count, length } = runsOf(array, parameterAxis);
  const isInside = cutsOf(part).every((cut) => placeIn(cut, lengthOf(cut) - 1) < shape[cut.axis]);
  if (isInside && count * length === sizeOf(view)) return;
  throw new OptionError(
    `The symmetries are of other parameters: "${path}" has the shape [${shape.join(", ")}], which is not that of which they were found. Find those of these parameters by symmetriesOf.`,
  );
}

/**
 * A copy of the elements that a parameter axis covers, in the shape of the axis's view, in float64.
 *
 * @throws OptionError for an array of another size
 */
export function elementsAlong(array: NdArray, parameterAxis: ParameterAxis): Float64Array {
  const { count, length, startOf } = runsOf(array, parameterAxis);
  requireView(array, parameterAxis);
  const data = array.data as Float64Array;
  const picked = new Float64Array(count * length);
  for (let r = 0; r < count; r++) picked.set(data.subarray(startOf(r), startOf(r) + length), r * length);
  return picked;
}

/**
 * Changes the elements that a parameter axis covers: `f` gets them in the shape of the axis's view, in
 * float64, and returns new ones. The rest of the array stays.
 *
 * @throws OptionError for an array of another size
 */
export function changeAlong(
  array: NdArray,
  parameterAxis: ParameterAxis,
  f: (data: Float64Array) => Float64Array,
): NdArray {
  const changed = f(elementsAlong(array, parameterAxis));
  if (parameterAxis.part === undefined) {
    // The function's own array, without a copy.
    if (array.data instanceof Float64Array) return { shape: array.shape, data: changed };
    const whole = array.data.slice();
    (whole as Float32Array).set(changed);
    return { shape: array.shape, data: whole };
  }
  const { count, length, startOf } = runsOf(array, parameterAxis);
  const data = array.data.slice() as Float64Array;
  for (let r = 0; r < count; r++) data.set(changed.subarray(r * length, (r + 1) * length), startOf(r));
  return { shape: array.shape, data };
}

/**
 * The rate of change of a tensor, nonzero only in the part that a parameter axis covers: `f` maps its view.
 * Traced.
 */
export function rateAlongAxis(w: Tensor, parameterAxis: ParameterAxis, f: (view: Tensor) => Tensor): Tensor {
  const rate = f(viewAlong(w, parameterAxis));
  if (parameterAxis.part === undefined) return reshape(rate, w.shape);
  return placed(reshape(rate, partShape(w.shape, parameterAxis.part)), parameterAxis.part, w.shape);
}

/** The elements of a tensor that a parameter axis covers, in the shape of the axis's view. Traced. @throws OptionError for a tensor of another size */
export function viewAlong(w: Tensor, parameterAxis: ParameterAxis): Tensor {
  const { part, view } = parameterAxis;
  requireView(w, parameterAxis);
  if (part === undefined) return reshape(w, view);
  return reshape(taken(w, part), view);
}

/** The axes of a view that number the units, the copies first. */
export const unitAxes = ({ axis, copyAxes = [] }: ParameterAxis): readonly number[] => [...copyAxes, axis];

/** How many units a parameter axis has, those of all copies. */
export const unitCount = (parameterAxis: ParameterAxis): number =>
  sizeOf(unitAxes(parameterAxis).map((d) => parameterAxis.view[d]));

/** The number of the unit of each element of a parameter axis's view, row-major. */
export function unitsOf(parameterAxis: ParameterAxis): Int32Array {
  const { view } = parameterAxis;
  let stride = unitCount(parameterAxis);
  const [units, ...others] = unitAxes(parameterAxis).map((d) => {
    stride /= view[d];
    return indicesAlong(view, d, stride);
  });
  for (const own of others) for (let at = 0; at < units.length; at++) units[at] += own[at];
  return units;
}

/** The index along one axis times a factor, of each element of a view. */
function indicesAlong(view: Shape, d: number, factor: number): Int32Array {
  const indices = new Int32Array(sizeOf(view));
  const behind = sizeOf(view.slice(d + 1));
  let end = 0;
  for (let i = 0; i < view[d]; i++) {
    for (const next = end + behind; end < next; end++) indices[end] = i * factor;
  }
  // Copies of the rest, each as long as all before, take a quarter of the time of loops.
  for (; end < indices.length; end *= 2) indices.copyWithin(end, 0, end);
  return indices;
}
