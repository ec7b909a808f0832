// The largest gradient on a convex quadratic's level set: Zhao et al., NeurIPS 2022, proposition 5.3.
import { astype, dtypeOf, type NdArray } from "../../array.js";
import { OptionError, ShapeError } from "../../errors.js";
import { dot } from "../../graph/autodiff.js";
import { add, cast, div, mul, sub } from "../../graph/ops/arithmetic.js";
import { greater, lessEqual, where } from "../../graph/ops/compare.js";
import { sqrt, square } from "../../graph/ops/elementary.js";
import { constant } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { sum } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import type { Tensor } from "../../graph/tensor.js";
import { type Matrix, product, times, transposed } from "../../symmetry/matrix.js";
import {
  type PositiveForm,
  positiveForm,
  type VectorParams,
} from "../../symmetry/rotation/quadratic-rotation.js";
import { jumpProgram } from "./jump.js";
import type { SearchFactory } from "./search.js";

/**
 * The point of a quadratic's level set where ||grad L|| is largest, in one jump. For
 *
 * L = 1/2 (w - w*)' A (w - w*) + const,
 *
 * ||grad L||^2 is at most 2 lambda_max (L - const), at w* +- sqrt(2 (L - const) / lambda_max) v with the eigenvector v
 * of lambda_max; the nearer of the two is taken. From there gradient descent stays on the line to w*.
 *
 * @param matrix A, symmetric and positive definite, [n, n]
 * @param options `center`: w*, default 0
 * @throws OptionError when the matrix is not positive definite or the center does not fit; NumericalError when the
 *   matrix is not symmetric
 *
 * @example
 * const search = quadraticOptimum(array([[10, 8], [8, 10]], "float64"), { center: [1, 3] });
 * const teleporter = await createTeleporter({ search, loss, params, batch: {} });
 */
export function quadraticOptimum(
  matrix: NdArray,
  { center }: { readonly center?: readonly number[] | undefined } = {},
): SearchFactory<VectorParams> {
  const form = positiveForm(matrix, "quadraticOptimum");
  if (center !== undefined && !(center.length === form.n && center.every(Number.isFinite))) {
    throw new OptionError(
      `quadraticOptimum: center must be ${form.n} finite numbers; got [${center.join(", ")}].`,
    );
  }
  const middle = Float64Array.from(center ?? new Float64Array(form.n));
  const name = "optimum of a quadratic";
  const like = ({ w }: VectorParams, data: Float64Array): VectorParams => ({
    w: astype({ shape: w.shape, data }, dtypeOf(w)),
  });
  const fromCenter = ({ w }: VectorParams): Float64Array => {
    if (w.data.length !== form.n) {
      throw new ShapeError(
        `quadraticOptimum: w must hold ${form.n} numbers, one for each row of the matrix; got shape [${w.shape.join(", ")}].`,
      );
    }
    return Float64Array.from(w.data as Float64Array, (v, i) => v - middle[i]);
  };
  const at = (params: VectorParams, offset: Float64Array) =>
    like(
      params,
      offset.map((v, i) => v + middle[i]),
    );
  const pushedBy =
    (from: Float64Array, to: Float64Array) =>
    async (tree: VectorParams, power: 1 | 2): Promise<VectorParams> => {
      const { shape, data } = cotangentMap(form, from, to);
      const map = { shape, data: power === 1 ? data : data.map((v) => v * v) };
      return like(tree, times(map, tree.w.data as Float64Array));
    };
  return async (problem) => {
    fromCenter(problem.params);
    const { run, tracedWalk, dispose } = await jumpProgram<VectorParams, object>(problem, {
      given: {},
      push: "host",
      reasons: ["the point is the optimum"],
      target({ w: given }) {
        const w = cast(given, "float64");
        const from = sub(w, reshape(constant({ shape: [form.n], data: middle }), w.shape));
        const moved = sub(tracedSteepest(form, from), from);
        const [distance, size] = [moved, from].map((v) => sqrt(dot([v], [v])));
        const isThere = lessEqual(distance, mul(1e-12, size));
        return {
          to: { w: cast(add(w, moved), problem.dtype) },
          stop: where(isThere, constant(1, problem.dtype), 0),
        };
      },
      pushForward:
        ({ start }) =>
        (tree, power) => {
          const from = fromCenter(start);
          return pushedBy(from, steepest(form, from))(tree, power);
        },
    });
    return {
      name,
      exact: "everywhere",
      claim: {
        name,
        move: async (params) => at(params, steepest(form, fromCenter(params))),
      },
      steps: 1,
      races: true,
      run,
      tracedWalk,
      dispose,
    };
  };
}

