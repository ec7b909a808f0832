// The action on sums of squares through a diffeomorphism: Zhao et al., NeurIPS 2022 (arXiv 2205.10637).

import { isNdArray, type NdArray, type Shape } from "../../array.js";
import type { BatchSpec, BatchTensors } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { jvp, mapTree, vjp } from "../../graph/autodiff.js";
import { scan } from "../../graph/control/scan.js";
import { add, maximum, mul, neg, sub } from "../../graph/ops/arithmetic.js";
import { lessEqual, logicalAnd, where } from "../../graph/ops/compare.js";
import { sqrt, square } from "../../graph/ops/elementary.js";
import { identity } from "../../graph/ops/elimination.js";
import { fillLike } from "../../graph/ops/leaf.js";
import { sum } from "../../graph/ops/reduce.js";
import { splitVector, vectorOf } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { type TensorsOf, trace } from "../../graph/trace.js";
import { flatten, namedArrays, unflatten } from "../../tree.js";
import { defineSymmetry } from "../define-symmetry.js";
import type { Symmetry } from "../symmetry.js";
import { rotationGroup, rotationPlanes, skewTimes, tooFar, turned, unlessStill } from "./rotation.js";

/** Invertible residuals of a sum of squares, L = ||r(w)||^2. Traced. */
export interface ResidualMap<P, B extends BatchSpec = BatchSpec> {
  /** r: as many residuals as there are parameters, [n]. */
  residuals(params: TensorsOf<P>, batch: TensorsOf<B>): Tensor;
  /** r^-1: the parameters that have the given residuals. */
  inverse(u: Tensor, batch: TensorsOf<B>): TensorsOf<P>;
}

/** Largest distance of r^-1(r(w)) from w, and of r(r^-1(u)) from u, relative to their size. */
const tolerance = 1e-8;

/** The same of a traced action in float32, where it tells another branch of the inverse from rounding. */
const float32Tolerance = 1e-3;

/**
 * Rotations of the residuals of L = ||r(w)||^2 (or any function of ||r||):
 *
 * g.w = r^-1(R r(w)),  R = exp(S(T)) in SO(n)
 *
 * T holds the n (n - 1) / 2 upper entries of a skew matrix; for n = 2, one angle. Computed in float64. Where
 * `inverse` does not invert r, at this point or at the new one, the action is refused.
 *
 * @param map r and r^-1
 * @param example `params` and `batch`: their shapes count
 * @throws OptionError when there are not as many residuals as parameters, at least two, or the inverse
 *   returns a tree unlike the parameters
 *
 * @example
 * const map = { residuals: (w: Tensor) => sub(mul(2, w), 1), inverse: (r: Tensor) => mul(0.5, add(r, 1)) };
 * const symmetry = residualRotation(map, { params: array([1, 2], "float64"), batch: {} });
 */
export function residualRotation<P, B extends BatchSpec = BatchSpec>(
  map: ResidualMap<P, B>,
  example: { readonly params: P; readonly batch: B },
): Symmetry<P> {
  return rotationOf<P>(map as ResidualMap<P>, example);
}

