import { isNdArray, type NdArray } from "../../array.js";
import { type Batch, type BatchLoss, type BatchSpec, type BatchTensors, forAnyBatch } from "../../batch.js";
import { NumericalError, OptionError, ShapeError } from "../../errors.js";
import { grad } from "../../graph/autodiff.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { type Optimizer, type OptimizerState, trainedGradients } from "../../optim/optimizer.js";
import { restartState } from "../../optim/restart-state.js";
import { type OptionsOf, oneOf, optionTable } from "../../options.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import { Resources } from "../../runtime/resources.js";
import { isRefusal } from "../../symmetry/symmetry.js";
import { flatten, namedArrays, unflatten } from "../../tree.js";
import { parameterVector } from "../parameter-vector.js";
import type { Teleported } from "../teleporter.js";
import { reusedState } from "./reused-state.js";

/**
 * What happens to an optimizer's state in a teleport: it is kept (`keep`) or initialized again (`reset`); its
 * moments are pushed forward by the action as gradients transform (`push`); or its past is weighted by the
 * similarity of the move to the old gradient (`reuse`: Zhou et al., NeurIPS 2025, historical trajectory
 * reuse).
 */
export type TransportPolicy = "keep" | "reset" | "push" | "reuse";

/** Every {@link TransportPolicy} by name. */
export const transportPolicies: readonly TransportPolicy[] = ["keep", "reset", "push", "reuse"];

/** A teleport across which an optimizer's state is transported. */
export interface Move<P> {
  /** Parameters before it. */
  readonly from: P;
  readonly state: OptimizerState;
  readonly batch: Batch;
  readonly moved: Teleported<P>;
}

export interface TransportedState {
  readonly state: OptimizerState;
  /** Why another policy was applied instead. */
  readonly note?: string | undefined;
}

/** A move across which a state is transported, with the data that policies may need. */
export interface StateMove<P> {
  readonly state: OptimizerState;
  /** Parameters after the move. */
  readonly params: P;
  readonly pushForward?: Teleported<P>["pushForward"] | undefined;
  /** Delta theta, and the gradient at the point before it: `reuse` compares them. Left out: the state is kept. */
  way?(): Promise<{ readonly move: ArrayLike<number>; readonly gradient: ArrayLike<number> }>;
}

/** A state after a move. */
export interface StateWithSimilarity extends TransportedState {
  /** For `reuse`: the caller that takes the next step passes it to {@link reusedState}. */
  readonly sigma?: number | undefined;
}

/**
 * Applies a policy to a state, for teleports of a single loss and of several tasks alike. The caller computes
 * gradients and blends moments, as a trainer of several tasks does both in its own step.
 *
 * @param rule `optimizer` is needed for `reset` and `push`; `sign` is that of {@link trajectorySimilarity}
 */
export async function transportState<P>(
  {
    policy,
    optimizer,
    sign,
  }: {
    readonly policy: TransportPolicy;
    readonly optimizer?: Optimizer | undefined;
    readonly sign: "gradient" | "descent";
  },
  moved: StateMove<P>,
): Promise<StateWithSimilarity> {
  const { state: before, params, way } = moved;
  const state = optimizer ? restartState(optimizer, before, params) : before;
  if (policy === "reset" && optimizer) return { state: optimizer.init(params) };
  if (policy === "push" && optimizer) return pushed(optimizer, { ...moved, state });
  if (policy !== "reuse" || way === undefined) return { state };
  const { move, gradient } = await way();
  if (!Array.from(gradient).every(Number.isFinite)) {
    return { state, note: "kept: the gradient before the teleport is not finite" };
  }
  return { state, sigma: trajectorySimilarity(move, gradient, { sign }) };
}

export interface Transport<P> {
  transport(move: Move<P>): Promise<TransportedState>;
  dispose(): Promise<void>;
}

/**
 * Compiles what a policy needs to transport an optimizer's state across a teleport.
 *
 * `push` maps what `moments` lists: m as gradients transform, v as their squares. A maximum of squares is
 * mapped, too, which is exact for scalings. If an action has no push-forward, the state is kept, and the note
 * says so.
 *
 * `reuse` needs two gradients: with sigma = cos(Delta theta, -g') of the move and the old point's descent
 * direction, clamped below at 0, the next step, if it is on the same batch, computes
 *
 * v_t = sigma b v_{t-1} + (1 - sigma b) g_t^p
 *
 * for averages, b sigma v_{t-1} + g_t^p for sums, and sigma b v_{t-1} + (1 - b) g_t for the mean that centers RMSprop's
 * squares; every later one is ordinary again. For Adam the total weight of the
 * gradients in v_t is then 1 - sigma b^t, while its update goes on dividing by 1 - b^t: the state carries the factor
 * (1 - b^t) / (1 - sigma b^t), so that the quotient is correct. Weight decay within the gradient is in g.
 *
 * @param options `sign`: +1 computes sigma with +g', as the released code does; default -1, the direction of descent
 * @throws OptionError for an unknown policy
 *
 * @example
 * const transport = await createTransport({ policy: "push", optimizer: adam(), loss, params, batch });
 * const { state } = await transport.transport({ from: params, state: before, batch, moved });
 */
