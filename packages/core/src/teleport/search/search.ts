import type { Batch, BatchLoss, BatchSpec, BatchTensors } from "../../batch.js";
import { scan } from "../../graph/control/scan.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import type { CompileOptions } from "../../runtime/compile.js";
import type { Refusal, Symmetry } from "../../symmetry/symmetry.js";
import type { Limits } from "../guard.js";
import type { Memory, PointValue } from "../objective/objective.js";
import type { Point } from "../point.js";
import type { RaceArrays, TracedRace } from "../race.js";
import type { Claim } from "./trust-region.js";

/** The problem that a search is created for. */
export interface SearchProblem<P> {
  readonly loss: BatchLoss<P>;
  /** The quantity to increase along a walk. */
  readonly objective: PointValue<P>;
  /** Example parameters and batch, of which only the shapes matter. */
  readonly params: P;
  readonly batch: BatchSpec;
  /** Example of the optimizer's state and learning rate, for the objective. */
  readonly memory: MemoryArrays;
  /** The race of the guard, if it has one. */
  readonly race?: TracedRace<P> | undefined;
  readonly dtype: "float32" | "float64";
  readonly compileOptions: CompileOptions;
}

/** A `Memory` as arrays. */
export interface MemoryArrays {
  readonly optimizer?: Readonly<Record<string, unknown>>;
  readonly learningRate?: Batch[string];
}

/** The setting of a walk: batch and memory stay the same during a teleport. */
export interface Setting<P> {
  readonly batch: Batch;
  readonly memory: MemoryArrays;
  /** Where the race begins, if there is one. */
  readonly race?: RaceArrays | undefined;
  /** Loss, objective and gradient norm of a point in this setting. */
  measure(params: P): Promise<Point>;
}

/** Why a walk is over. */
export interface Stop {
  readonly stopped: string;
}

/**
 * Proposes points of the loss's level set: in the algebra of a group, or without one. Compiled once, for many walks.
 *
 * @typeParam P tree of parameters
 */
export interface Search<P> {
  readonly name: string;
  /** Where the proposals keep the loss; `no`: they may drift as far as the guard allows. */
  readonly exact: Symmetry<P>["exact"];
  /**
   * The claim that its moves keep the loss, unless `exact` is `no`; a teleporter checks it once. Left out:
   * there is nothing to check.
   */
  readonly claim?: Claim<P> | undefined;
  /**
   * What its moves are to reach: a larger objective (default), or a goal of its own, such as balanced weights: then the
   * guard judges the loss alone, and the objective may fall.
   */
  readonly goal?: "objective" | "own" | undefined;
  /** Maximum number of proposals accepted in one walk. */
  readonly steps: number;
  /**
   * Number of walks from different points of the orbit, of which the best result counts; a walk without an accepted step has none.
   * Default 1.
   */
  readonly starts?: number | undefined;
  /** Whether {@link run} runs the race, too; default false: with a race the host is asked at each candidate. */
  readonly races?: boolean | undefined;
  /** Takes all steps in a program with the guard in it, whose decisions count. */
  run(start: P, setting: Setting<P>, limits: Limits, how?: HowToRun<P>): Promise<CompiledWalk<P>>;
  /** The same walk as a part of a larger program, in float64 and in JavaScript; left out where there is none. */
  readonly tracedWalk?: TracedWalk<P> | undefined;
  dispose(): Promise<void>;
}

/** How a search is run. */
export interface HowToRun<P> {
  /** With this the host may refuse a candidate to which the program's guard does not object; then the host runs the race, too. */
  readonly whyNot?: WhyNot<P> | undefined;
  /** Which of several walks, from 0 (default), and the loss at the start, from which the others' drift is counted. */
  readonly index?: number | undefined;
  readonly level?: number | undefined;
}

/**
 * Why a candidate may not be taken; undefined if it may.
 *
 * @param measured left out for a point, other than the start, from which a walk begins: the host measures it
 */
export type WhyNot<P> = (candidate: P, measured?: Point) => Promise<string | undefined>;

/** What a traced walk depends on besides its start. */
export interface TracedSetting {
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** Where the race begins; empty if there is none. */
  readonly race: TensorsOf<RaceArrays> | object;
}

/** A whole walk as a part of a larger program. */
export interface TracedWalk<P> {
  /** Traced: the end of the walk, at the given parameters if no step was taken, and a vector that tells of it. */
  trace(start: TensorsOf<P>, setting: TracedSetting, limits: Limits): TracedEnd<P>;
  /**
   * How trees like the parameters are transformed along with the walk. `host`: by the host alone; left out: its moves have
   * no such map.
   */
  readonly push?: TracedPush<P> | "host" | undefined;
  /** The walk that the vector tells of; undefined if the host has to decide. */
  read(numbers: Float64Array, limits: Limits): WalkRecord | undefined;
}

export interface TracedEnd<P> {
  readonly params: TensorsOf<P>;
  /** Whether a step was taken, as a bool. */
  readonly isMoved: Tensor;
  readonly numbers: Tensor;
  /** For a {@link TracedWalk.push}; else left out. */
  readonly elements?: Elements | undefined;
}

/** What a walk did, without its end. */
export type WalkRecord = Pick<CompiledWalk<unknown>, "steps" | "halvings" | "points" | "reason">;

/**
 * The elements of a walk's steps: their sum where elements add up, else all of them, a row each with the identity where no
 * step was taken.
 */
export type Elements = readonly Tensor[];

/** Where the walk began. */
export interface PushedFrom<P> {
  readonly elements: Elements;
  readonly from: TensorsOf<P>;
  readonly batch: BatchTensors;
}

/** Transforms a tree along with a walk, with the power of {@link Symmetry.pushForward}. Traced. */
export type TracedPush<P> = (tree: TensorsOf<P>, power: 1 | 2, walk: PushedFrom<P>) => TensorsOf<P>;

/** See {@link TracedWalk.push}. */
export function tracedPushOf<P>({
  pushForward,
  tracePushForward: push,
  trace,
  additive,
}: Pick<Symmetry<P>, "pushForward" | "tracePushForward" | "trace" | "additive">): TracedWalk<P>["push"] {
  if (push === undefined || trace === undefined) return pushForward && "host";
  if (additive) return (tree, power, { elements, from, batch }) => push(tree, elements, power, from, batch);
  return (tree, power, { elements, from, batch }) => {
    const [{ pushed }] = scan(
      ({ at, pushed: before }: { readonly at: TensorsOf<P>; readonly pushed: TensorsOf<P> }, T: Elements) => [
        { at: trace(at, T, batch), pushed: push(before, T, power, at, batch) },
        [],
      ],
      { at: from, pushed: tree },
      elements,
    );
    return pushed;
  };
}

/** The result of a walk that was taken at once. */
export interface CompiledWalk<P> {
  /** Parameters at the end. */
  readonly params: P;
  readonly steps: number;
  /** Number of steps that were refused and halved; default 0. */
  readonly halvings?: number | undefined;
  /**
   * Measurements of the start and of the point after each step: one more than there were steps, or none where the host must
   * decide.
   */
  readonly points: readonly Point[];
  /** Why the walk ended. */
  readonly reason: string;
  readonly pushForward?: ((tree: P, power: 1 | 2) => Promise<P | Refusal>) | undefined;
}

/** Creates a search for a problem: the return type of functions such as `gradientAscent`. */
export type SearchFactory<P> = (problem: SearchProblem<P>) => Promise<Search<P>>;