function rotationOf<P>(
  map: ResidualMap<P>,
  { params, batch }: { readonly params: P; readonly batch: BatchSpec },
): Symmetry<P> {
  const { paths } = flatten<NdArray>(params, isNdArray);
  const n = checked(map, params, batch);
  const turnedAt = (
    p: TensorsOf<P>,
    [T]: readonly Tensor[],
    b: BatchTensors,
    most = tolerance,
  ): TensorsOf<P> => {
    const u = map.residuals(p, b);
    const rotated = turned(T, u);
    const moved = map.inverse(rotated, b);
    const isInverse = logicalAnd(
      isNear(map.inverse(u, b), p, most),
      isNear(map.residuals(moved, b), rotated, most),
    );
    return mapTree((to, w) => unlessStill(T, where(isInverse, to, Number.NaN), w), moved, p);
  };

  // Arrays are moved in float64, whatever their type.
  const symmetry = defineSymmetry<P>({
    name: "rotation of residuals",
    paths,
    exact: Object.keys(batch).length === 0 ? "everywhere" : "batch",
    algebra: [[rotationPlanes(n)]],
    bound: { kind: "norm", value: Math.PI },
    derivative(p, [T], b) {
      const u = map.residuals(p, b);
      return jvp((v: Tensor) => map.inverse(v, b), u, skewTimes(T, u))[1] as TensorsOf<P>;
    },
    trace: (p, T, b) => turnedAt(p, T, b),
    traceRefusal: `the inverse is not valid at this point: inverse(residuals(w)) is not w, or residuals(inverse(u)) is not u, to ${tolerance} of their size (float32: ${float32Tolerance})${n > 2 ? `; or ${tooFar}` : ""}`,
    ...rotationGroup(n),
    tracePushForward(tree, [T], power, p, b) {
      const back = (q: TensorsOf<P>) => map.inverse(turned(neg(T), map.residuals(q, b)), b);
      const push = vjp(back, turnedAt(p, [T], b))[1];
      return power === 1 ? push(tree) : throughSquares(tree, push);
    },
  });
  return {
    ...symmetry,
    trace(p, T, b) {
      const isDouble = flatten<Tensor>(p, isTensor).leaves[0].dtype === "float64";
      return turnedAt(p, T, b, isDouble ? tolerance : float32Tolerance);
    },
  };
}

/** The number of residuals; throws unless the map fits the parameters. */
function checked<P>(map: ResidualMap<P>, params: P, batch: BatchSpec): number {
  const shapesOf = (f: (p: TensorsOf<P>, b: BatchTensors) => unknown) =>
    trace(({ params: p, batch: b }) => f(p, b), { params, batch }).graph.outputs;
  const [{ tensor: u }] = shapesOf((p, b) => map.residuals(p, b));
  const inputs = namedArrays({ back: params });
  const count = Object.values(inputs).reduce((a, { data }) => a + data.length, 0);
  if (u.rank !== 1 || u.size !== count || count < 2) {
    throw new OptionError(
      `residualRotation: an invertible map has as many residuals as parameters, at least 2, in one axis; got ${count} parameters and residuals of shape [${u.shape.join(", ")}].`,
    );
  }
  const back = shapesOf((p, b) => ({ back: map.inverse(map.residuals(p, b), b) }));
  const formOf = (name: string, shape: Shape) => `${name.slice("back".length + 1)} [${shape.join(", ")}]`;
  const expected = Object.entries(inputs).map(([name, { shape }]) => formOf(name, shape));
  const got = back.map(({ name, tensor }) => formOf(name, tensor.shape));
  if (got.join() !== expected.join()) {
    throw new OptionError(
      `residualRotation: the inverse must return a tree like the parameters: ${expected.join(", ")}; got ${got.join(", ")}.`,
    );
  }
  return count;
}

/** Whether the distance of two trees, relative to the larger of their norms, is at most a number. Traced. */
function isNear(tree: unknown, other: unknown, most: number): Tensor {
  const [as, bs] = [tree, other].map((t) => flatten<Tensor>(t, isTensor).leaves);
  const total = (f: (a: Tensor, b: Tensor) => Tensor) => as.map((a, i) => sum(f(a, bs[i]))).reduce(add);
  const distance = total((a, b) => square(sub(a, b)));
  const size = total((a, b) => maximum(square(a), square(b)));
  return lessEqual(sqrt(distance), mul(most, sqrt(size)));
}

/**
 * (M o M) v for a linear map M of trees that is only known by its products: what becomes of squares of gradients,
 * were the gradients' elements independent. One product a parameter. Traced.
 */
function throughSquares<T>(tree: T, map: (g: T) => T): T {
  const { leaves, def } = flatten<Tensor>(tree, isTensor);
  const shapes = leaves.map(({ shape }) => shape);
  const treeOf = (vector: Tensor) => unflatten(def, splitVector(vector, shapes)) as T;
  const values = vectorOf(leaves);
  const [total] = scan(
    (sum: Tensor, [unit, value]: readonly Tensor[]) => {
      const column = vectorOf(flatten<Tensor>(map(treeOf(unit)), isTensor).leaves);
      return [add(sum, mul(value, square(column))), []];
    },
    fillLike(values, 0),
    [identity(values.size, values.dtype), values],
  );
  return treeOf(total);
}
