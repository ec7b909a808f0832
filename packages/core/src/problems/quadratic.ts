import { array, isNdArray, type NdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { mul } from "../graph/ops/arithmetic.js";
import { constant } from "../graph/ops/leaf.js";
import { matmul } from "../graph/ops/matmul.js";
import { sum } from "../graph/ops/reduce.js";
import { reshape } from "../graph/ops/reshape.js";
import { anyOf, finite, inCode, listOf, type OptionsOf, optionTable } from "../options.js";
import { quadraticRotation, type VectorParams } from "../symmetry/rotation/quadratic-rotation.js";
import { type Problem, vector } from "./problem.js";

export interface QuadraticOptions extends OptionsOf<typeof quadraticOptions> {}

export const quadraticOptions = optionTable("quadratic", {
  /** A: symmetric, positive definite, [n, n]; default diag(1, 10). */
  matrix: anyOf(listOf(listOf(finite), { least: 2 }), inCode<NdArray>("an array [n, n]", isNdArray)).default([
    [1, 0],
    [0, 10],
  ]),
  /** n numbers; default (3, 0.5). */
  start: listOf(finite, { least: 2 }).default([3, 0.5]),
});

/**
 * A convex quadratic, L = 1/2 w' A w. Its level sets are orbits of the rotations g.w = A^-1/2 R A^1/2 w; the largest
 * ||grad L||^2 on {L = c} is 2 lambda_max c.
 *
 * @throws OptionError when the sizes differ, or A is not symmetric and positive definite
 *
 * @example
 * const problem = quadratic({ matrix: array([[1, 0], [0, 10]], "float64"), start: [3, 0.5] });
 */
export function quadratic(options: QuadraticOptions = {}): Problem<VectorParams> {
  const { matrix: given, start } = quadraticOptions.read(options);
  const matrix = isNdArray(given) ? given : array(given as number[][], "float64");
  const n = start.length;
  const symmetry = quadraticRotation(matrix);
  if (matrix.shape[0] !== n) {
    throw new OptionError(
      `quadratic: start needs ${matrix.shape[0]} numbers, one for each row of the matrix; got ${n}.`,
    );
  }
  return {
    name: "quadratic",
    loss: ({ w }) => {
      const row = reshape(w, [1, n]);
      return mul(0.5, sum(mul(matmul(row, constant(matrix, w.dtype)), row)));
    },
    start: vector(start),
    batch: {},
    optimum: { params: vector(start.map(() => 0)), value: 0 },
    symmetry: () => symmetry,
  };
}
