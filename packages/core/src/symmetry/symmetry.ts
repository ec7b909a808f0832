import type { NdArray, Shape } from "../array.js";
import type { Tensor } from "../graph/tensor.js";
import type { SpecLeaf, TensorsOf } from "../graph/trace.js";

/** Why a group cannot act here, as a value: a teleport then reports it and moves nothing. */
export interface Refusal {
  readonly refused: string;
}

/**
 * A group acting on parameters that leaves a loss unchanged. An element near the identity is given by T in the Lie
 * algebra, a list of blocks; T = 0 is the identity.
 *
 * @typeParam P tree of parameters
 */
export interface Symmetry<P> {
  readonly name: string;
  /** Whether the loss is kept on all data, or only on the batch that the action is made for. */
  readonly exact: "everywhere" | "batch";
  /** Shapes of the blocks of T. */
  readonly algebra: readonly Shape[];
  /** Default bound on the size of T over a teleport: of each element (`element`) or of its Frobenius norm (`norm`). */
  readonly bound: { readonly kind: "element" | "norm"; readonly value: number };
  /** Shapes of what {@link context} returns for a batch. */
  contextShapes(batchSize: number): readonly Shape[];
  /** Compiles ahead what {@link context} and {@link act} need for parameters and batches of these shapes. */
  prepare?(params: P, x: SpecLeaf): Promise<void>;
  /** Arrays that depend on parameters and batch and are held fixed in the derivative, such as pseudo-inverses. */
  context(params: P, x: NdArray): Promise<readonly NdArray[] | Refusal>;
  /** The derivative of the action at the identity, d/de act(e T) w at e = 0, linear in T. Traced. */
  derivative(params: TensorsOf<P>, T: readonly Tensor[], x: Tensor, context: readonly Tensor[]): TensorsOf<P>;
  /** The action itself: new parameters of the same loss. */
  act(params: P, T: readonly NdArray[], x: NdArray): Promise<P | Refusal>;
  dispose(): Promise<void>;
}

export function isRefusal(value: unknown): value is Refusal {
  return typeof value === "object" && value !== null && "refused" in value;
}
