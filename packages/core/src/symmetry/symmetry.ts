import type { NdArray, Shape } from "../array.js";
import type { Batch, BatchSpec, BatchTensors } from "../batch.js";
import { describeValue } from "../describe.js";
import { NumericalError, OptionError } from "../errors.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { GroupGenerator } from "./discovery/descriptors.js";

/** Why a group cannot act at a point, as a value: a teleport then reports the reason and moves nothing. */
export interface Refusal {
  readonly refused: string;
}

/** What a symmetry's derivative needs at a point, as tensors. */
export interface TracedContext {
  readonly context: readonly Tensor[];
  /** A number: 1, or 0 where the point, or the action that led to it, needs the host's means. */
  readonly isCertain: Tensor;
}

/** The blocks of an element T, one for each shape. */
export type BlocksOf<A extends readonly Shape[], X> = { readonly [K in keyof A]: X };

/**
 * A group acting on parameters that leaves a loss unchanged. An element near the identity is given by T in the Lie
 * algebra, a list of blocks; T = 0 is the identity.
 *
 * @typeParam P tree of parameters
 * @typeParam A shapes of T's blocks, such as `[Shape]` for one; default a list of any length
 */
export interface Symmetry<P, A extends readonly Shape[] = readonly Shape[]> {
  readonly name: string;
  /** Paths of the parameters that the action moves. */
  readonly paths: readonly string[];
  /**
   * Where the loss is kept: on all data, on the batch that the action gets, on all data up to the small
   * constant of a normalization, or nowhere with certainty.
   */
  readonly exact: "everywhere" | "batch" | "nearly" | "no";
  /**
   * What the group acts on, as `symmetriesOf` describes it. A teleport looks for these generators in the
   * graph of its loss; finding them proves without a computation that the loss is kept. Left out: the
   * teleport tries random elements.
   */
  readonly generators?: readonly GroupGenerator[] | undefined;
  /** Shapes of the blocks of T. */
  readonly algebra: A;
  /** Default bound on the size of T over a teleport: of each element (`element`) or of its Frobenius norm (`norm`). */
  readonly bound: { readonly kind: "element" | "norm"; readonly value: number };
  /** Shapes of what {@link context} returns for a batch; left out: none. */
  contextShapes?(batch: BatchSpec): readonly Shape[];
  /** Compiles in advance what {@link context} and {@link act} need for parameters and batches of these shapes. */
  prepare?(params: P, batch: BatchSpec): Promise<void>;
  /** Arrays that depend on parameters and batch and are held fixed in the derivative, such as pseudo-inverses. */
  context?(params: P, batch: Batch): Promise<readonly NdArray[] | Refusal>;
  /** The derivative of the action at the identity, d/de act(e T) w at e = 0, linear in T. Traced. */
  derivative(
    params: TensorsOf<P>,
    T: BlocksOf<A, Tensor>,
    batch: BatchTensors,
    context: readonly Tensor[],
  ): TensorsOf<P>;
  /** The action itself: new parameters of the same loss. */
  act(params: P, T: BlocksOf<A, NdArray>, batch: Batch): Promise<P | Refusal>;
  /**
   * The same action as a traced function; not finite where {@link act} refuses. T = 0 keeps the parameters exactly. A
   * teleport is a program of such actions, one after another, so that searches need it, and of a symmetry with a
   * {@link context} {@link traceContext}, too.
   */
  trace?(params: TensorsOf<P>, T: BlocksOf<A, Tensor>, batch: BatchTensors): TensorsOf<P>;
  /** Why {@link act} refuses where the traced action is not finite; left out: a report says that a parameter is not finite. */
  readonly traceRefusal?: string | undefined;
  /** The same as {@link context} as a traced function. */
  traceContext?(params: TensorsOf<P>, batch: BatchTensors): TracedContext;
  /** Whether elements add up: the element that acts as T after S is S + T; default false. */
  readonly additive?: boolean | undefined;
  /** T of the inverse element; left out where elements do not compose. */
  inverse?(T: BlocksOf<A, NdArray>): BlocksOf<A, NdArray>;
  /** T of the element that acts as `second` after `first`. */
  compose?(second: BlocksOf<A, NdArray>, first: BlocksOf<A, NdArray>): BlocksOf<A, NdArray>;
  /**
   * Transforms a tree like the parameters along with the action: with power 1 as a gradient,
   * g' = (dw'/dw)^-T g, with power 2 as the element-wise squares of one. `params` is the point before the action.
   */
  pushForward?(tree: P, T: BlocksOf<A, NdArray>, power: 1 | 2, params: P, batch: Batch): Promise<P | Refusal>;
  /** The same push-forward as a traced function, with {@link trace}; left out: the host pushes. */
  tracePushForward?(
    tree: TensorsOf<P>,
    T: BlocksOf<A, Tensor>,
    power: 1 | 2,
    params: TensorsOf<P>,
    batch: BatchTensors,
  ): TensorsOf<P>;
  /**
   * Releases what {@link prepare}, {@link context} and {@link act} compiled. They compile again when they are
   * called again, so disposing twice, or of a symmetry that is still used elsewhere, costs time only. Must
   * not be called while a call is under way.
   *
   * A search owns its symmetry and disposes it; a teleporter disposes its search. Functions that only read a
   * symmetry, such as `createGainPredictor` and `diagnose`, do not dispose it.
   */
  dispose?(): Promise<void>;
}

/** Whether an action, a context or a push-forward was refused. */
export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "refused" in value;
}

/**
 * Throws unless `value` is a Symmetry.
 *
 * @throws OptionError naming the missing part
 */
export function requireSymmetry(owner: string, value: unknown): void {
  if (typeof value === "function") {
    throw new OptionError(
      `${owner} takes a symmetry; got a function. Call it: positiveScaling(params), say.`,
    );
  }
  if (typeof value !== "object" || value === null) {
    throw new OptionError(
      `${owner} takes a symmetry; got ${value}. Where symmetriesOf finds no such group, its entry is undefined.`,
    );
  }
  const { algebra, bound, act, derivative } = value as Partial<Symmetry<unknown>>;
  const isWanted = {
    "algebra, a list of the shapes of T's blocks": Array.isArray(algebra) && algebra.every(Array.isArray),
    'bound, such as { kind: "norm", value: 1 }': typeof bound?.value === "number",
    "act, a function": typeof act === "function",
    "derivative, a function": typeof derivative === "function",
  };
  const missing = Object.entries(isWanted).find(([, isThere]) => !isThere);
  if (missing) throw new OptionError(`${owner}: a symmetry has an entry ${missing[0]}; this one does not.`);
}

/**
 * Throws unless there is something that a group acts on.
 *
 * @throws OptionError for anything but a list that is not empty
 */
export function requireGenerators(owner: string, value: unknown): void {
  if (Array.isArray(value) && value.length > 0) return;
  throw new OptionError(
    `${owner} takes a list of at least one entry, such as symmetriesOf finds; got ${describeValue(value)}.`,
  );
}

/** The result of a computation on matrices, or a refusal where a matrix is singular or not finite. */
export async function orRefusal<R>(compute: () => R | Promise<R>, what: string): Promise<R | Refusal> {
  try {
    return await compute();
  } catch (error) {
    if (error instanceof NumericalError) return { refused: notInverted(what) };
    throw error;
  }
}

export const notInverted = (what: string): string =>
  `${what} cannot be inverted: it is singular or not finite`;
