import type { NdArray } from "../array.js";
import { dtypeOf, isNdArray } from "../array.js";
import type { Moment, Optimizer, OptimizerState } from "../optim/optimizer.js";
import { isRefusal, type Refusal } from "../symmetry/symmetry.js";
import { flatten, unflatten } from "../tree.js";

/**
 * What becomes of an optimiser's state across a teleport: it is kept; made anew; its moments are pushed forward by the
 * action, as gradients transform (`push`); or its past counts as far as it agrees with the new gradient (`reuse`: Zhou
 * et al., NeurIPS 2025, historical trajectory reuse).
 */
export type TransportPolicy = "keep" | "reset" | "push" | "reuse";

/** What a transport has to know. */
export interface TransportInput<P> {
  readonly optimizer: Optimizer;
  readonly state: OptimizerState;
  /** The new parameters. */
  readonly params: P;
  /** The teleport's own: see `Teleported.pushForward`. */
  readonly pushForward?: (tree: P, power: 1 | 2) => Promise<P | Refusal>;
  /** For `reuse`: cos(Delta theta, g') of the move and the old gradient, and the gradient at the new point. */
  readonly reuse?: { readonly sigma: number; readonly gradient: P };
}

export interface Transported {
  readonly state: OptimizerState;
  /** Why another policy had to stand in. */
  readonly note?: string;
}

/**
 * An optimiser's state for the parameters after a teleport.
 *
 * `reuse` replaces averages by sigma v + (1 - sigma) g^p and sums by sigma v, with sigma no less than 0, so that the next
 * step computes v_t = sigma b v_{t-1} + (1 - sigma b) g_t^p, and every later one is ordinary again.
 *
 * @throws nothing: where the action has no push-forward the state is kept, and the note says so
 */
export async function transport<P>(
  policy: TransportPolicy,
  { optimizer, state, params, pushForward, reuse }: TransportInput<P>,
): Promise<Transported> {
  if (policy === "keep" || Object.keys(state).length === 0) return { state };
  if (policy === "reset") return { state: optimizer.init(params) };
  const changed: Record<string, unknown> = { ...state };
  for (const [name, moment] of Object.entries(optimizer.moments)) {
    const old = state[name] as P;
    if (policy === "reuse") {
      if (reuse === undefined)
        return { state, note: "kept: there is no gradient to reuse the trajectory with" };
      changed[name] = reused(moment, old, reuse.gradient, Math.max(0, reuse.sigma));
      continue;
    }
    if (pushForward === undefined) return { state, note: "kept: this move has no push-forward" };
    const pushed = await pushForward(old, moment.power);
    if (isRefusal(pushed)) return { state, note: `kept: ${pushed.refused}` };
    changed[name] = pushed;
  }
  return { state: changed };
}

/** A moment blended with a gradient, or its square, so that one ordinary update gives the formula above. */
function reused<P>({ power, kind }: Moment, past: P, gradient: P, sigma: number): P {
  const now = flatten<NdArray>(gradient, isNdArray).leaves;
  const { leaves, def } = flatten<NdArray>(past, isNdArray);
  const blended = leaves.map((leaf, i): NdArray => {
    const g = now[i].data as Float64Array;
    const data = (leaf.data as Float64Array).map((v, k) => {
      const fresh = power === 1 ? g[k] : g[k] * g[k];
      if (kind === "maximum") return sigma > 0 ? v : 0;
      return kind === "sum" ? sigma * v : sigma * v + (1 - sigma) * fresh;
    });
    return { shape: leaf.shape, data: dtypeOf(leaf) === "float64" ? data : Float32Array.from(data) };
  });
  return unflatten(def, blended) as P;
}

/** cos(a, b) over all leaves of two trees; 0 where one of them vanishes. */
export function cosineOf(a: unknown, b: unknown): number {
  const [x, y] = [a, b].map((tree) => flatten<NdArray>(tree, isNdArray).leaves);
  let [xy, xx, yy] = [0, 0, 0];
  x.forEach(({ data }, i) => {
    const other = y[i].data;
    for (let k = 0; k < data.length; k++) {
      const [u, v] = [Number(data[k]), Number(other[k])];
      xy += u * v;
      xx += u * u;
      yy += v * v;
    }
  });
  return xx > 0 && yy > 0 ? xy / Math.sqrt(xx * yy) : 0;
}

/** a - b, leaf by leaf, in float64. */
export function difference<P>(a: P, b: P): P {
  const from = flatten<NdArray>(b, isNdArray).leaves;
  const { leaves, def } = flatten<NdArray>(a, isNdArray);
  const parts = leaves.map(({ shape, data }, i) => ({
    shape,
    data: Float64Array.from(data as Float64Array, (v, k) => v - Number(from[i].data[k])),
  }));
  return unflatten(def, parts) as P;
}
