// A whole walk of guarded passes, race included, as a graph.

import type { NdArray } from "../../array.js";
import type { Batch, BatchTensors } from "../../batch.js";
import { backward } from "../../graph/autodiff.js";
import { cond } from "../../graph/control/cond.js";
import { whileLoop } from "../../graph/control/while.js";
import type { Graph } from "../../graph/graph.js";
import { add } from "../../graph/ops/arithmetic.js";
import { equal, greaterEqual, less, logicalAnd, logicalNot, where } from "../../graph/ops/compare.js";
import { constant, fill, fillLike } from "../../graph/ops/leaf.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat, vectorOf } from "../../graph/ops/slice.js";
import { alias } from "../../graph/ops/stop-gradient.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { flatten, unflatten } from "../../tree.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { RaceArrays } from "../race.js";
import { type Bounds, boundNames, type Measured, stepNumbers, unpacked } from "./guard-graph.js";
import {
  type Carried,
  firstStatus,
  guardedPass,
  nextFrom,
  type Onward,
  type Reason,
  type Retry,
  rowOf,
  type Status,
  type TracedProposals,
  toldNames,
  type Visit,
  widthOf,
} from "./guarded-loop.js";
import type { CompiledWalk, Elements, SearchProblem, Setting, TracedWalk } from "./search.js";

/** What moves in a walk. */
export interface Place<P> {
  readonly params: TensorsOf<P>;
}

/** What a walk depends on besides its start. */
export interface WalkInputs<G, I = undefined> {
  readonly batch: BatchTensors;
  readonly memory: Memory;
  /** What the host gives to the program. */
  readonly given: TensorsOf<G>;
  /** See {@link WalkOptions.invariant}. */
  readonly invariant: I;
  /** Where the race begins, if there is one. */
  readonly race: TensorsOf<RaceArrays | object>;
  readonly bounds: Bounds;
}

export type Inputs<G> = Omit<WalkInputs<G>, "invariant">;

/**
 * What a walk proposes. Traced.
 *
 * @typeParam X the parameters, and what else moves with them
 * @typeParam S tree of what a proposal depends on
 * @typeParam G tree of what the host gives
 * @typeParam I what is computed once, at the start
 */
export interface WalkOptions<P, X extends Place<P>, S, G, I = undefined> {
  readonly steps: number;
  /** See {@link TracedWalk.push}, and {@link TracedEnd.elements}. */
  readonly push: TracedWalk<P>["push"];
  elementsOf?(place: X): Elements;
  /** Example of what the host gives, and its values where a walk is not given others. */
  readonly given: G;
  /** Reasons to stop, by number from 1. */
  readonly reasons: readonly Reason[];
  /** Why a new point's parameters are not finite; left out: the guard says that they are not. */
  readonly lost?: string | undefined;
  /** Why a walk ends whose reason is undefined. */
  explain?(end: P, setting: Setting<P>): Promise<string>;
  /** Transforms a tree along the steps that led to a place, whose arrays are given by name. */
  pushForward?(end: WalkEnd<P>): CompiledWalk<P>["pushForward"];
  /** The place before the first pass, and the state there. */
  begin(start: TensorsOf<P>): X;
  first(start: TensorsOf<P>): S;
  /** What stays the same along a walk; left out: nothing. */
  invariant?(start: TensorsOf<P>, inputs: Inputs<G>): I;
  /** See {@link TracedProposals}; before the start is accepted, the start itself. */
  candidate(base: X, state: S, status: Status<Tensor>, inputs: WalkInputs<G, I>): X;
  /** See {@link TracedProposals}, without the race; left out: what is measured is the same for all, and then `onward`. */
  visit?(place: X, from: Carried<X, S>, inputs: WalkInputs<G, I>): Visit<X, S>;
  onward?(place: X, measured: Measured, inputs: WalkInputs<G, I>, from: Carried<X, S>): Onward<S>;
  /**
   * Whether `onward` is computed at every candidate, also where no step follows: it then shares more with the measurement
   * than a branch can. Default false.
   */
  readonly eager?: boolean | undefined;
  /** Whether there is one candidate at most, of which no other follows: its two passes need no loop. Default false. */
  readonly isJump?: boolean | undefined;
  /**
   * A measurement that shares what stays the same along the walk, also with what follows; the last point is measured without
   * that. Left out: all are.
   */
  measure?(place: X, inputs: WalkInputs<G, I>): Measured;
  retry?(base: X, state: S, status: Status<Tensor>, inputs: WalkInputs<G, I>): Retry<S>;
}

/** The last place of a walk that was taken. */
export interface WalkEnd<P> {
  readonly place: Readonly<Record<string, NdArray>>;
  readonly steps: number;
  readonly start: P;
  readonly batch: Batch;
}

/** Passes at most: a bound that no walk comes near. */
const mostPasses = 2 ** 31 - 1;

/** What is carried from pass to pass. */
interface Walked<X, S> extends Carried<X, S> {
  /** The rows of accepted points but that of the last step; and that one, or that of the last refused candidate. */
  readonly points: Tensor;
  readonly latest: Tensor;
}

