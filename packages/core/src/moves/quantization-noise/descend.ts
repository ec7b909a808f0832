// L-BFGS within bounds |T_i| <= limit, by steps that are cut at the bounds.
import { dotOf } from "../../math/dense.js";
import { inverseHessian } from "../../math/lbfgs.js";
import type { ValueAndGradient } from "./noise-model.js";

export interface DescendOptions {
  readonly limit: number;
  readonly steps: number;
  /** Ends when three steps in a row lower the value by no more. */
  readonly tolerance: number;
}

/** Share of the promised decrease that a step must bring. */
const sufficient = 1e-4;

/** The point where a function is least, as far as it was found. */
export function descend(
  f: (T: Float64Array) => ValueAndGradient,
  start: Float64Array,
  { limit, steps, tolerance }: DescendOptions,
): { readonly T: Float64Array; readonly value: number } {
  const hessian = inverseHessian(10);
  const within = (v: number) => Math.max(-limit, Math.min(limit, v));
  let T = start.map(within);
  let at = f(T);
  let smallSteps = 0;
  for (let step = 0; step < steps && smallSteps < 3; step++) {
    // At a bound that the gradient pushes against, an element stays.
    const isHeld = T.map(
      (v, i) => +((v >= limit && at.gradient[i] < 0) || (v <= -limit && at.gradient[i] > 0)),
    );
    const free = at.gradient.map((v, i) => (isHeld[i] ? 0 : v));
    let direction = hessian.times(free).map((v, i) => (isHeld[i] ? 0 : -v));
    if (!(dotOf(direction, free) < 0)) {
      hessian.clear();
      direction = free.map((v) => -v);
    }
    const largest = direction.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    if (largest === 0) break;
    // The longest step moves no element by more than 1.
    const next = search(f, T, at, direction, Math.min(1, 1 / largest), within);
    if (next === undefined) {
      if (hessian.pairs === 0) break;
      hessian.clear();
      continue;
    }
    hessian.add(
      next.T.map((v, i) => v - T[i]),
      next.at.gradient.map((v, i) => (isHeld[i] ? 0 : v - at.gradient[i])),
    );
    smallSteps = at.value - next.at.value > tolerance ? 0 : smallSteps + 1;
    [T, at] = [next.T, next.at];
  }
  return { T, value: at.value };
}

/** The first of shorter and shorter steps that brings enough, or undefined. */
function search(
  f: (T: Float64Array) => ValueAndGradient,
  T: Float64Array,
  { value, gradient }: ValueAndGradient,
  direction: Float64Array,
  longest: number,
  within: (v: number) => number,
) {
  for (let size = longest, k = 0; k < 30; k++, size /= 3) {
    const moved = T.map((v, i) => within(v + size * direction[i]));
    const at = f(moved);
    const promised = gradient.reduce((sum, v, i) => sum + v * (moved[i] - T[i]), 0);
    if (at.value <= value + sufficient * promised) return { T: moved, at };
  }
  return undefined;
}
