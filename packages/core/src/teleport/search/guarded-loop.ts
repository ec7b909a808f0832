// Accept, or halve and try again, as one loop in a graph: what `walkGuarded` does on the host.
import { array, astype, type NdArray } from "../../array.js";
import { cond } from "../../graph/control/cond.js";
import { add, mul } from "../../graph/ops/arithmetic.js";
import { equal, greater, less, logicalAnd, logicalNot, where } from "../../graph/ops/compare.js";
import { fillLike } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import { isFinitePoint, type Limits, objection } from "../guard.js";
import type { Point } from "../point.js";
import { stepsTaken } from "../report.js";
import { all, type Bounds, chosen, isAdmitted, type Measured, packed, unpacked } from "./guard-graph.js";
import type { CompiledWalk } from "./search.js";

/** A candidate that was evaluated. */
export interface Visit<S> {
  readonly measured: Measured;
  /** Computed only where the candidate is accepted and another step is wanted. */
  onward(): Onward<S>;
}

/** The state from which the next candidate follows; and 0, or the number of a reason to stop, from 1. */
export interface Onward<S> {
  readonly state: S;
  readonly stop: Tensor;
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
  visit(candidate: X, status: Status<Tensor>): Visit<S>;
  /** What follows a refused candidate; left out: the same state, at half the step. */
  retry?(base: X, state: S, status: Status<Tensor>): Retry<S>;
}

/** The state from which the next candidate follows, and whether there is one, as a bool. */
export interface Retry<S> {
  readonly state: S;
  readonly hasOther: Tensor;
}

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
  "outcome",
] as const;

export const statusSize = statusNames.length;

type Float = "float32" | "float64";
export type Status<T> = Record<(typeof statusNames)[number], T>;

/** How a loop ended; after these come the reasons to stop. */
const outcomes = ["going on", "steps taken", "refused", "start"] as const;

/** Values of a status before the first pass. */
const begin: Status<number> = {
  startLoss: 0,
  objective: 0,
  racedLoss: 0,
  scale: 1,
  taken: -1,
  halvings: 0,
  outcome: 0,
};

export const firstStatus = (dtype: Float): NdArray =>
  astype(array(statusNames.map((name) => begin[name])), dtype);

/** What is carried from pass to pass. */
export interface Carried<X, S> {
  /** The last accepted point, and the state there. */
  readonly base: X;
  readonly state: S;
  readonly status: Tensor;
}

export interface Passed<X, S> {
  readonly next: Carried<X, S>;
  /** See {@link rowOf}. */
  readonly row: Tensor;
  /** Number of accepted steps. */
  readonly taken: Tensor;
  /** Whether the candidate was accepted and another step follows. */
  readonly isStepping: Tensor;
}

/**
 * Measures one candidate, judges it as the guard does, and moves on from it or halves the step to it. After the end of a
 * walk nothing changes.
 */