/** A walk as a graph: its beginning, its passes, and its end. */
export function walkOf<P, X extends Place<P>, S, G, I>(
  { loss, objective, race, dtype }: SearchProblem<P>,
  {
    steps,
    begin,
    first,
    invariant,
    measure,
    visit,
    candidate,
    onward,
    eager,
    isJump,
    retry,
  }: WalkOptions<P, X, S, G, I>,
) {
  const rows = Math.max(steps, 1);
  const width = widthOf(race);
  const scalar = (x: Tensor) => reshape(x, []);
  const measuredAt = (params: TensorsOf<P>, { batch, memory }: Inputs<G>): Measured => {
    const { leaves: given, def } = flatten(params, isTensor);
    const leaves = given.map(alias);
    const p = unflatten(def, leaves) as TensorsOf<P>;
    const value = scalar(objective(p, batch, memory));
    return {
      loss: scalar(loss(p, batch)),
      objective: value,
      gradNormSq: gradNormSq(loss)(p, batch, memory),
      slope: () => backward([value], [fillLike(value, 1)], leaves),
    };
  };
  const inputsOf = (start: TensorsOf<P>, given: Inputs<G>): WalkInputs<G, I> => ({
    ...given,
    invariant: invariant?.(start, given) as I,
  });
  return {
    begin: (start: TensorsOf<P>): Walked<X, S> => ({
      base: begin(start),
      state: first(start),
      status: firstStatus(dtype),
      points: fill([rows, width], 0, dtype),
      latest: fill([width], 0, dtype),
    }),
    /** @param asks see {@link guardedPass} */
    goOn(at: Walked<X, S>, start: TensorsOf<P>, given: Inputs<G>, asks = false): Walked<X, S> {
      const inputs = inputsOf(start, given);
      const raced = (p: TensorsOf<P>) =>
        race && scalar(race.lossAfter(p, given.batch, given.race as TensorsOf<RaceArrays>));
      /** @param isLast whether nothing follows a candidate */
      const proposals = (isLast: boolean): TracedProposals<X, S> => ({
        candidate: (base, state, status) => candidate(base, state, status, inputs),
        visit(place, from) {
          const p = place.params;
          if (visit) {
            const seen = visit(place, from, inputs);
            const racedLoss =
              race &&
              cond(
                seen.isReady ?? constant(1, "bool"),
                () => raced(p) as Tensor,
                () => constant(0, dtype),
              );
            return { ...seen, measured: { ...seen.measured, racedLoss, params: p } };
          }
          const last = () => {
            const { slope, ...own } = measuredAt(p, given);
            return {
              own: measure ? own : { ...own, slope },
              state: from.state,
              stop: fillLike(from.status.taken, 0),
            };
          };
          const shared = (own: Measured) => ({ own, ...(onward?.(place, own, inputs, from) as Onward<S>) });
          const { own, ...next } = measure
            ? cond(greaterEqual(add(from.status.taken, 1), given.bounds.steps), last, () =>
                shared(measure(place, inputs)),
              )
            : last();
          const measured = {
            ...own,
            ...(race ? { racedLoss: raced(p) } : {}),
            params: p,
          };
          const goingOn = () =>
            measure || isLast ? next : (onward?.(place, measured, inputs, from) as Onward<S>);
          const again = retry && (() => retry(from.base, from.state, from.status, inputs));
          return { measured, next: nextFrom(from.state, goingOn, { retry: again, eager }) };
        },
      });
      const isGoing = ({ status }: Walked<X, S>) => equal(status.outcome, 0);
      const pass = ({ points, latest, ...from }: Walked<X, S>, isLast = false): Walked<X, S> => {
        const proposed = proposals(isLast);
        const { next, row, isJudged, isStepping } = guardedPass<X, S>(from, proposed, given.bounds, asks);
        const isRow = () => equal(stepNumbers(rows, 1, dtype), next.status.taken);
        const isLatest = isJudged ? logicalAnd(isJudged, logicalNot(isStepping)) : logicalNot(isStepping);
        return {
          ...next,
          points: cond(
            isStepping,
            () => where(isRow(), row, points),
            () => points,
          ),
          latest: where(isLatest, row, latest),
        };
      };
      if (!isJump) return whileLoop<Walked<X, S>>(isGoing, (from) => pass(from), at, { most: mostPasses });
      const first = pass(at);
      return cond(
        isGoing(first),
        () => pass(first, true),
        () => first,
      );
    },
    candidate: ({ base, state, status }: Walked<X, S>, start: TensorsOf<P>, given: Inputs<G>): X =>
      candidate(base, state, status, inputsOf(start, given)),
    /** Where the walk is, the number of its steps, and what the host reads of its status and its rows. */
    endOf({ base, status, points, latest }: Walked<X, S>, given: Inputs<G>) {
      const { taken, racedLoss } = status;
      const last =
        measure &&
        cond(
          less(taken, given.bounds.steps),
          () => rowOf({ ...measuredAt(base.params, given), ...(race ? { racedLoss } : {}) }),
          () => latest,
        );
      return {
        base,
        taken,
        told: vectorOf(toldNames.map((name) => status[name])),
        rows: concat([...(last ? [last] : []), latest, reshape(points, [points.size])]),
      };
    },
  };
}

/** A search as a loop of guarded passes, of `params`, `batch`, `memory`, `given`, `race` and `bounds`. */
export function traceWalk<P, X extends Place<P>, S, G, I = undefined>(
  problem: SearchProblem<P>,
  options: WalkOptions<P, X, S, G, I>,
): Graph {
  const { params, batch, memory, race, dtype } = problem;
  const walked = walkOf(problem, options);
  return trace(
    ({ params: start, bounds, ...others }) => {
      const inputs = { ...others, bounds: unpacked(bounds, boundNames) } as Inputs<G>;
      const p = start as TensorsOf<P>;
      const { base, told, rows } = walked.endOf(walked.goOn(walked.begin(p), p, inputs), inputs);
      // Apart: arrays of at most eight numbers are several times as fast to make.
      return { ...base, told, rows };
    },
    {
      params,
      batch,
      memory,
      given: options.given,
      race: race?.start ?? {},
      bounds: spec([boundNames.length], dtype),
    },
  ).graph;
}
