import { optionTable } from "../../options.js";
import { type Choice, choice } from "../../registry.js";
import { referenceAngleTeleport, referenceAngleTeleportOptions } from "../reference/reference-angle.js";
import { referenceMlpTeleport, referenceMlpTeleportOptions } from "../reference/reference-mlp.js";
import { balance, balanceOptions } from "./balance.js";
import { bestAngle, bestAngleOptions } from "./best-angle.js";
import { discreteSearch, discreteSearchOptions } from "./discrete.js";
import { gradientAscent, gradientAscentOptions } from "./gradient-ascent.js";
import { levelSet, levelSetOptions } from "./level-set/level-set.js";
import { lineSearch, lineSearchOptions } from "./line-search.js";
import { nullSpace, nullSpaceOptions } from "./null-space/null-space.js";
import { quadraticOptimum } from "./quadratic-optimum.js";
import { randomSearch, randomSearchOptions } from "./random.js";
import { scalingCorner, scalingCornerOptions } from "./scaling-corner.js";

/** Every search on the orbit of a symmetry by name. */
export const orbitSearches = {
  gradientAscent: choice(gradientAscent, gradientAscentOptions, "gradient ascent on the orbit of a symmetry"),
  lineSearch: choice(
    lineSearch,
    lineSearchOptions,
    "golden section along the direction of steepest ascent on the orbit",
  ),
  randomSearch: choice(randomSearch, randomSearchOptions, "the best of random elements of the symmetry"),
  bestAngle: choice(bestAngle, bestAngleOptions, "the best angle of a whole turn, for rotations of a plane"),
  scalingCorner: choice(scalingCorner, scalingCornerOptions, "the best corner of the box of scalings"),
  balance: choice(
    balance,
    balanceOptions,
    "balanced norms, ranges or gradients of scalings and linear maps, in closed form, whatever the objective",
  ),
} satisfies Record<string, Choice<(symmetry: never, options: never) => unknown>>;

/** Every search without a continuous symmetry by name: discrete ones, and those on the level set itself. */
export const searches = {
  discreteSearch: choice(
    discreteSearch,
    discreteSearchOptions,
    "swaps or flips of units in a random order, until none raises the objective",
  ),
  levelSet: choice(
    levelSet,
    levelSetOptions,
    "normalized steps on the loss's level set, without a symmetry (Mishkin et al. 2024)",
  ),
  nullSpace: choice(
    nullSpace,
    nullSpaceOptions,
    "ascent in the null space of every layer's inputs, without a symmetry (Wu et al. 2025)",
  ),
  quadraticOptimum: choice(
    quadraticOptimum,
    optionTable("quadraticOptimum", {}),
    "the largest gradient on a quadratic's level set, in closed form",
  ),
  referenceAngle: choice(
    referenceAngleTeleport,
    referenceAngleTeleportOptions,
    "the released teleport of functions of two variables, with its defects; use guard: false",
  ),
  referenceMlp: choice(
    referenceMlpTeleport,
    referenceMlpTeleportOptions,
    "the released teleport of multilayer perceptrons, with its defects; use guard: false",
  ),
} satisfies Record<string, Choice<(...args: never[]) => unknown>>;
