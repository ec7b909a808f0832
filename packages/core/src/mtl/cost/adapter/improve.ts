// What a teleport improves: the sharpness of Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, equations 8-10, or the
// angles between the tasks' gradients themselves.
import { OptionError } from "../../../errors.js";
import { grad, valueAndGrad } from "../../../graph/autodiff.js";
import { add, div, maximum, minimum, mul, sub } from "../../../graph/ops/arithmetic.js";
import { greater, where } from "../../../graph/ops/compare.js";
import { sqrt, square } from "../../../graph/ops/elementary.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { mean, sum } from "../../../graph/ops/reduce.js";
import { transpose } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import { stopGradient } from "../../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import { nonNegative, number, type OptionsOf, oneOf, optionTable, positive } from "../../../options.js";
import { flatten, replaced, unflatten } from "../../../tree.js";
import { rowOf } from "../../gradients/rows.js";
import {
  type BalancedSharpnessOptions,
  balancedSharpness,
  balancedSharpnessOptions,
  type SharpnessInputs,
} from "./sharpness.js";
import { partsOf, withGradient } from "./whole-gradient.js";

export interface ImproveByCosine extends OptionsOf<typeof improveByCosineOptions> {}

export interface ImproveBySharpness
  extends BalancedSharpnessOptions,
    OptionsOf<typeof improveBySharpnessOptions> {}

export interface ImproveNothing extends OptionsOf<typeof improveNothingOptions> {}

export type ImproveOptions = ImproveByCosine | ImproveBySharpness | ImproveNothing;

export const improveByCosineOptions = optionTable("cost: improve: cosine", {
  /** `cosine`: of the tasks' gradients. */
  kind: oneOf(["cosine"]).required(),
  /** gamma; default 1. */
  weight: nonNegative.default(1),
  /** Pairs of gradients with this cosine or a larger one are not improved further; default 0.2. */
  cap: number({ min: -1, max: 1 }).default(0.2),
  /**
   * How L_g is differentiated: `exact`, or by `differences` of gradients, for which the activations of one pass of one task are
   * in memory at once; default `exact`.
   */
  derivatives: oneOf(["exact", "differences"]).default("exact"),
  /** With `differences`: the length of a perturbation over 1 + ||theta||; default 0.01. */
  step: positive.default(0.01),
});

export const improveBySharpnessOptions = optionTable("cost: improve: sharpness", {
  /** `sharpness`: a balanced mean of the losses around the point. */
  kind: oneOf(["sharpness"]).required(),
  /** gamma; default 0.1. */
  weight: nonNegative.default(0.1),
  ...balancedSharpnessOptions.rows,
});

export const improveNothingOptions = optionTable("cost: improve: none", {
  /** `none`: the control experiment. */
  kind: oneOf(["none"]).required(),
});

/** The inputs of L_g. Traced. */
export interface ImproveInputs extends SharpnessInputs {
  /** The leaves in which L_g is differentiated; default: all. */
  readonly leaves?: readonly number[] | undefined;
}

/** L_g, which is maximized with weight gamma. */
export interface Improve {
  readonly weight: number;
  /** L_g; left out for the control experiment. */
  readonly value?: ((shared: unknown, inputs: ImproveInputs) => Tensor) | undefined;
}

/**
 * L_g from its options: the balanced `sharpness`, see {@link balancedSharpness}; or the `cosine` of the tasks' gradients
 * in the shared parameters on the batch with the conflict,
 *
 * L_g = mean over pairs i < j of min(cos(g_i, g_j), cap)
 *
 * differentiated exactly or by differences of gradients, see {@link gradientCosine};
 *
 * or `none`, the control experiment.
 *
 * @throws OptionError for an unknown kind and values out of range
 */
export function improveOf(options: ImproveOptions): Improve {
  const { kind } = options;
  if (kind === "none") {
    improveNothingOptions.read(options);
    return { weight: 0 };
  }
  if (kind === "cosine") {
    const { weight, cap, derivatives, step } = improveByCosineOptions.read(options);
    return {
      weight,
      value: (shared, { conflicting, leaves, trained }) =>
        gradientCosine(conflicting, shared, {
          cap,
          leaves,
          trained,
          ...(derivatives === "differences" && { step }),
        }),
    };
  }
  if (kind !== "sharpness") {
    throw new OptionError(`cost: improve: kind must be cosine, sharpness or none; got "${String(kind)}".`);
  }
  const { kind: _, weight, ...sharpness } = improveBySharpnessOptions.read(options);
  return { weight, value: balancedSharpness(sharpness) };
}

// The cosine of the tasks' gradients, and its derivative without second derivatives: a Hessian times a vector by central
// differences, J. Nocedal, S. Wright, "Numerical optimization", 2nd ed., 2006, section 8.1; a perturbation of length 0.01
// in ReLU networks: H. Liu, K. Simonyan, Y. Yang, "DARTS", ICLR 2019, arXiv 1806.09055, section 2.3.