export function guardedPass<X, S>(
  from: Carried<X, S>,
  { candidate, visit, retry }: TracedProposals<X, S>,
  bounds: Bounds,
): Passed<X, S> {
  const s = unpacked(from.status, statusNames);
  const isOpen = equal(s.outcome, 0);
  const isStart = greater(0, s.taken);
  const here = candidate(from.base, from.state, s);
  const { measured, onward } = visit(here, s);
  const startLoss = where(isStart, measured.loss, s.startLoss);
  const isGood = isAdmitted(measured, { ...s, isStart, startLoss }, bounds);
  const isTaken = logicalAnd(isOpen, isGood);
  const taken = where(isTaken, add(s.taken, 1), s.taken);
  const isStepping = logicalAnd(isTaken, less(taken, bounds.steps));
  const isRefused = all(isOpen, logicalNot(isGood), logicalNot(isStart));
  const isHalved = logicalAnd(isRefused, less(s.halvings, bounds.halvings));
  const retried =
    retry &&
    cond(
      isHalved,
      () => retry(from.base, from.state, s),
      () => ({ state: from.state, hasOther: isHalved }),
    );
  const isRetried = retried?.hasOther ?? isHalved;
  const next = cond(isStepping, onward, () => ({
    state: retried?.state ?? from.state,
    stop: fillLike(taken, 0),
  }));
  const ended = (name: (typeof outcomes)[number]) => fillLike(taken, outcomes.indexOf(name));
  const goingOn = where(greater(next.stop, 0), add(next.stop, outcomes.length - 1), ended("going on"));
  const refused = where(isRetried, ended("going on"), where(isStart, ended("start"), ended("refused")));
  const accepted = where(isStepping, goingOn, ended("steps taken"));
  const status: Status<Tensor> = {
    startLoss,
    taken,
    objective: where(isTaken, measured.objective, s.objective),
    racedLoss: measured.racedLoss ? where(isTaken, measured.racedLoss, s.racedLoss) : s.racedLoss,
    scale: where(isHalved, mul(0.5, s.scale), s.scale),
    halvings: where(isHalved, add(s.halvings, 1), s.halvings),
    outcome: where(isOpen, where(isGood, accepted, refused), s.outcome),
  };
  return {
    next: {
      base: chosen(isTaken, here as never, from.base as never) as X,
      state: next.state,
      status: packed(statusNames.map((name) => status[name])),
    },
    row: rowOf(measured),
    taken,
    isStepping,
  };
}

/** How a walk went; `stop` is the number of a search's own reason, which is still to be said. */
export type PassesEnd = Pick<CompiledWalk<unknown>, "steps" | "halvings" | "points"> & {
  readonly scale: number;
  readonly reason?: string | undefined;
  readonly stop?: number | undefined;
};

/**
 * Reads the rows of the accepted points, that of the last candidate that was refused, and the last status.
 *
 * @returns neither a reason nor a stop where the walk is still going on; undefined where the guard on the host has to decide
 */
export function endOf(
  {
    points,
    refused,
    status,
  }: {
    readonly points: readonly Point[];
    readonly refused: Point | undefined;
    readonly status: NdArray["data"];
  },
  limits: Limits,
): PassesEnd | undefined {
  const at = (name: (typeof statusNames)[number]) => Number(status[statusNames.indexOf(name)]);
  const walked = { points, steps: at("taken"), halvings: at("halvings"), scale: at("scale") };
  const outcome = outcomes[at("outcome")];
  switch (outcome) {
    case "going on":
      return walked;
    case "steps taken":
      return { ...walked, reason: stepsTaken(walked.steps) };
    case "start":
      return undefined;
    case "refused": {
      // Where a parameter is not finite, or rounding decides, the host says why.
      const isKnown = refused !== undefined && isFinitePoint(refused);
      const reason = isKnown ? objection(points[0], points[walked.steps], refused, limits) : undefined;
      return reason === undefined ? undefined : { ...walked, reason };
    }
    default:
      return { ...walked, stop: at("outcome") - outcomes.length + 1 };
  }
}

/** Numbers of a candidate in a row. */
export const widthOf = (race: object | undefined): number => (race ? 4 : 3);

/** Loss, objective and ||g||^2 of a candidate, and the loss after the race from there if there is one. */
export const rowOf = ({ loss, objective, gradNormSq, racedLoss }: Measured): Tensor =>
  packed([loss, objective, gradNormSq, ...(racedLoss ? [racedLoss] : [])]);

/** Rows of passes as points, from a place of a vector on. */
export function pointsOf(numbers: NdArray["data"], width = widthOf(undefined), from = 0): Point[] {
  const points: Point[] = [];
  for (let at = from; at < numbers.length; at += width) {
    const point = {
      loss: Number(numbers[at]),
      objective: Number(numbers[at + 1]),
      gradNormSq: Number(numbers[at + 2]),
    };
    points.push(width === 3 ? point : { ...point, racedLoss: Number(numbers[at + 3]) });
  }
  return points;
}
