// What a teleport is to better: the sharpness of Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, equations 8-10, or the
// angles between the tasks' gradients themselves.
import { OptionError } from "../../errors.js";
import { div, maximum, minimum, mul } from "../../graph/ops/arithmetic.js";
import { sqrt } from "../../graph/ops/elementary.js";
import { mean } from "../../graph/ops/reduce.js";
import { reshape } from "../../graph/ops/reshape.js";
import { slice } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { type Check, checkOptions, nonNegative, oneOf } from "../../optim/options.js";
import { lossesAndGramian, stacked } from "./shared-losses.js";
import { type BalancedSharpnessOptions, balancedSharpness, type SharpnessInputs } from "./sharpness.js";

export type ImproveOptions =
  | {
      readonly kind: "cosine";
      /** gamma; default 1. */
      readonly weight?: number;
      /** A pair of gradients at this cosine or above is good enough; default 0.2. */
      readonly cap?: number;
    }
  | ({
      readonly kind: "sharpness";
      /** gamma; default 0.1. */
      readonly weight?: number;
    } & BalancedSharpnessOptions)
  | { readonly kind: "none" };

/** What L_g may look at. Traced. */
export interface ImproveInputs extends SharpnessInputs {
  /** Task losses on the batch on which the conflict showed. */
  conflicting(shared: unknown): readonly Tensor[];
}

/** L_g, to be raised with weight gamma. */
export interface Improve {
  readonly weight: number;
  /** L_g; left out for the control without it. */
  readonly value?: (shared: unknown, inputs: ImproveInputs) => Tensor;
}

const cosineBound: Check = {
  expected: "a number in [-1, 1]",
  test: (v) => typeof v === "number" && v >= -1 && v <= 1,
};

/**
 * L_g from its options: the balanced `sharpness`, see {@link balancedSharpness}; or the `cosine` of the tasks' gradients
 * in the shared parameters on the batch on which the conflict showed,
 *
 * L_g = mean over pairs i < j of min(cos(g_i, g_j), cap)
 *
 * or `none`, the control.
 *
 * @throws OptionError for an unknown kind and values out of range
 */
export function improveOf(options: ImproveOptions): Improve {
  const { kind } = options;
  if (kind === "none") {
    checkOptions<{ kind: string }>("improve", options, { kind: oneOf("none") });
    return { weight: 0 };
  }
  if (kind === "cosine") {
    checkOptions<Required<Extract<ImproveOptions, { kind: "cosine" }>>>("improve", options as never, {
      kind: oneOf("cosine"),
      weight: nonNegative,
      cap: cosineBound,
    });
    const { weight = 1, cap = 0.2 } = options;
    return {
      weight,
      value: (shared, { conflicting }) => cappedCosine(lossesAndGramian(conflicting, shared).gramian, cap),
    };
  }
  if (kind !== "sharpness") {
    throw new OptionError(`improve: kind must be cosine, sharpness or none; got "${String(kind)}".`);
  }
  const { kind: _, weight = 0.1, ...sharpness } = options;
  checkOptions("improve", { weight }, { weight: nonNegative });
  const value = balancedSharpness(sharpness);
  return { weight, value: (shared, inputs) => value(shared, inputs) };
}

/** Mean over pairs of min(cos, cap), from the Gramian. */
function cappedCosine(gramian: Tensor, cap: number): Tensor {
  const [tasks] = gramian.shape;
  if (tasks < 2) throw new OptionError("improve: the cosine needs two tasks or more; there is one.");
  const at = (i: number, j: number) => reshape(slice(gramian, { starts: [i, j], ends: [i + 1, j + 1] }), []);
  // A task at rest has no angle: its cosine is 0, and so is its derivative's factor.
  const norms = Array.from({ length: tasks }, (_, k) => sqrt(maximum(at(k, k), 1e-30)));
  const pairs: Tensor[] = [];
  for (let i = 0; i < tasks; i++) {
    for (let j = i + 1; j < tasks; j++) pairs.push(minimum(div(at(i, j), mul(norms[i], norms[j])), cap));
  }
  return mean(stacked(pairs));
}
