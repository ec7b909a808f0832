// Z. Zhou et al., "Continual optimization with symmetry teleportation for multi-task learning", NeurIPS 2025,
// arXiv 2503.04046, section 4.3: historical trajectory reuse.

import { NumericalError, ShapeError } from "../../errors.js";
import { number, oneOf, smoothing } from "../../option-kinds.js";
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
  requireEqualLength(move, "The move", gradient, "the gradient");
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

export interface BlendMomentOptions extends OptionsOf<typeof blendMomentOptions> {}

const blendMomentOptions = optionTable("blendMoment", {
  /** b in [0, 1): the weight of the past. */
  beta: smoothing.required(),
  /** Similarity of the teleport's move to the past, in [-1, 1]: see {@link trajectorySimilarity}. */
  sigma: number({ min: -1, max: 1 }).required(),
  /** 1 for a mean of gradients, 2 for one of their squares; default 1. */
  power: oneOf([1, 2]).default(1),
});

/**
 * A moment of the first step after a teleport: the past is weighted by its similarity to the teleport's move.
 *
 * v <- sigma b v + (1 - sigma b) g^power; sigma <= 0 is sigma = 0, a fresh moment g^power
 *
 * With sigma = 1 it is the optimizer's own step, and so are all later steps. The total weight of the gradients
 * in the moment is then 1 - sigma b^t, by which to divide where Adam corrects its start with 1 - b^t.
 *
 * @param moment v, P numbers
 * @param gradient g, P numbers
 * @param options `beta` b in [0, 1); `sigma`, see {@link trajectorySimilarity}; `power` 1 for a mean of gradients, 2 for one of
 *   their squares, default 1
 * @throws ShapeError when the lengths differ; OptionError for values out of range
 *
 * @example
 * blendMoment([0.1, -0.2], [0.3, 0.1], { beta: 0.9, sigma: 0.5 }); // 0.21, -0.035
 */
export function blendMoment(
  moment: ArrayLike<number>,
  gradient: ArrayLike<number>,
  options: BlendMomentOptions,
): Float64Array {
  const { beta, sigma, power } = blendMomentOptions.read(options);
  requireEqualLength(moment, "The moment", gradient, "the gradient");
  const kept = Math.max(sigma, 0) * beta;
  return Float64Array.from(gradient, (g, p) => kept * moment[p] + (1 - kept) * g ** power);
}

function requireEqualLength(a: ArrayLike<number>, what: string, b: ArrayLike<number>, other: string): void {
  if (a.length !== b.length) {
    throw new ShapeError(
      `${what} has ${a.length} numbers and ${other} ${b.length}; they must belong to the same model.`,
    );
  }
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
