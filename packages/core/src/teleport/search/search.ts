import type { Batch, BatchLoss, BatchSpec } from "../../batch.js";
import type { CompileOptions } from "../../runtime/compile.js";
import type { Refusal, Symmetry } from "../../symmetry/symmetry.js";
import type { Limits } from "../guard.js";
import type { PointValue } from "../objective/objective.js";
import type { Point } from "../point.js";
import type { Claim } from "./claim.js";

/** What a search is made for. */
export interface SearchProblem<P> {
  readonly loss: BatchLoss<P>;
  /** What grows along a walk. */
  readonly objective: PointValue<P>;
  /** Example parameters and batch: their shapes count. */
  readonly params: P;
  readonly batch: BatchSpec;
  /** Example of what the objective may know of the optimizer. */
  readonly memory: MemoryArrays;
  readonly dtype: "float32" | "float64";
  readonly compileOptions: CompileOptions;
}

/** A `Memory` as arrays. */
export interface MemoryArrays {
  readonly optimizer?: Readonly<Record<string, unknown>>;
  readonly learningRate?: Batch[string];
}

/** Where a walk goes on: batch and memory stay the same over a teleport. */
export interface Setting<P> {
  readonly batch: Batch;
  readonly memory: MemoryArrays;
  /** Loss, objective and gradient norm of a point in this setting. */
  measure(params: P): Promise<Point>;
}

/** Why a walk is over. */
export interface Stop {
  readonly stopped: string;
}

/**
 * How points of the loss level set are proposed: in the algebra of a group, or without one. Compiled once, for many walks.
 *
 * @typeParam P tree of parameters
 */
export interface Search<P> {
  readonly name: string;
  /** Where the proposals keep the loss; `no`: only as far as the guard lets them drift. */
  readonly exact: Symmetry<P>["exact"];
  /**
   * What it says keeps the loss where `exact` is not `no`: a teleporter checks that once. Left out: there is nothing to
   * check.
   */
  readonly claim?: Claim<P> | undefined;
  /** Most proposals that are taken in one walk. */
  readonly steps: number;
  /** Walks from different points of the orbit, of which the best end counts; default 1. */
  readonly starts?: number | undefined;
  /** Begins a walk; `index` counts the walks of a teleport. */
  walk(start: P, setting: Setting<P>, index: number): Promise<Walk<P>>;
  /**
   * Up to `steps` steps at once, as a walk would take them; left out where that needs the host between steps. Undefined
   * where it cannot tell what the guard would say.
   */
  compiledWalk?(
    start: P,
    setting: Setting<P>,
    steps: number,
    limits: Limits,
  ): Promise<CompiledWalk<P> | undefined>;
  dispose(): Promise<void>;
}

/** A walk that was taken at once. */
export interface CompiledWalk<P> {
  /** The end. */
  readonly params: P;
  readonly steps: number;
  /** Steps that were refused and halved; default 0. */
  readonly halvings?: number | undefined;
  /** The start, where each step led, and the end if it was measured, too: as many as there were steps, or one more. */
  readonly points: readonly Point[];
  /** Why it ended there. */
  readonly reason: string;
  pushForward?(tree: P, power: 1 | 2): Promise<P | Refusal>;
}

/** A search under way. */
export interface Walk<P> {
  /** Where it begins, if elsewhere than at the start. */
  readonly origin?: P | Refusal | undefined;
  /**
   * The next point. `scale` is 1, and smaller after a proposal that the guard did not take: a refusal asks for such a
   * smaller one, a stop ends the walk.
   */
  propose(scale: number): Promise<P | Refusal | Stop>;
  /** Goes on from the last proposal. */
  accept(): void;
  /** Carries a tree like the parameters along all that was accepted: see {@link Symmetry.pushForward}. */
  pushForward?(tree: P, power: 1 | 2): Promise<P | Refusal>;
}

/** Makes a search for a problem: what the functions for users, such as `gradientAscent`, return. */
export type SearchFactory<P> = (problem: SearchProblem<P>) => Promise<Search<P>>;

/** Whether a walk is over; `stopped` then says why. */
export function isStop(value: unknown): value is Stop {
  return typeof value === "object" && value !== null && "stopped" in value;
}
