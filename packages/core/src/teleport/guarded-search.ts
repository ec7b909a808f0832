import type { Refusal } from "../symmetry/symmetry.js";
import {
  driftTests,
  type Finding,
  isFinitePoint,
  type Limits,
  objection,
  raceTests,
  startNotFinite,
} from "./guard.js";
import type { Point } from "./point.js";
import type { CompiledWalk, HowToRun, Search, Setting, WalkRecord } from "./search/search.js";

/** A search, its start, and the limits that the guard sets. */
export interface GuardedSearch<P> {
  readonly search: Search<P>;
  readonly initial: P;
  readonly setting: Setting<P>;
  readonly limits: Limits;
  /** The loss on held-out data, if there are some; the setting measures it, too. */
  readonly heldOutLoss?: ((params: P) => Promise<number>) | undefined;
  /** The loss on held-out data, if there are some, and after the race, if there is one. */
  elsewhere(params: P): Promise<Pick<Point, "heldOutLoss" | "racedLoss">>;
}

/** The result of a search without the parameters. */
export interface WalkOutcome {
  readonly start: Point;
  readonly point: Point;
  readonly reason: string;
  readonly steps: number;
  readonly halvings: number;
}

/** The result of a search. */
export interface SearchOutcome<P> extends WalkOutcome {
  /** The initial parameters if nothing was accepted. */
  readonly params: P;
  readonly pushForward?: ((tree: P, power: 1 | 2) => Promise<P | Refusal>) | undefined;
}

/**
 * Takes a search's steps: all at once where its program may decide, else it asks the host at each candidate.
 *
 * @param isWhole whether the program has all in it that the guard tests on the batch
 */
export const takeSearch = async <P>(course: GuardedSearch<P>, isWhole: boolean): Promise<SearchOutcome<P>> =>
  (isWhole ? await takeAtOnce(course) : undefined) ?? takeWithHost(course);

/** Undefined if the guard objects to the end on data held out. */
async function takeAtOnce<P>({
  search,
  initial,
  setting,
  limits,
  heldOutLoss,
}: GuardedSearch<P>): Promise<SearchOutcome<P> | undefined> {
  const walked = await bestOf(search, (how) => search.run(initial, setting, limits, how), limits);
  if (walked.points.length === 0) return undefined;
  const { steps, points, halvings = 0, reason, pushForward } = walked;
  const params = steps > 0 ? walked.params : initial;
  const measured = (p: P, known: Point) =>
    heldOutLoss ? heldOutLoss(p).then((value): Point => ({ ...known, heldOutLoss: value })) : known;
  const start = await measured(initial, points[0]);
  const point = steps > 0 ? await measured(params, points[steps]) : start;
  // A program may compute with more digits than its numbers have: a gain below these is none.
  const isGain = steps === 0 || objection(start, start, point, limits, ["objective"]) === undefined;
  if (!isGain || !isKept(start, point, limits)) return undefined;
  return { params, start, point, reason, steps, halvings, pushForward };
}

/**
 * The walk, of as many as a search has, with the highest objective at its end.
 *
 * @param take takes one of them
 */
async function bestOf<P>(
  { starts = 1 }: Search<P>,
  take: (how: HowToRun<P>) => Promise<CompiledWalk<P>>,
  limits: Limits,
): Promise<CompiledWalk<P>> {
  const first = await take({});
  if (first.points.length === 0) return first;
  const [start] = first.points;
  if (!isFinitePoint(start)) return first;
  const endOf = ({ points, steps }: CompiledWalk<P>) => points[steps];
  let best = first;
  for (let index = 1; index < starts; index++) {
    const walked = await take({ index, level: start.loss });
    if (walked.steps === 0) continue;
    const isBetter = endOf(walked).objective > endOf(best).objective;
    // Steps from another start race against that start, but only the race against the initial point counts.
    if (!isBetter || objection(start, start, endOf(walked), limits, raceTests) !== undefined) continue;
    best = { ...walked, points: [start, ...walked.points.slice(1)] };
  }
  return best;
}

/** Whether the end of a walk that its program has guarded keeps the loss on data held out, too. */
const isKept = (start: Point, end: Point, limits: Limits): boolean =>
  start === end || objection(start, start, end, limits, ["numbers", "heldOut"]) === undefined;

/** What the host tests of a candidate that keeps the loss: in this order, with the program's numbers where it has them. */
const hostTests: readonly Finding[] = ["numbers", "heldOut", "objective", ...raceTests];

/** Has a search's program ask at each candidate, to test it on data held out and by a race. */
async function takeWithHost<P>({
  search,
  initial,
  setting,
  limits,
  elsewhere,
}: GuardedSearch<P>): Promise<SearchOutcome<P>> {
  const start = await setting.measure(initial);
  if (!isFinitePoint(start)) {
    return { params: initial, start, point: start, reason: startNotFinite, steps: 0, halvings: 0 };
  }
  const take = async (how: HowToRun<P>) => {
    // Points with what the host has measured, too.
    let points = [start];
    const whyNot = async (candidate: P, measured?: Point) => {
      if (measured === undefined) {
        points = [await setting.measure(candidate)];
        return objection(start, start, points[0], limits, driftTests);
      }
      const next = { ...measured, ...(await elsewhere(candidate)) };
      const objected = objection(start, points[points.length - 1], next, limits, hostTests);
      if (objected === undefined) points.push(next);
      return objected;
    };
    return { ...(await search.run(initial, setting, limits, { ...how, whyNot })), points };
  };
  const walked = await bestOf(search, take, limits);
  const { params, points, steps, halvings = 0, reason, pushForward } = walked;
  const end = steps > 0 ? params : initial;
  return { params: end, start, point: points[steps], reason, steps, halvings, pushForward };
}

/**
 * The outcome of a walk within a larger program; undefined if the guard objects to its end on held-out data.
 *
 * @param heldOut the loss on held-out data at the start and at the end
 */
export function outcomeOf(
  { steps, points, halvings = 0, reason }: WalkRecord,
  limits: Limits,
  heldOut: readonly [number, number] | undefined,
): WalkOutcome | undefined {
  if (points.length !== steps + 1) return undefined;
  const [start, end] = [points[0], points[steps]].map((p, i) => ({ ...p, heldOutLoss: heldOut?.[i] }));
  const point = steps > 0 ? end : start;
  return isKept(start, point, limits) ? { start, point, reason, steps, halvings } : undefined;
}
