import { optionTable } from "../../options.js";
import { type Choice, choice } from "../../registry.js";
import {
  conjugateDirections,
  type DirectionRule,
  lbfgs,
  lbfgsOptions,
  steepestDescent,
} from "./directions.js";

/** Every rule for the directions of line searches by name. */
export const lineSearches = {
  steepestDescent: choice(
    () => steepestDescent,
    optionTable("steepestDescent", {}),
    "steepest descent with a line search for every step; full batches only",
  ),
  conjugateGradients: choice(
    () => conjugateDirections,
    optionTable("conjugateGradients", {}),
    "nonlinear conjugate gradients (Polak, Ribiere) with line searches; full batches only",
  ),
  lbfgs: choice(lbfgs, lbfgsOptions, "L-BFGS with line searches; full batches only"),
} satisfies Record<string, Choice<(options: never) => DirectionRule>>;
