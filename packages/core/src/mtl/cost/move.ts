import { isNdArray, type NdArray } from "../../array.js";
import type { Batch, BatchLoss } from "../../batch.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import type { GuardOptions } from "../../teleport/guard.js";
import type { GradientAscentOptions } from "../../teleport/search/gradient-ascent.js";
import type { SearchFactory } from "../../teleport/search/search.js";
import { flatten } from "../../tree.js";
import type { AdapterOptions } from "./adapter/adapter.js";
import type { InnerProblem, InnerStart, InnerValue } from "./adapter/inner-loop.js";

/**
 * The problem for which a symmetry of the shared parameters is created: the mean loss as a function of them,
 * with the heads as data.
 */
export interface SharedProblem<S> {
  readonly loss: BatchLoss<S>;
  readonly batch: Batch;
}

/**
 * How shared parameters are moved: by a trained `adapter`; by a `random` displacement of the trust region's length, the
 * control; on the orbit of a symmetry of the shared parameters; or by a search for points of the mean loss's
 * level set. The last two only raise L_g: they keep the losses by construction, as far as symmetry or search
 * does.
 *
 * @typeParam S tree of shared parameters
 */
export type CostMove<S> =
  | "adapter"
  | "random"
  | ({
      readonly symmetry: Symmetry<S> | ((shared: S, problem: SharedProblem<S>) => Symmetry<S>);
      /** Guard of the teleport itself, which precedes that of COST; default: see `GuardOptions`. */
      readonly guard?: GuardOptions | false | undefined;
      /** Continues with a symmetry that does not keep the mean loss: see `TeleporterOptions`; default false. */
      readonly allowInexact?: boolean | undefined;
    } & GradientAscentOptions)
  | {
      readonly search: SearchFactory<S>;
      readonly guard?: GuardOptions | false | undefined;
      readonly allowInexact?: boolean | undefined;
    };

/** The problem for which moves are compiled. */
export interface MoveProblem extends Omit<InnerProblem, "adapter"> {
  /** Leaves of the shared parameters that training changes: L_g is of their gradients, and adapters move no others. */
  readonly trained: readonly number[];
  readonly adapter: AdapterOptions;
}

/** A point that a move proposes. */
export interface Proposal {
  readonly name: string;
  /** Shared parameters at a fraction of the displacement; a move that cannot be shortened has them only at 1. */
  at(fraction: number): unknown;
  readonly divisible: boolean;
  /** Objective before and after, if the move measured it. */
  readonly first?: InnerValue | undefined;
  readonly last?: InnerValue | undefined;
  /** Why a search ended. */
  readonly note?: string | undefined;
}

/** Proposes points. Compiled once, for many teleports. */
export interface Mover {
  propose(start: InnerStart): Promise<Proposal>;
  dispose(): Promise<void>;
}

/** sqrt of the sum of squares of all leaves of a tree. */
export function lengthOf(tree: unknown): number {
  let square = 0;
  for (const { data } of flatten<NdArray>(tree, isNdArray).leaves) square += squareOf(data as Float64Array);
  return Math.sqrt(square);
}

export function squareOf(data: Float64Array | Float32Array): number {
  let square = 0;
  for (let k = 0; k < data.length; k++) square += data[k] * data[k];
  return square;
}

/** a - b, the leaves concatenated in one vector. */
export function differenceOf(a: unknown, b: unknown): Float64Array {
  const from = flatten<NdArray>(b, isNdArray).leaves;
  const { leaves } = flatten<NdArray>(a, isNdArray);
  const out = new Float64Array(leaves.reduce((n, { data }) => n + data.length, 0));
  let at = 0;
  leaves.forEach(({ data }, i) => {
    const other = from[i].data as Float64Array;
    for (let k = 0; k < data.length; k++) out[at++] = (data as Float64Array)[k] - other[k];
  });
  return out;
}
