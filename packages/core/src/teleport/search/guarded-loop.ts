// Accept, or halve and try again, as one pass of a graph: for all searches, made by walk.ts.

import type { NdArray } from "../../array.js";
import { cond } from "../../graph/control/cond.js";
import { add, mul } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, logicalAnd, logicalNot, logicalOr, where } from "../../graph/ops/compare.js";
import { constant, fillLike } from "../../graph/ops/leaf.js";
import { vectorOf } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { findings, isFinitePoint, type Limits, sentenceOf, startNotFinite } from "../guard.js";
import type { Point } from "../point.js";
import { stepsTaken } from "../report.js";
import {
  all,
  type Bounds,
  chosen,
  findingOf,
  hasNumbers,
  isAdmitted,
  isSound,
  type Measured,
} from "./guard-graph.js";
import type { WalkRecord } from "./search.js";

/** A candidate that was evaluated. */
export interface Visit<X, S> {
  readonly measured: Measured;
  /** Whether the guard is to judge it, as a bool; left out: always. Else the search goes on to another one. */
  readonly isReady?: Tensor | undefined;
  /** What follows from the verdict. */
  next(verdict: Verdict<X>): Next<S>;
}

/** What the guard decided; none of it holds for a candidate that is not judged. */
export interface Verdict<X> {
  readonly isStart: Tensor;
  readonly isTaken: Tensor;
  /** Taken, and another step is wanted. */
  readonly isStepping: Tensor;
  readonly isRefused: Tensor;
  /** Refused, and the step is to be halved. */
  readonly isHalved: Tensor;
  /** The loss to keep. */
  readonly startLoss: Tensor;
  /** See {@link statusNames}, after the verdict. */
  readonly scale: Tensor;
  /** The last accepted place, after the verdict. */
  readonly base: X;
}

/** The state from which the next candidate follows; and 0, or the number of a reason to stop, from 1. */
export interface Onward<S> {
  readonly state: S;
  readonly stop: Tensor;
  /** A number that the reason needs. */
  readonly detail?: Tensor | undefined;
}

export interface Next<S> extends Onward<S> {
  /** Whether another candidate follows a refused one, as a bool; left out: where the guard allows a halving. */
  readonly hasOther?: Tensor | undefined;
}

/**
 * Proposals of a search. Traced.
 *
 * @typeParam X tree of what moves
 * @typeParam S tree of what a proposal depends on
 */
export interface TracedProposals<X, S> {
  /** The start itself where the state is that before the first pass. */
  candidate(base: X, state: S, status: Status<Tensor>): X;
  visit(candidate: X, from: Carried<X, S>): Visit<X, S>;
}

/** The state from which the next candidate follows, and whether there is one, as a bool. */
export interface Retry<S> {
  readonly state: S;
  readonly hasOther: Tensor;
}

/**
 * What follows where only accepted candidates lead on.
 *
 * @param onward computed only where another step is wanted, unless `eager`
 * @param retry what follows a refused candidate; left out: the same state, at half the step
 */
export const nextFrom =
  <X, S>(
    state: S,
    onward: () => Onward<S>,
    { retry, eager }: { readonly retry?: (() => Retry<S>) | undefined; readonly eager?: boolean | undefined },
  ): Visit<X, S>["next"] =>
  ({ isStepping, isHalved, scale }) => {
    const retried = retry && cond(isHalved, retry, () => ({ state, hasOther: isHalved }));
    const none = fillLike(scale, 0);
    const still: Onward<S> = { state: retried?.state ?? state, stop: none, detail: none };
    const going = (): Onward<S> => ({ detail: none, ...onward() });
    const next = eager
      ? (chosen(isStepping, going() as never, still as never) as Onward<S>)
      : cond(isStepping, going, () => still);
    return { ...next, hasOther: retried?.hasOther };
  };

export const statusNames = [
  "startLoss",
  "objective",
  /** The loss after the race from the last accepted point; 0 without a race. */
  "racedLoss",
  /** 1, and half of that after each refused candidate. */
  "scale",
  /** Number of accepted steps, -1 before the start itself is accepted, and of refused ones that were halved. */
  "taken",
  "halvings",
  /** What the guard found, by number from 1, or the host, at the candidate that was refused last, since then none was accepted. */
  "finding",
  /** What the host said of the candidate: 0 it was not asked, 1 it may be taken, 2 it may not. */
  "answer",
  /** See {@link Onward.detail}. */
  "detail",
  "outcome",
] as const;

