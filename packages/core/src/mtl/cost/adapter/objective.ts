// Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046, equations 6-10.
import type { BatchTensors } from "../../../batch.js";
import { add, maximum, mul, sub } from "../../../graph/ops/arithmetic.js";
import { abs } from "../../../graph/ops/elementary.js";
import { constant } from "../../../graph/ops/leaf.js";
import { mean } from "../../../graph/ops/reduce.js";
import type { Tensor } from "../../../graph/tensor.js";
import { type Parts, type SharedLosses, stacked } from "../shared-losses.js";
import type { Adapter, Factors } from "./adapter.js";
import type { Improve } from "./improve.js";
import { wholeGradient } from "./whole-gradient.js";

/** The inputs of the objective besides the adapter's factors. Traced. */
export interface ObjectiveInputs {
  readonly parts: Parts;
  /** Batch of this inner step, and L_k* on it, [K]. */
  readonly batch: BatchTensors;
  readonly frozen: Tensor;
  /** The batch with the conflict. */
  readonly conflicting: BatchTensors;
  /** R_k, [K]. */
  readonly balance: Tensor;
  /** Seed of the random directions, an int64 scalar. */
  readonly seed: Tensor;
}

export interface ObjectiveParts {
  /** weight L_t - gamma L_g, to be minimized. */
  readonly value: Tensor;
  /** L_t. */
  readonly preserve: Tensor;
  /** L_g; 0 without one. */
  readonly improve: Tensor;
}

/**
 * Fraction of a loss that may be rounding: the sign of a smaller difference is meaningless, but Adam would
 * follow it.
 */
const rounding = { float32: 1e-5, float64: 1e-12 };

/**
 * The objective of an adapter's training: keep the losses and improve L_g,
 *
 * weight L_t - gamma L_g,  L_t = mean_k |L_k(theta + D) - L_k*|
 *
 * Both terms are differentiated. With L_k* of the batch itself, L_t is 0 where only rounding differs: its derivative at D = 0
 * is zero. Traced.
 */
export function costObjective(
  losses: SharedLosses,
  adapter: Adapter,
  {
    weight,
    reference = "batch",
    improve,
    trained,
    dtype,
  }: {
    readonly weight: number;
    readonly reference?: "batch" | "mean" | undefined;
    readonly improve: Improve;
    readonly trained?: readonly number[] | undefined;
    readonly dtype: "float32" | "float64";
  },
): (factors: readonly Factors<Tensor>[], inputs: ObjectiveInputs) => ObjectiveParts {
  return (factors, { parts, batch, frozen, conflicting, balance, seed }) => {
    const D = adapter.displacement(factors);
    const moved = adapter.merge(parts.shared, D);
    const band = mul(rounding[dtype], abs(frozen));
    const change = (at: readonly Tensor[]): Tensor => {
      const here = stacked(losses({ ...parts, shared: adapter.merge(parts.shared, at) }, batch));
      const far = abs(sub(here, frozen));
      // A batch differs from the mean by more than rounding.
      return mean(reference === "mean" ? far : maximum(sub(far, band), 0));
    };
    const preserve = wholeGradient(change, D);
    const kept = mul(weight, preserve);
    if (improve.value === undefined) return { value: kept, preserve, improve: constant(0, dtype) };
    const raised = improve.value(moved, {
      losses: (shared) => losses({ ...parts, shared }, batch),
      conflicting: (shared, heads = parts.rest) =>
        losses({ ...parts, shared, rest: heads as Parts["rest"] }, conflicting),
      heads: parts.rest,
      balance,
      seed,
      trained,
      leaves: adapter.sites.map(({ leaf }) => leaf),
    });
    return { value: add(kept, mul(-improve.weight, raised)), preserve, improve: raised };
  };
}
