// H. Rosenbrock, "An automatic method for finding the greatest or least value of a function", Computer Journal 3(3), 1960.
import { finite, listOf, type OptionsOf, optionTable } from "../options.js";
import type { VectorParams } from "../symmetry/rotation/quadratic-rotation.js";
import type { Problem } from "./problem.js";
import { type Rosenbrock2nOptions, rosenbrock2n, spreadRows } from "./rosenbrock-2n.js";

export interface RosenbrockOptions
  extends Pick<Rosenbrock2nOptions, "seed">,
    OptionsOf<typeof rosenbrockOptions> {}

export const rosenbrockOptions = optionTable("rosenbrock", {
  /** Default [-1, -1]. */
  start: listOf(finite, { length: 2 }).default([-1, -1]),
  ...spreadRows,
  /** Both numbers of the start are moved by uniform ones in [-spread, spread]; default 0. */
  spread: spreadRows.spread,
});

/**
 * Rosenbrock's function, a bent valley with its end at (1, 1):
 *
 * L = 100 (x^2 - y)^2 + (x - 1)^2, w = (x, y)
 *
 * @param options `start`: default (-1, -1), as in Zhao et al., NeurIPS 2022; `spread`, `seed`: of a start that is drawn about it
 *
 * @example
 * rosenbrock().optimum; // (1, 1), value 0
 */
export function rosenbrock(options: RosenbrockOptions = {}): Problem<VectorParams> {
  return { ...rosenbrock2n({ pairs: 1, ...rosenbrockOptions.read(options) }), name: "rosenbrock" };
}