/** What the host reads of a status, in this order. */
export const toldNames = ["taken", "halvings", "finding", "detail", "outcome"] as const;

type Float = "float32" | "float64";
export type Status<T> = Record<(typeof statusNames)[number], T>;

/** How a loop ended that does not stop for a reason, whose number is above 0. */
const outcomes = { "going on": 0, "steps taken": -1, refused: -2, start: -3, asking: -4 } as const;

/** The outcome of a loop that waits for the host. */
export const { asking } = outcomes;

/** What the host found, after the guard's findings. */
const hostFinding = findings.length + 1;

/** A status before the first pass. */
export const firstStatus = (dtype: Float): Status<Tensor> => {
  const begin: Partial<Status<number>> = { scale: 1, taken: -1 };
  return Object.fromEntries(
    statusNames.map((name) => [name, constant(begin[name] ?? 0, dtype)]),
  ) as Status<Tensor>;
};

/** What is carried from pass to pass. */
export interface Carried<X, S> {
  /** The last accepted point, and the state there. */
  readonly base: X;
  readonly state: S;
  readonly status: Status<Tensor>;
}

export interface Passed<X, S> {
  readonly next: Carried<X, S>;
  /** See {@link rowOf}. */
  readonly row: Tensor;
  /** Whether the guard judged the candidate, and whether it was accepted and another step follows. */
  readonly isJudged: Tensor | undefined;
  readonly isStepping: Tensor;
}

/**
 * Measures one candidate, judges it as the guard does, and moves on from it or halves the step to it.
 *
 * @param asks whether the loop ends at each candidate that keeps the loss, "asking", until the host answers
 */
export function guardedPass<X, S>(
  from: Carried<X, S>,
  { candidate, visit }: TracedProposals<X, S>,
  bounds: Bounds,
  asks = false,
): Passed<X, S> {
  const { base, state, status: s } = from;
  const isStart = greater(0, s.taken);
  const here = candidate(base, state, s);
  const { measured, isReady, next: nextOf } = visit(here, from);
  const level = where(equal(bounds.level, bounds.level), bounds.level, measured.loss);
  const startLoss = where(isStart, level, s.startLoss);
  const before = { ...s, isStart, startLoss };
  const isFree = isAdmitted(measured, before, bounds, isReady);
  const isTaken = asks ? logicalAnd(isFree, logicalOr(isStart, equal(s.answer, 1))) : isFree;
  const taken = where(isTaken, add(s.taken, 1), s.taken);
  const isStepping = logicalAnd(isTaken, less(taken, bounds.steps));
  const isRefused = all(...(isReady ? [isReady] : []), logicalNot(isTaken), logicalNot(isStart));
  const isHalved = logicalAnd(isRefused, less(s.halvings, bounds.halvings));
  const scale = where(isHalved, mul(0.5, s.scale), s.scale);
  const at = chosen<X>(isTaken, here as never, base as never, "branch") as X;
  const next = nextOf({ isStart, isTaken, isStepping, isRefused, isHalved, startLoss, scale, base: at });
  const isRetried = next.hasOther ?? isHalved;
  const ended = (name: keyof typeof outcomes) => fillLike(taken, outcomes[name]);
  const refused = where(isRetried, next.stop, where(isStart, ended("start"), ended("refused")));
  const accepted = where(isStepping, next.stop, ended("steps taken"));
  const judged = where(isTaken, accepted, refused);
  const failed = findingOf(measured, before, bounds);
  const { params } = measured;
  // A search that says itself which candidates are ready has tested their numbers.
  const finding =
    params === undefined || isReady
      ? failed
      : where(hasNumbers(params), failed, findings.indexOf("parameters") + 1);
  const found = asks ? where(equal(s.answer, 2), hostFinding, finding) : finding;
  const passed: Carried<X, S> = {
    base: at,
    state: next.state,
    status: {
      startLoss,
      taken,
      scale,
      detail: next.detail ?? s.detail,
      answer: fillLike(taken, 0),
      objective: where(isTaken, measured.objective, s.objective),
      racedLoss: measured.racedLoss ? where(isTaken, measured.racedLoss, s.racedLoss) : s.racedLoss,
      halvings: where(isHalved, add(s.halvings, 1), s.halvings),
      finding: where(isRefused, found, where(isTaken, 0, s.finding)),
      outcome: isReady ? where(logicalOr(isReady, isStart), judged, next.stop) : judged,
    },
  };
  // The host tests before the objective is compared, in the order of the guard's tests.
  const isAsking =
    asks &&
    all(
      isSound(measured, before, bounds),
      ...(isReady ? [isReady] : []),
      logicalNot(isStart),
      equal(s.answer, 0),
    );
  const waiting = { ...from, status: { ...s, outcome: ended("asking") } };
  return {
    next: isAsking ? (chosen(isAsking, waiting as never, passed as never) as Carried<X, S>) : passed,
    row: rowOf(measured),
    isJudged: isReady && logicalOr(isReady, isStart),
    isStepping,
  };
}

