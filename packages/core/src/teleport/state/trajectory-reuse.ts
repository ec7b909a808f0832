// Z. Zhou et al., "Continual optimization with symmetry teleportation for multi-task learning", NeurIPS 2025,
// arXiv 2503.04046, section 4.3: historical trajectory reuse.

import { NumericalError, ShapeError } from "../../errors.js";
import { oneOf } from "../../option-kinds.js";
import { type OptionsOf, optionTable } from "../../options.js";

export interface TrajectorySimilarityOptions extends OptionsOf<typeof trajectorySimilarityOptions> {}

const trajectorySimilarityOptions = optionTable("trajectorySimilarity", {
  /**
   * What the teleport's move is compared with: the `gradient` at the point before it, as in the paper's quantity and the
   * authors' program, or the `descent` direction, minus that gradient, in which the optimizer moves. Default `gradient`.
   */
  sign: oneOf(["gradient", "descent"]).default("gradient"),
});

/**
 * How far a teleport moved in the direction in which the optimizer was moving.
 *
 * sigma = cos(theta' - theta, g), g the (combined) gradient at theta; with `sign` `descent` cos(theta' - theta, -g).
 * 0 when either is zero.
 *
 * @param move theta' - theta, P numbers
 * @param gradient g, P numbers
 * @throws ShapeError when the lengths differ; NumericalError for numbers that are not finite; OptionError
 *
 * @example
 * trajectorySimilarity([0.3, 0.1, -0.2, 0.4], [1, 2, -1, 0.5]); // 0.657
 */
export function trajectorySimilarity(
  move: ArrayLike<number>,
  gradient: ArrayLike<number>,
  options: TrajectorySimilarityOptions = {},
): number {
  const { sign } = trajectorySimilarityOptions.read(options);
  if (move.length !== gradient.length) {
    throw new ShapeError(
      `The move has ${move.length} numbers and the gradient ${gradient.length}; they must belong to the same model.`,
    );
  }
  const [a, b] = [largestOf(move, "move"), largestOf(gradient, "gradient")];
  if (a === 0 || b === 0) return 0;
  let [product, squareA, squareB] = [0, 0, 0];
  for (let p = 0; p < move.length; p++) {
    const [x, y] = [move[p] / a, gradient[p] / b];
    product += x * y;
    squareA += x * x;
    squareB += y * y;
  }
  const sigma = Math.max(-1, Math.min(1, product / Math.sqrt(squareA) / Math.sqrt(squareB)));
  return sign === "gradient" ? sigma : -sigma;
}

function largestOf(values: ArrayLike<number>, what: string): number {
  let largest = 0;
  for (let p = 0; p < values.length; p++) {
    if (!Number.isFinite(values[p])) {
      throw new NumericalError(
        `trajectorySimilarity: the ${what} is ${values[p]} in parameter ${p}, not a finite number.`,
      );
    }
    largest = Math.max(largest, Math.abs(values[p]));
  }
  return largest;
}