/**
 * Mean over pairs of min(cos, cap), from the Gramian. By rows, not by pairs: for the nodes of the 780 pairs of 40 tasks ONNX
 * Runtime took more than a minute.
 */
export function cappedCosine(gramian: Tensor, cap: number): Tensor {
  const [tasks] = gramian.shape;
  if (tasks < 2) throw new OptionError("improve: the cosine needs two tasks or more; there is one.");
  const all = Array.from({ length: tasks }, (_, i) => i);
  const row = (x: Tensor, i: number, from: number, to: number) =>
    slice(x, { starts: [i, from], ends: [i + 1, to] });
  // A task with a zero gradient has no angle: its cosine is 0, and so is the factor of its derivative.
  const squares = concat(all.map((i) => row(gramian, i, i, i + 1)));
  const inverse = where(greater(squares, 1e-30), div(1, sqrt(maximum(squares, 1e-30))), 0);
  const cosines = mul(gramian, mul(inverse, transpose(inverse)));
  const pairs = concat(
    all.slice(1).map((j) => row(cosines, j - 1, j, tasks)),
    { axis: 1 },
  );
  return mean(minimum(pairs, cap));
}

export interface CosineOptions {
  readonly cap: number;
  /** ||e_i|| / (1 + ||theta||) of differences; left out: exact second derivatives. */
  readonly step?: number | undefined;
  /** Leaves that training changes, which the tasks' gradients are taken in: theta; default: all. */
  readonly trained?: readonly number[] | undefined;
  /** Leaves in which the derivative is needed; default: all. */
  readonly leaves?: readonly number[] | undefined;
}

/**
 * The capped cosine L_g(G), G = J J', with its derivative from one task after the other,
 *
 * dL_g/dtheta = sum_i H_i u_i,  u_i = dL_g/dg_i = sum_j (C_ij + C_ji) g_j,  C = dL_g/dG
 *
 * exact, or by central differences of the tasks' gradients,
 *
 * H_i u_i ~ (g_i(theta + e_i) - g_i(theta - e_i)) ||u_i|| / (2 ||e_i||),  e_i = step (1 + ||theta||) u_i / ||u_i||
 *
 * The value is exact. Differences err by O(step^2) for smooth losses, and by rounding / step. At the kinks of ReLUs they
 * differ from the exact derivative, which does not see them: short steps meet few kinks, whose jumps they divide by their
 * length, so a shorter step can be worse. Passes come one by one, each with its task's activations alone. Traced; it has no
 * second derivative.
 */
function gradientCosine(
  losses: (shared: unknown) => readonly Tensor[],
  shared: unknown,
  { cap, step, trained, leaves: chosen }: CosineOptions,
): Tensor {
  const { leaves, def } = flatten(shared, isTensor);
  const all = [...leaves.keys()];
  const counted = trained ?? all;
  const moved = chosen ?? all;
  const start = leaves.map(stopGradient);
  const theta = counted.map((leaf) => start[leaf]);
  /** The derivative of a function at a point in some of its leaves, as a row. */
  const rowOfGrad = (f: (at: readonly Tensor[]) => Tensor, at: readonly Tensor[], which: readonly number[]) =>
    rowOf(grad((parts: readonly Tensor[]) => f(replaced(at, which, parts)))(which.map((leaf) => at[leaf])));
  const gradientOf = (task: number, at: readonly Tensor[], which: readonly number[]): Tensor =>
    rowOfGrad((point) => losses(unflatten(def, [...point]))[task], at, which);
  const tasks = losses(unflatten(def, start)).map((_, k) => k);
  const J = concat(tasks.map((k) => gradientOf(k, start, counted)));
  const [value, C] = valueAndGrad((G: Tensor) => cappedCosine(G, cap))(matmul(J, J, { transposeB: true }));
  const U = add(matmul(C, J), matmul(C, J, { transposeA: true }));
  const exactly = (k: number, u: Tensor) =>
    rowOfGrad((at) => sum(mul(gradientOf(k, at, counted), u)), start, moved);
  const byDifferences = (length: Tensor) => (k: number, u: Tensor) => {
    // A task whose pairs are all above the cap has u = 0, and a difference of 0.
    const scale = div(length, maximum(sqrt(sum(square(u))), 1e-30));
    const e = partsOf(mul(scale, u), theta);
    const [ahead, behind] = [add, sub].map((move) => {
      const there = theta.map((x, i) => move(x, e[i]));
      return gradientOf(k, replaced(start, counted, there), moved);
    });
    return div(sub(ahead, behind), mul(2, scale));
  };
  const size = () => sqrt(theta.map((x) => sum(square(x))).reduce(add));
  const product = step === undefined ? exactly : byDifferences(mul(step, add(1, size())));
  const derivative = tasks
    .map((k) => product(k, slice(U, { starts: [k, 0], ends: [k + 1, U.shape[1]] })))
    .reduce((a, b) => add(a, b));
  return withGradient(
    value,
    moved.map((leaf) => leaves[leaf]),
    derivative,
  );
}
