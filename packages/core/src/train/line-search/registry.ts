import { optionTable } from "../../options.js";
import type { Choice } from "../../registry.js";
import {
  conjugateDirections,
  type DirectionRule,
  lbfgs,
  lbfgsOptions,
  steepestDescent,
} from "./directions.js";

/** Every rule for the directions of line searches by name. */
export const lineSearches = {
  steepestDescent: {
    make: () => steepestDescent,
    options: optionTable("steepestDescent", {}),
    summary: "steepest descent with a line search for every step; full batches only",
  },
  conjugateGradients: {
    make: () => conjugateDirections,
    options: optionTable("conjugateGradients", {}),
    summary: "nonlinear conjugate gradients (Polak, Ribiere) with line searches; full batches only",
  },
  lbfgs: {
    make: lbfgs,
    options: lbfgsOptions,
    summary: "L-BFGS with line searches; full batches only",
  },
} satisfies Record<string, Choice<(options: never) => DirectionRule>>;
