import type { NdArray } from "../array.js";
import type { BatchTensors } from "../batch.js";
import { mul, sub } from "../graph/ops/arithmetic.js";
import { square } from "../graph/ops/elementary.js";
import { matmul } from "../graph/ops/matmul.js";
import { mean } from "../graph/ops/reduce.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { createRng, type Rng } from "../math/rng.js";
import { integerFrom, nonNegative, number, type OptionsOf, optionTable, positive } from "../options.js";
import { generalLinear } from "../symmetry/general-linear.js";
import { symmetriesOf } from "../symmetry/symmetries-of.js";
import type { Problem } from "./problem.js";

export interface MatrixFactorizationOptions extends OptionsOf<typeof matrixFactorizationOptions> {}

export const matrixFactorizationOptions = optionTable("matrixFactorization", {
  /** Seed of the matrix and the start; default 0. */
  seed: number({ integer: true }).default(0),
  /** m; default 200. */
  rows: integerFrom(1).default(200),
  /** n; default 200. */
  columns: integerFrom(1).default(200),
  /** r; default 10. */
  rank: integerFrom(1).default(10),
  /** Standard deviation of what is added to the matrix of rank r; default 0.01. */
  noise: nonNegative.default(0.01),
  /** Ratio of the largest to the least scale of A's columns, which are a geometric series; default 1. */
  condition: number({ min: 1 }).default(1),
  /** At the start V is multiplied by it and U divided; default 1, which is balanced. */
  imbalance: positive.default(1),
});

export interface Factors {
  readonly u: NdArray;
  readonly v: NdArray;
}

/**
 * A matrix as a product of two of rank r:
 *
 * L = 1/2 sum_ij (Y - U V)_ij^2 / sqrt(m n),  Y = A B + noise
 *
 * The numbers of A [m, r] and B [r, n] are normal, such that those of A B have variance 1 where the condition is 1; U and V start
 * as a tenth of normal ones. U g^-1 and g V give the same product for every g of GL(r). The batch is `y` [m, n].
 *
 * @param options `seed` of all that is drawn; `rows`: m and `columns`: n, default 200; `rank`: r, default 10; `noise`, default
 *   0.01; `condition` of A's columns, default 1; `imbalance`: V starts multiplied by it and U divided, default 1
 * @throws OptionError for settings out of range
 *
 * @example
 * matrixFactorization({ rows: 30, columns: 20, rank: 3 }).start.u.shape; // [30, 3]
 */
export function matrixFactorization(options: MatrixFactorizationOptions = {}): Problem<Factors> {
  const { seed, rows, columns, rank, noise, condition, imbalance } = matrixFactorizationOptions.read(options);
  const rng = createRng(seed);
  const [a, b] = [normal(rng, rows, rank, 1 / Math.sqrt(rank)), normal(rng, rank, columns, 1)];
  const y = normal(rng, rows, columns, noise);
  const values = y.data as Float64Array;
  for (let i = 0; i < rows; i++) {
    for (let k = 0; k < rank; k++) {
      const scale = condition ** -(rank === 1 ? 0 : k / (rank - 1));
      for (let j = 0; j < columns; j++) {
        values[i * columns + j] += scale * Number(a.data[i * rank + k]) * Number(b.data[k * columns + j]);
      }
    }
  }
  const start: Factors = {
    u: normal(rng, rows, rank, 0.1 / imbalance),
    v: normal(rng, rank, columns, 0.1 * imbalance),
  };
  const scale = Math.sqrt(rows * columns) / 2;
  const loss = (params: TensorsOf<Factors>, batch: BatchTensors): Tensor =>
    mul(scale, mean(square(sub(batch.y, matmul(params.u, params.v)))));
  const batch = { y };
  return {
    name: "matrix-factorization",
    loss,
    start,
    batch,
    symmetry: () => generalLinear(symmetriesOf(loss, start, batch).found.linear),
  };
}

/** Independent normal numbers [m, n]. */
const normal = (rng: Rng, m: number, n: number, deviation: number): NdArray => ({
  shape: [m, n],
  data: Float64Array.from({ length: m * n }, () => deviation * rng.normal()),
});
