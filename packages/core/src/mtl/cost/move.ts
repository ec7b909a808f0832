import type { NdArray } from "../../array.js";
import { isNdArray } from "../../array.js";
import type { Batch, BatchLoss } from "../../batch.js";
import type { Optimizer } from "../../optim/optimizer.js";
import type { CompileOptions } from "../../runtime/compile.js";
import type { Symmetry } from "../../symmetry/symmetry.js";
import type { GuardOptions } from "../../teleport/guard.js";
import type { GradientAscentOptions } from "../../teleport/search/ascent/gradient-ascent.js";
import type { SearchFactory } from "../../teleport/search/search.js";
import { flatten } from "../../tree.js";
import type { AdapterOptions } from "./adapter/adapter.js";
import type { Improve } from "./adapter/improve.js";
import type { CostTrustRegion, InnerValue } from "./adapter/inner-loop.js";
import type { Parts, SharedLosses } from "./shared-losses.js";

/** What a symmetry of the shared parameters is made from: the mean loss as a function of them, heads as data. */
export interface SharedProblem<S> {
  readonly loss: BatchLoss<S>;
  readonly batch: Batch;
}

/**
 * How shared parameters are moved: by a trained `adapter`; by a `random` displacement of the trust region's length, the
 * control; on the orbit of a symmetry of the shared parameters; or by a search for points of the mean loss's level set.
 * The last two raise L_g alone: what they move keeps the losses by itself, as far as it does.
 *
 * @typeParam S tree of shared parameters
 */
export type CostMove<S> =
  | "adapter"
  | "random"
  | ({
      readonly symmetry: Symmetry<S> | ((shared: S, problem: SharedProblem<S>) => Symmetry<S>);
      /** Of the teleport itself, before that of COST; default: see `GuardOptions`. */
      readonly guard?: GuardOptions | false | undefined;
      /** Goes on with a symmetry that does not keep the mean loss: see `TeleporterOptions`; default false. */
      readonly allowInexact?: boolean | undefined;
    } & GradientAscentOptions)
  | {
      readonly search: SearchFactory<S>;
      readonly guard?: GuardOptions | false | undefined;
      readonly allowInexact?: boolean | undefined;
    };

/** What moves are compiled for. */
export interface MoveProblem {
  readonly losses: SharedLosses;
  readonly tasks: number;
  readonly parts: Parts;
  readonly batch: Batch;
  readonly adapter: AdapterOptions;
  readonly improve: Improve;
  readonly weight: number;
  readonly optimizer: Optimizer;
  readonly trust: CostTrustRegion;
  readonly dtype: "float32" | "float64";
  readonly compileOptions: CompileOptions;
}

/** Where a move begins. */
export interface MoveStart {
  readonly parts: Parts;
  readonly conflicting: Batch;
  readonly anchors: readonly Batch[];
  readonly frozen: readonly Float64Array[];
  readonly balance: Float64Array;
  readonly learningRate: number;
  readonly steps: number;
  readonly seed: number;
}

/** A point that a move leads to. */
export interface Proposal {
  readonly name: string;
  /** Shared parameters at a fraction of the way; a move that cannot be shortened has them at 1 alone. */
  at(fraction: number): unknown;
  readonly divisible: boolean;
  /** Objective before and after, where it was measured on the way. */
  readonly first?: InnerValue | undefined;
  readonly last?: InnerValue | undefined;
  /** What a search said of its end. */
  readonly note?: string | undefined;
}

/** How points are proposed. Compiled once, for many teleports. */
export interface Mover {
  propose(start: MoveStart): Promise<Proposal>;
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

/** a - b, leaf after leaf in one vector. */
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