/** The places of the largest eigenvalue: a repeated one has a whole space of eigenvectors. */
const topOf = ({ n, values }: PositiveForm): number[] =>
  [...values.keys()].filter((k) => values[k] >= values[n - 1] * (1 - 1e-12));

/** As {@link steepest}. Traced. */
function tracedSteepest(form: PositiveForm, from: Tensor): Tensor {
  const { n, values, vectors } = form;
  const top = topOf(form);
  const list = (data: (k: number) => number) =>
    constant({ shape: [n], data: Float64Array.from({ length: n }, (_, k) => data(k)) });
  const times = (m: Matrix, x: Tensor) => reshape(matmul(constant(m), reshape(x, [n, 1])), [n]);
  const coordinates = times(transposed(vectors), from);
  const kept = mul(
    coordinates,
    list((k) => (top.includes(k) ? 1 : 0)),
  );
  const along = sqrt(dot([kept], [kept]));
  const ratios = list((k) => values[k] / values[n - 1]);
  const radius = sqrt(sum(mul(ratios, square(coordinates))));
  const hasPart = greater(along, 0);
  const shares = where(
    hasPart,
    mul(div(radius, where(hasPart, along, 1)), kept),
    mul(
      radius,
      list((k) => (k === n - 1 ? 1 : 0)),
    ),
  );
  return reshape(times(vectors, shares), from.shape);
}

/** The nearer end of the shortest axis of a point's level set: its projection on the top eigenvectors, lengthened. */
function steepest(form: PositiveForm, from: Float64Array): Float64Array {
  const { n, values, vectors } = form;
  const largest = values[n - 1];
  const coordinates = times(transposed(vectors), from);
  const top = topOf(form);
  const along = Math.hypot(...top.map((k) => coordinates[k]));
  const radius = Math.sqrt(coordinates.reduce((sum, c, k) => sum + (values[k] / largest) * c * c, 0));
  const shares = new Float64Array(n);
  if (along > 0) for (const k of top) shares[k] = (radius * coordinates[k]) / along;
  else shares[n - 1] = radius;
  return times(vectors, shares);
}

/**
 * J^-T = A^1/2 R A^-1/2 of the action by the smallest rotation R that takes A^1/2 `from` to A^1/2 `to`:
 * R = I + K + K^2 / (1 + a'b), K = b a' - a b', for the unit vectors a, b along them.
 */
function cotangentMap({ n, root, rootInverse }: PositiveForm, from: Float64Array, to: Float64Array): Matrix {
  const unit = (v: Float64Array): Float64Array => {
    const turned = times(root, v);
    const length = Math.hypot(...turned) || 1;
    return turned.map((x) => x / length);
  };
  const [a, b] = [unit(from), unit(to)];
  const K = { shape: [n, n], data: new Float64Array(n * n) };
  for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) K.data[i * n + j] = b[i] * a[j] - a[i] * b[j];
  const cosine = a.reduce((sum, x, i) => sum + x * b[i], 0);
  const square = product(K, K).data;
  const R = K.data.map((v, i) => (i % (n + 1) === 0 ? 1 : 0) + v + square[i] / (1 + cosine));
  return product(root, product({ shape: [n, n], data: R }, rootInverse));
}
