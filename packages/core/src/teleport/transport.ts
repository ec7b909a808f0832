import type { NdArray } from "../array.js";
import { dtypeOf, isNdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { grad } from "../graph/autodiff.js";
import { type TensorsOf, trace } from "../graph/trace.js";
import { namedArrays } from "../named-arrays.js";
import type { Moment, Optimizer, OptimizerState } from "../optim/optimizer.js";
import { type CompileOptions, compile } from "../runtime/compile.js";
import { type Batch, type BatchSpec, type BatchTensors, isRefusal } from "../symmetry/symmetry.js";
import { flatten, unflatten } from "../tree.js";
import type { BatchLoss } from "./objective/objective.js";
import type { Teleported } from "./teleporter.js";

/**
 * What becomes of an optimiser's state across a teleport: it is kept; made anew; its moments are pushed forward by the
 * action, as gradients transform (`push`); or its past counts as far as it agrees with the old gradient (`reuse`: Zhou et
 * al., NeurIPS 2025, historical trajectory reuse).
 */
export type TransportPolicy = "keep" | "reset" | "push" | "reuse";

export const transportPolicies: readonly TransportPolicy[] = ["keep", "reset", "push", "reuse"];

/** A teleport that an optimiser's state has to follow. */
export interface Passage<P> {
  /** Parameters before it. */
  readonly from: P;
  readonly state: OptimizerState;
  readonly batch: Batch;
  readonly moved: Teleported<P>;
}

export interface Carried {
  readonly state: OptimizerState;
  /** Why another policy had to stand in. */
  readonly note?: string;
}

export interface Transport<P> {
  carry(passage: Passage<P>): Promise<Carried>;
  dispose(): Promise<void>;
}

/**
 * Compiles what a policy needs to carry an optimiser's state across a teleport.
 *
 * `reuse` needs two gradients: with sigma = cos(Delta theta, -g') of the move and the old point's descent direction, no
 * less than 0, it replaces averages by sigma v + (1 - sigma) g^p and sums by sigma v, so that the next step computes
 * v_t = sigma b v_{t-1} + (1 - sigma b) g_t^p on the same batch, and every later one is ordinary again. Where an action has
 * no push-forward the state is kept, and the note says so.
 *
 * @param options `sign`: +1 takes sigma with +g', as the released code does; default -1, the direction of descent
 * @throws OptionError for an unknown policy
 *
 * @example
 * const transport = await createTransport({ policy: "push", optimizer: adam(), loss, params, batch });
 * const { state } = await transport.carry({ from: params, state: before, batch, moved });
 */
export async function createTransport<P>({
  policy,
  optimizer,
  loss,
  params,
  batch,
  sign = -1,
  compileOptions = {},
}: {
  readonly policy: TransportPolicy;
  readonly optimizer: Optimizer;
  readonly loss: BatchLoss<TensorsOf<P>>;
  readonly params: P;
  readonly batch: BatchSpec;
  readonly sign?: 1 | -1;
  readonly compileOptions?: CompileOptions;
}): Promise<Transport<P>> {
  if (!transportPolicies.includes(policy)) {
    throw new OptionError(
      `The optimiser's state across a teleport: one of ${transportPolicies.join(", ")}; got "${policy}".`,
    );
  }
  const gradientAt =
    policy === "reuse" ? await compileGradient(loss, params, batch, compileOptions) : undefined;

  /** The moments changed one by one; the note is that of the first that cannot be. */
  const changed = async (
    state: OptimizerState,
    change: (old: P, moment: Moment) => Promise<P | { readonly refused: string }>,
  ): Promise<Carried> => {
    const next: Record<string, unknown> = { ...state };
    for (const [name, moment] of Object.entries(optimizer.moments)) {
      const result = await change(state[name] as P, moment);
      if (isRefusal(result)) return { state, note: `kept: ${result.refused}` };
      next[name] = result;
    }
    return { state: next };
  };

  return {
    async carry({ from, state, batch: at, moved }) {
      if (policy === "reset") return { state: optimizer.init(moved.params) };
      if (policy === "keep" || Object.keys(optimizer.moments).length === 0) return { state };
      if (policy === "push") {
        const { pushForward } = moved;
        if (pushForward === undefined) return { state, note: "kept: this move has no push-forward" };
        return changed(state, (old, { power }) => pushForward(old, power));
      }
      const [before, after] = [await gradientAt?.run(from, at), await gradientAt?.run(moved.params, at)];
      const sigma = Math.max(0, sign * cosineOf(difference(moved.params, from), before));
      return changed(state, async (old, moment) => reused(moment, old, after as P, sigma));
    },
    dispose: async () => gradientAt?.dispose(),
  };
}

async function compileGradient<P>(
  loss: BatchLoss<TensorsOf<P>>,
  params: P,
  batch: BatchSpec,
  compileOptions: CompileOptions,
) {
  const f = (p: TensorsOf<P>, b: BatchTensors) => ({ g: grad(loss)(p, b) });
  const { graph } = trace(f as never, [params, batch], { names: ["params", "batch"] });
  const gradient = await compile(graph, compileOptions);
  const { paths, def } = flatten<NdArray>({ g: params }, isNdArray);
  return {
    async run(p: P, b: Batch): Promise<P> {
      const results = await gradient.run(namedArrays({ params: p, batch: b }));
      const leaves = paths.map((path) => results[path]);
      return (unflatten(def, leaves) as { g: P }).g;
    },
    dispose: () => gradient.dispose(),
  };
}

/** A moment blended with a gradient, or its square, so that one ordinary update gives the formula of `reuse`. */
function reused<P>({ power, kind }: Moment, past: P, gradient: P, sigma: number): P {
  const now = flatten<NdArray>(gradient, isNdArray).leaves;
  const { leaves, def } = flatten<NdArray>(past, isNdArray);
  const blended = leaves.map((leaf, i): NdArray => {
    const g = now[i].data as Float64Array;
    const data = Float64Array.from(leaf.data as Float64Array, (v, k) => {
      if (kind === "maximum") return sigma > 0 ? v : 0;
      if (kind === "sum") return sigma * v;
      return sigma * v + (1 - sigma) * (power === 1 ? g[k] : g[k] * g[k]);
    });
    return { shape: leaf.shape, data: dtypeOf(leaf) === "float64" ? data : Float32Array.from(data) };
  });
  return unflatten(def, blended) as P;
}

/** cos(a, b) over all leaves of two trees; 0 where one of them vanishes. */
function cosineOf(a: unknown, b: unknown): number {
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
function difference<P>(a: P, b: P): P {
  const from = flatten<NdArray>(b, isNdArray).leaves;
  const { leaves, def } = flatten<NdArray>(a, isNdArray);
  const parts = leaves.map(({ shape, data }, i) => ({
    shape,
    data: Float64Array.from(data as Float64Array, (v, k) => v - Number(from[i].data[k])),
  }));
  return unflatten(def, parts) as P;
}
