import type { NdArray, Shape } from "../array.js";
import type { Batch, BatchSpec, BatchTensors } from "../batch.js";
import { describeValue, NumericalError, OptionError } from "../errors.js";
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
 * A group acting on parameters that leaves a loss unchanged, as traced functions. An element near the identity is given by
 * T in the Lie algebra, a list of blocks; T = 0 is the identity. `defineSymmetry` makes a {@link Symmetry} of it.
 *
 * @typeParam P tree of parameters
 * @typeParam A shapes of T's blocks, such as `[Shape]` for one; default a list of any length
 */
export interface SymmetryDefinition<P, A extends readonly Shape[] = readonly Shape[]> {
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
  /** Shapes of what {@link traceContext} returns for a batch; left out: none. */
  contextShapes?(batch: BatchSpec): readonly Shape[];
  /** The derivative of the action at the identity, d/de act(e T) w at e = 0, linear in T. Traced. */
  derivative(
    params: TensorsOf<P>,
    T: BlocksOf<A, Tensor>,
    batch: BatchTensors,
    context: readonly Tensor[],
  ): TensorsOf<P>;
  /**
   * The action: new parameters of the same loss; not finite where the group cannot act. T = 0 keeps the parameters exactly.
   * Traced: a teleport is a program of such actions, one after another.
   */
  trace(params: TensorsOf<P>, T: BlocksOf<A, Tensor>, batch: BatchTensors): TensorsOf<P>;
  /** Why the group cannot act where {@link trace} is not finite; left out: a report says that a parameter is not finite. */
  readonly traceRefusal?: string | undefined;
  /**
   * What depends on parameters and batch and is held fixed in the derivative, such as pseudo-inverses; left out: nothing.
   * Traced.
   */
  traceContext?(params: TensorsOf<P>, batch: BatchTensors): TracedContext;
  /** Whether elements add up: the element that acts as T after S is S + T; default false. */
  readonly additive?: boolean | undefined;
  /** T of the inverse element; left out where elements do not compose. */
  inverse?(T: BlocksOf<A, NdArray>): BlocksOf<A, NdArray>;
  /** T of the element that acts as `second` after `first`. */
  compose?(second: BlocksOf<A, NdArray>, first: BlocksOf<A, NdArray>): BlocksOf<A, NdArray>;
  /**
   * Transforms a tree like the parameters along with the action: with power 1 as a gradient,
   * g' = (dw'/dw)^-T g, with power 2 as the element-wise squares of one. `params` is the point before the action. Traced.
   */
  tracePushForward?(
    tree: TensorsOf<P>,
    T: BlocksOf<A, Tensor>,
    power: 1 | 2,
    params: TensorsOf<P>,
    batch: BatchTensors,
  ): TensorsOf<P>;
}

/** A group with its action on arrays: what `defineSymmetry` adds to a {@link SymmetryDefinition}. */
export interface Symmetry<P, A extends readonly Shape[] = readonly Shape[]> extends SymmetryDefinition<P, A> {
  /** Compiles in advance what {@link context} and {@link act} need for parameters and batches of these shapes. */
  prepare?(params: P, batch: BatchSpec): Promise<void>;
  /** {@link traceContext} on arrays, or why the group cannot act there. */
  context?(params: P, batch: Batch): Promise<readonly NdArray[] | Refusal>;
  /** {@link trace} on arrays; where that is not finite, a refusal if there is a {@link traceRefusal}. */
  act(params: P, T: BlocksOf<A, NdArray>, batch: Batch): Promise<P | Refusal>;
  /** {@link tracePushForward} on arrays. */
  pushForward?(tree: P, T: BlocksOf<A, NdArray>, power: 1 | 2, params: P, batch: Batch): Promise<P | Refusal>;
  /**
   * Releases what {@link prepare}, {@link context}, {@link act} and {@link pushForward} compiled. They compile again when they
   * are called again, so disposing twice, or of a symmetry that is still used elsewhere, costs time only. Must
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
  const { name, algebra, bound, act, derivative } = value as Partial<Symmetry<unknown>>;
  const isThere = {
    "name, a text": typeof name === "string",
    "algebra, a list of the shapes of T's blocks": Array.isArray(algebra) && algebra.every(Array.isArray),
    'bound, such as { kind: "norm", value: 1 }':
      (bound?.kind === "norm" || bound?.kind === "element") && typeof bound.value === "number",
    "derivative, a function": typeof derivative === "function",
  };
  const requireAll = (parts: Readonly<Record<string, boolean>>) => {
    const missing = Object.keys(parts).find((part) => !parts[part]);
    if (missing) throw new OptionError(`${owner}: a symmetry has an entry ${missing}; this one does not.`);
  };
  requireAll(isThere);
  requireTraced(owner, value);
  requireAll({ "act, a function, which defineSymmetry makes of trace": typeof act === "function" });
}

/**
 * Throws unless a symmetry's action is traced, and its context if it has one.
 *
 * @throws OptionError that shows how to write it
 */
export function requireTraced(owner: string, symmetry: object): void {
  const { name, trace, context, traceContext } = symmetry as Partial<Symmetry<unknown>>;
  if (typeof trace !== "function") {
    throw new OptionError(
      `${owner} needs the action of "${name}" as a traced function, \`trace(params, T, batch)\`: a teleport is one program. ` +
        "Write with the functions of isoloss/ops what `act` does with arrays; defineSymmetry then makes `act` of it: " +
        "defineSymmetry({ ..., trace: ({ a, b }, [t]) => ({ a: mul(exp(t), a), b: div(b, exp(t)) }) }).",
    );
  }
  if (context !== undefined && traceContext === undefined) {
    throw new OptionError(
      `${owner} needs the context of "${name}" as a traced function, \`traceContext(params, batch)\`: ` +
        "it returns the arrays of `context` as tensors, and whether they are certain: { context, isCertain }.",
    );
  }
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
