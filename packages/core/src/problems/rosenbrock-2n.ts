// H. Rosenbrock, Computer Journal 3(3), 1960, in its separable form of 2N variables (Zhao et al., NeurIPS 2022).

import { OptionError } from "../errors.js";
import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { square } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import { reshape } from "../graph/ops/reshape.js";
import { concat, slice } from "../graph/ops/slice.js";
import type { Tensor } from "../graph/tensor.js";
import { createRng } from "../math/rng.js";
import { finite, integerFrom, listOf, nonNegative, number, type OptionsOf, optionTable } from "../options.js";
import type { VectorParams } from "../symmetry/rotation/quadratic-rotation.js";
import { type ResidualMap, residualRotation } from "../symmetry/rotation/residual-rotation.js";
import { type Problem, vector } from "./problem.js";

/** u = 10 (x^2 - y), v = x - 1 for each pair; x = v + 1, y = (v + 1)^2 - u / 10. */
const residuals: ResidualMap<VectorParams> = {
  residuals({ w }) {
    const [x, y] = columns(w);
    return joined(mul(10, sub(square(x), y)), sub(x, 1));
  },
  inverse(r) {
    const [u, v] = columns(r);
    const x = add(v, 1);
    return { w: joined(x, sub(square(x), div(u, 10))) };
  },
};

/** Elements 0, 2, 4, ... and 1, 3, 5, ... of a vector, each [N, 1]. */
function columns(w: Tensor): [Tensor, Tensor] {
  const rows = reshape(w, [w.size / 2, 2]);
  return [slice(rows, { ends: [rows.shape[0], 1] }), slice(rows, { starts: [0, 1] })];
}

const joined = (x: Tensor, y: Tensor): Tensor => reshape(concat([x, y], { axis: 1 }), [2 * x.size]);

/** Options of a start that is drawn. */
export const spreadRows = {
  /** Each number of the start is moved by a uniform one in [-spread, spread]; default 0. */
  spread: nonNegative.default(0),
  /** Seed of the spread; default 0. */
  seed: number({ integer: true }).default(0),
};

export interface Rosenbrock2nOptions extends OptionsOf<typeof rosenbrock2nOptions> {}

export const rosenbrock2nOptions = optionTable("rosenbrock2n", {
  /** N; default 10. */
  pairs: integerFrom(1).default(10),
  /** 2 N numbers; default -1 each. */
  start: listOf(finite).otherwise("-1 each"),
  ...spreadRows,
});

/**
 * Rosenbrock's function of 2N variables, a sum over N pairs, w = (x_1, y_1, x_2, y_2, ...):
 *
 * L = sum_i 100 (x_i^2 - y_i)^2 + (x_i - 1)^2
 *
 * It is ||r(w)||^2 of an invertible r, so all rotations of R^2N, also across pairs, leave it unchanged.
 *
 * @param options `pairs`: N, default 10; `start`: 2N numbers, default -1 each; `spread`, `seed`: of a start that is drawn about it
 * @throws OptionError unless the start has 2N numbers
 *
 * @example
 * rosenbrock2n({ pairs: 10 }).start.w.shape; // [20]
 */
export function rosenbrock2n(options: Rosenbrock2nOptions = {}): Problem<VectorParams> {
  const { pairs, start, spread, seed } = rosenbrock2nOptions.read(options);
  const values = start ?? Array.from({ length: 2 * pairs }, () => -1);
  if (values.length !== 2 * pairs) {
    throw new OptionError(
      `rosenbrock2n: start needs ${2 * pairs} numbers, two a pair; got ${values.length}.`,
    );
  }
  const rng = createRng(seed);
  const params = vector(values.map((x) => x + spread * (2 * rng.next() - 1)));
  return {
    name: "rosenbrock2n",
    loss: (p, batch) => sum(square(residuals.residuals(p, batch))),
    start: params,
    batch: {},
    optimum: { params: vector(values.map(() => 1)), value: 0 },
    residuals,
    symmetry: () => residualRotation(residuals, { params, batch: {} }),
  };
}