/**
 * What a walk did, from its status and rows.
 *
 * @param told see {@link toldNames}
 * @param points the accepted points
 * @param latest the last candidate that was judged and did not lead on
 * @param reasons see `WalkOptions.reasons`
 * @param refused why the host refused a candidate, if it did
 * @param lost why parameters are not finite, if the search knows
 * @param level the loss to keep; default that of the first point
 */
export function recordOf(
  told: NdArray["data"],
  { points, latest }: { readonly points: readonly Point[]; readonly latest: Point },
  {
    limits,
    reasons,
    refused,
    lost,
    level = points[0]?.loss,
  }: {
    readonly limits: Limits;
    readonly reasons: readonly Reason[];
    readonly refused?: string | undefined;
    readonly lost?: string | undefined;
    readonly level?: number | undefined;
  },
): FoundRecord {
  const [steps, halvings, finding, detail, outcome] = toldNames.map((_, k) => Number(told[k]));
  const found = findings[finding - 1];
  const refusal =
    found === "parameters" && lost !== undefined
      ? lost
      : found &&
        sentenceOf(
          found,
          { start: { ...points[0], loss: level }, before: points[steps], after: latest },
          limits,
        );
  const walked = (reason: string | undefined) => ({ steps, halvings, points, reason });
  switch (outcome) {
    case outcomes["steps taken"]:
      return walked(stepsTaken(steps));
    case outcomes.start: {
      // A walk that begins elsewhere than at the start may leave its level there.
      const start = { ...latest, loss: level ?? latest.loss };
      const reason = isFinitePoint(latest)
        ? sentenceOf("drift", { start, before: start, after: latest }, limits)
        : startNotFinite;
      return { steps: 0, halvings, points: [latest], reason };
    }
    case outcomes.refused:
      return walked(refusal ?? refused);
    default: {
      const reason = reasons[outcome - 1];
      return walked(
        (finding > 0 ? (refusal ?? refused) : undefined) ??
          (typeof reason === "function" ? reason(detail) : reason),
      );
    }
  }
}

/** A record whose reason the host has to find where it is undefined. */
export type FoundRecord = Omit<WalkRecord, "reason"> & { readonly reason: string | undefined };

/** A reason to stop, perhaps with a number in it; undefined: the host has to decide. */
export type Reason = string | undefined | ((detail: number) => string);

/** Numbers of a candidate in a row. */
export const widthOf = (race: object | undefined): number => (race ? 4 : 3);

/** Loss, objective and ||g||^2 of a candidate, and the loss after the race from there if there is one. */
export const rowOf = ({ loss, objective, gradNormSq, racedLoss }: Measured): Tensor =>
  vectorOf([loss, objective, gradNormSq, ...(racedLoss ? [racedLoss] : [])]);

/** A row as a point, from a place of a vector on. */
export function pointOf(numbers: NdArray["data"], at = 0, width = widthOf(undefined)): Point {
  const point = {
    loss: Number(numbers[at]),
    objective: Number(numbers[at + 1]),
    gradNormSq: Number(numbers[at + 2]),
  };
  return width === 3 ? point : { ...point, racedLoss: Number(numbers[at + 3]) };
}
