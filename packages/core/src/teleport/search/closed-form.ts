// The largest gradient on a convex quadratic's level set: Zhao et al., NeurIPS 2022, proposition 5.3.
import { astype, dtypeOf, type NdArray } from "../../array.js";
import { OptionError, ShapeError } from "../../errors.js";
import { type Matrix, product, times } from "../../symmetry/matrix.js";
import { type PositiveForm, positiveForm } from "../../symmetry/quadratic-rotation.js";
import type { SearchFactory } from "./search.js";
import { singleProposal } from "./single-proposal.js";

/** Parameters of a function of R^n. */
type Vector = { readonly w: NdArray };

/**
 * The point of a quadratic's level set where ||grad L|| is largest, in one jump. For
 *
 * L = 1/2 (w - w*)' A (w - w*) + const,
 *
 * ||grad L||^2 on {L = c} is at most 2 lambda_max c, at w* +- sqrt(2 c / lambda_max) v with the eigenvector v of
 * lambda_max; of the two the nearer one is taken. From there on gradient descent stays on the line to w*.
 *
 * @param matrix A, symmetric and positive definite, [n, n]
 * @param options `centre`: w*, default 0
 * @throws OptionError when the matrix is not positive definite or the centre does not fit; NumericalError when the
 *   matrix is not symmetric
 *
 * @example
 * const search = quadraticOptimum(array([[10, 8], [8, 10]], "float64"), { centre: [1, 3] });
 * const teleporter = await createTeleporter({ search, loss, params, batch: {} });
 */
export function quadraticOptimum(
  matrix: NdArray,
  { centre }: { readonly centre?: readonly number[] } = {},
): SearchFactory<Vector> {
  const form = positiveForm(matrix, "quadraticOptimum");
  if (centre !== undefined && centre.length !== form.n) {
    throw new OptionError(`quadraticOptimum: centre needs ${form.n} numbers; got ${centre.length}.`);
  }
  const middle = Float64Array.from(centre ?? new Float64Array(form.n));
  return async () => ({
    name: "optimum of a quadratic",
    exact: "everywhere",
    steps: 1,
    walk: async ({ w }) => {
      if (w.data.length !== form.n) {
        throw new ShapeError(
          `quadraticOptimum: w must hold ${form.n} numbers; got shape [${w.shape.join(", ")}].`,
        );
      }
      const from = Float64Array.from(w.data as Float64Array, (v, i) => v - middle[i]);
      const to = largestGradient(form, from);
      const like = (data: Float64Array) => ({ w: astype({ shape: w.shape, data }, dtypeOf(w)) });
      return singleProposal<Vector>({
        at: async () => like(to.map((v, i) => v + middle[i])),
        async pushForward(tree, power) {
          const map = carry(form, from, to);
          const data = power === 1 ? map.data : map.data.map((v) => v * v);
          return like(times({ shape: map.shape, data }, tree.w.data as Float64Array));
        },
      });
    },
    dispose: async () => {},
  });
}

/** The nearer end of the level set's shortest axis, through a point; 0 stays 0. */
function largestGradient({ n, values, vectors }: PositiveForm, from: Float64Array): Float64Array {
  const largest = values[n - 1];
  const coordinates = times({ shape: [n, n], data: transposedData(vectors) }, from);
  // A repeated eigenvalue has a whole space of eigenvectors, of which the nearest is the projection.
  const top = Array.from(values.keys()).filter((k) => values[k] >= largest * (1 - 1e-12));
  const twiceLevel = coordinates.reduce((sum, c, k) => sum + values[k] * c * c, 0);
  const along = Math.hypot(...top.map((k) => coordinates[k]));
  const radius = Math.sqrt(twiceLevel / largest);
  const to = new Float64Array(n);
  top.forEach((k, i) => {
    const share = along > 0 ? coordinates[k] / along : i === 0 ? 1 : 0;
    for (let j = 0; j < n; j++) to[j] += radius * share * vectors.data[j * n + k];
  });
  return to;
}