export async function createTransport<P, B extends BatchSpec = BatchSpec>({
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
  readonly loss: BatchLoss<P, B>;
  readonly params: P;
  readonly batch: B;
  readonly sign?: 1 | -1 | undefined;
  readonly compileOptions?: CompileOptions | undefined;
}): Promise<Transport<P>> {
  if (!transportPolicies.includes(policy)) {
    throw new OptionError(
      `The optimizer's state across a teleport: one of ${transportPolicies.join(", ")}; got "${policy}".`,
    );
  }
  const reuse =
    policy === "reuse" && Object.keys(optimizer.moments).length > 0
      ? await compileReuse<P>(optimizer, forAnyBatch(loss), params, batch, compileOptions)
      : undefined;
  const rule = { policy, optimizer, sign: sign === 1 ? "gradient" : "descent" } as const;

  const lifetime = new Lifetime("transport", "createTransport");
  return {
    async transport({ from, state, batch: at, moved: { params: to, pushForward } }) {
      lifetime.requireOpen();
      const { sigma, ...transported } = await transportState(rule, {
        state,
        params: to,
        ...(pushForward ? { pushForward } : {}),
        ...(reuse ? { way: () => reuse.way(from, to, at) } : {}),
      });
      return reuse && sigma !== undefined
        ? { state: await reuse.blended(transported.state, sigma, to, at) }
        : transported;
    },
    dispose: () => lifetime.end(async () => reuse?.dispose()),
  };
}

const noPushForward = "kept: this move has no push-forward";

/** Why a policy keeps the state in every move of a search; undefined if it does not. */
export const keptNote = (
  { policy, optimizer }: { readonly policy: TransportPolicy; readonly optimizer: Optimizer },
  hasPushForward: boolean,
): string | undefined =>
  policy === "push" && !hasPushForward && Object.keys(optimizer.moments).length > 0
    ? noPushForward
    : undefined;

/** Pushes the moments forward; the note is that of the first one that cannot be. */
async function pushed<P>(
  optimizer: Optimizer,
  { state, pushForward }: StateMove<P>,
): Promise<TransportedState> {
  if (Object.keys(optimizer.moments).length === 0) return { state };
  if (pushForward === undefined) return { state, note: noPushForward };
  const next: Record<string, unknown> = { ...state };
  for (const [name, { power }] of Object.entries(optimizer.moments)) {
    const result = await pushForward(state[name] as P, power);
    if (isRefusal(result)) return { state, note: `kept: ${result.refused}` };
    next[name] = result;
  }
  return { state: next };
}

/**
 * What `reuse` computes: the move with its gradient, and the moments from which one ordinary update gives the
 * required step.
 */
async function compileReuse<P>(
  optimizer: Optimizer,
  loss: BatchLoss<P>,
  params: P,
  batch: BatchSpec,
  compileOptions: CompileOptions,
) {
  const space = parameterVector(params);
  const gradientOf = (p: TensorsOf<P>, b: BatchTensors) => trainedGradients(grad(loss)(p, b), optimizer);
  const gradient = trace(({ params: p, batch: b }) => ({ g: gradientOf(p, b) }), { params, batch });
  const moments = trace(
    ({ params: p, batch: b, state, sigma }) => {
      const next = reusedState(optimizer, state, gradientOf(p, b), p, sigma);
      return Object.fromEntries(Object.keys(optimizer.moments).map((name) => [name, next[name]]));
    },
    { params, batch, state: optimizer.init(params), sigma: spec([], "float64") },
  );
  const resources = new Resources();
  const { before, after } = await resources.releasedOnError(async () => ({
    before: resources.keep(await compile(gradient.graph, compileOptions)),
    after: resources.keep(await compile(moments.graph, compileOptions)),
  }));
  return {
    async way(from: P, to: P, at: Batch) {
      const gradient = space.collect(await before.run(namedArrays({ params: from, batch: at })), "g");
      const start = space.vectorOf(from);
      return { move: space.vectorOf(to).map((v, i) => v - start[i]), gradient };
    },
    async blended(state: OptimizerState, similarity: number, to: P, at: Batch): Promise<OptimizerState> {
      const sigma: NdArray = { shape: [], data: Float64Array.of(similarity) };
      const results = await after.run(namedArrays({ params: to, batch: at, state, sigma }));
      const like = flatten<NdArray>(state, isNdArray);
      const leaves = like.leaves.map((leaf, i) => results[like.paths[i]] ?? leaf);
      return unflatten(like.def, leaves) as OptimizerState;
    },
    dispose: () => resources.release(),
  };
}

// Z. Zhou et al., "Continual optimization with symmetry teleportation for multi-task learning", NeurIPS 2025,
// arXiv 2503.04046, section 4.3: historical trajectory reuse.
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
  if (move.length !== gradient.length) {
    throw new ShapeError(
      `The move has ${move.length} numbers and the gradient ${gradient.length}; they must belong to the same model.`,
    );
  }
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
