// Booth's function and its start, as in Zhao et al., NeurIPS 2022 (arXiv 2205.10637).

import { add, div, mul, sub } from "../graph/ops/arithmetic.js";
import { square } from "../graph/ops/elementary.js";
import { sum } from "../graph/ops/reduce.js";
import { concat, slice } from "../graph/ops/slice.js";
import type { Tensor } from "../graph/tensor.js";
import { finite, listOf, type OptionsOf, optionTable } from "../options.js";
import type { VectorParams } from "../symmetry/rotation/quadratic-rotation.js";
import { type ResidualMap, residualRotation } from "../symmetry/rotation/residual-rotation.js";
import { type Problem, vector } from "./problem.js";

/** u = x + 2y - 7, v = 2x + y - 5; x = -u/3 + 2v/3 + 1, y = 2u/3 - v/3 + 3. */
const residuals: ResidualMap<VectorParams> = {
  residuals({ w }) {
    const [x, y] = pair(w);
    return concat([sub(add(x, mul(2, y)), 7), sub(add(mul(2, x), y), 5)]);
  },
  inverse(r) {
    const [u, v] = pair(r);
    return { w: concat([add(div(sub(mul(2, v), u), 3), 1), add(div(sub(mul(2, u), v), 3), 3)]) };
  },
};

const pair = (w: Tensor): [Tensor, Tensor] => [slice(w, { ends: [1] }), slice(w, { starts: [1] })];

export interface BoothOptions extends OptionsOf<typeof boothOptions> {}

export const boothOptions = optionTable("booth", {
  /** Default [5, -5]. */
  start: listOf(finite, { length: 2 }).default([5, -5]),
});

/**
 * Booth's function, a quadratic of Hessian [[10, 8], [8, 10]] around (1, 3):
 *
 * L = (x + 2y - 7)^2 + (2x + y - 5)^2, w = (x, y)
 *
 * @example
 * booth().optimum; // (1, 3), value 0
 */
export function booth(options: BoothOptions = {}): Problem<VectorParams> {
  const { start } = boothOptions.read(options);
  const params = vector(start);
  return {
    name: "booth",
    loss: (p, batch) => sum(square(residuals.residuals(p, batch))),
    start: params,
    batch: {},
    optimum: { params: vector([1, 3]), value: 0 },
    residuals,
    symmetry: () => residualRotation(residuals, { params, batch: {} }),
  };
}
