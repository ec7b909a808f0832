import { isRefusal, type Refusal } from "../symmetry/symmetry.js";
import { driftObjection, isFinitePoint, type Limits, objection, raceObjection } from "./guard.js";
import { isFiniteTree, walkGuarded } from "./guarded-walk.js";
import type { Point } from "./point.js";
import type { Search, Setting, Walk, WalkRecord } from "./search/search.js";

/** A search, its start, and the limits that the guard sets. */
export interface GuardedSearch<P> {
  readonly search: Search<P>;
  readonly initial: P;
  readonly setting: Setting<P>;
  readonly limits: Limits;
  /** The loss on held-out data, if there are some; the setting measures it, too. */
  readonly heldOutLoss?: ((params: P) => Promise<number>) | undefined;
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
 * Takes all steps at once. Returns undefined if the search cannot do so or the guard objects to any of the
 * points: then the steps have to be taken one by one.
 */
export async function takeCompiledWalk<P>({
  search,
  initial,
  setting,
  limits,
  heldOutLoss,
}: GuardedSearch<P>): Promise<SearchOutcome<P> | undefined> {
  const walked = await search.compiledWalk?.(initial, setting, search.steps, limits);
  if (walked === undefined || walked.points.length === 0) return undefined;
  const { steps, points, halvings = 0, reason, pushForward } = walked;
  const params = steps > 0 ? walked.params : initial;
  const measured = async (p: P, known: Point | undefined): Promise<Point> => {
    if (known === undefined) return setting.measure(p);
    return heldOutLoss ? { ...known, heldOutLoss: await heldOutLoss(p) } : known;
  };
  const start = await measured(initial, points[0]);
  const point = steps > 0 ? await measured(params, points[steps]) : start;
  const way = [start, ...points.slice(1, steps), ...(steps > 0 ? [point] : [])];
  if (!isAllowed(start, way, limits) || !isFiniteTree(params)) return undefined;
  return { params, start, point, reason, steps, halvings, ...(pushForward ? { pushForward } : {}) };
}

/**
 * The outcome of a walk within a larger program; undefined if the guard objects to any of its points.
 *
 * @param heldOut the loss on held-out data at the start and at the end
 */
export function outcomeOf(
  { steps, points, halvings = 0, reason, origin }: WalkRecord,
  limits: Limits,
  heldOut?: readonly [number, number],
): WalkOutcome | undefined {
  if (points.length !== steps + 1) return undefined;
  const [start, point] = [points[0], points[steps]].map((p, i) => ({ ...p, heldOutLoss: heldOut?.[i] }));
  const way = [origin ?? start, ...points.slice(1, steps), ...(steps > 0 ? [point] : [])];
  return isAllowed(start, way, limits) ? { start, point, reason, steps, halvings } : undefined;
}

/** Whether the guard has no objection to any point of a way, which may begin elsewhere than at the start. */
const isAllowed = (start: Point, way: readonly Point[], limits: Limits): boolean =>
  way.every((next, t) => {
    if (t > 0) return objection(start, way[t - 1], next, limits) === undefined;
    return next === start || driftObjection(start, next, limits) === undefined;
  });

/**
 * Follows walks one proposal after another; of several walks the one with the highest objective at its end
 * counts.
 */
export async function takeWalks<P>(course: GuardedSearch<P>): Promise<SearchOutcome<P>> {
  const { search, initial, setting } = course;
  const start = await setting.measure(initial);
  let best = await follow(await search.walk(initial, setting, 0), course, start);
  for (let index = 1; index < (search.starts ?? 1); index++) {
    const end = await follow(await search.walk(initial, setting, index), course, start);
    // Steps from a random start race against that start, but only the race against the initial point counts.
    const isBetter = end.steps > 0 && end.point.objective > best.point.objective;
    if (isBetter && raceObjection(start, end.point) === undefined) best = end;
  }
  return best;
}

/** Follows a walk as long as the guard accepts its proposals. */
async function follow<P>(
  walk: Walk<P>,
  { search, initial, setting, limits }: GuardedSearch<P>,
  start: Point,
): Promise<SearchOutcome<P>> {
  const stayed = { params: initial, start, point: start, steps: 0, halvings: 0 };
  const transports = walk.pushForward
    ? { pushForward: (tree: P, power: 1 | 2) => pushed(walk, tree, power) }
    : {};
  if (!isFinitePoint(start)) {
    return { ...stayed, ...transports, reason: "the loss or its gradient is not finite at the start" };
  }
  let from = { params: initial, point: start };
  if (walk.origin !== undefined) {
    if (isRefusal(walk.origin)) return { ...stayed, ...transports, reason: walk.origin.refused };
    const point = await setting.measure(walk.origin);
    const objected = driftObjection(start, point, limits);
    if (objected !== undefined) return { ...stayed, ...transports, reason: objected };
    from = { params: walk.origin, point };
  }
  const criterion = {
    measure: (p: P) => setting.measure(p),
    objection: (first: Point, before: Point, after: Point) => objection(first, before, after, limits),
    halvings: limits.halvings,
  };
  const { params, point, reason, steps, halvings } = await walkGuarded(walk, criterion, {
    start,
    from,
    steps: search.steps,
  });
  // A walk with an origin of its own counts only if a step was taken.
  const [end, at] = steps > 0 ? [params, point] : [initial, start];
  return { params: end, start, point: at, reason, steps, halvings, ...transports };
}

const pushed = async <P>(walk: Walk<P>, tree: P, power: 1 | 2): Promise<P | Refusal> =>
  (await walk.pushForward?.(tree, power)) ?? tree;
