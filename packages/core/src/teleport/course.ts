import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import { isRefusal, type Refusal } from "../symmetry/symmetry.js";
import { flatten } from "../tree.js";
import { driftObjection, isFinitePoint, type Limits, objection, raceObjection } from "./guard.js";
import type { Point } from "./point.js";
import { isStop, type Search, type Setting, type Walk } from "./search/search.js";

/** A search, where it begins, and what it has to keep to. */
export interface Course<P> {
  readonly search: Search<P>;
  readonly initial: P;
  readonly setting: Setting<P>;
  readonly limits: Limits;
  /** Whether the setting also measures held-out data. */
  readonly heldOut: boolean;
}

/** Where a search has led. */
export interface End<P> {
  /** The initial ones where nothing was accepted. */
  readonly params: P;
  readonly start: Point;
  readonly point: Point;
  readonly reason: string;
  readonly steps: number;
  readonly halvings: number;
  readonly pushForward?: (tree: P, power: 1 | 2) => Promise<P | Refusal>;
}

/**
 * Takes all steps at once, and undefined where the search cannot or the guard objects to any of the points: then the
 * steps have to be taken one by one.
 */
export async function leapt<P>({
  search,
  initial,
  setting,
  limits,
  heldOut,
}: Course<P>): Promise<End<P> | undefined> {
  const leap = await search.leap?.(initial, setting, search.steps, limits);
  if (leap === undefined || leap.points.length === 0) return undefined;
  const { steps, points, halvings = 0, reason, pushForward } = leap;
  const params = steps > 0 ? leap.params : initial;
  const start = heldOut ? await setting.measure(initial) : points[0];
  const point = heldOut || points.length === steps ? await setting.measure(params) : points[steps];
  const way = [start, ...points.slice(1, steps), ...(steps > 0 ? [point] : [])];
  const isGood = way.every((next, t) => t === 0 || objection(start, way[t - 1], next, limits) === undefined);
  if (!isGood || !isFiniteTree(params)) return undefined;
  return { params, start, point, reason, steps, halvings, ...(pushForward ? { pushForward } : {}) };
}

/** Follows walks one proposal after another; of several starts the one that leads highest counts. */
export async function walked<P>(course: Course<P>): Promise<End<P>> {
  const { search, initial, setting } = course;
  const start = await setting.measure(initial);
  let best = await follow(await search.walk(initial, setting, 0), course, start);
  for (let index = 1; index < (search.starts ?? 1); index++) {
    const end = await follow(await search.walk(initial, setting, index), course, start);
    // Steps from a random start race against that start; what counts is the race against the point that is left.
    const isBetter = end.steps > 0 && end.point.objective > best.point.objective;
    if (isBetter && raceObjection(start, end.point) === undefined) best = end;
  }
  return best;
}

/** Follows a walk as long as the guard takes its proposals. */
async function follow<P>(
  walk: Walk<P>,
  { search, initial, setting, limits }: Course<P>,
  start: Point,
): Promise<End<P>> {
  let [params, point] = [initial, start];
  let [taken, halvings, scale] = [0, 0, 1];
  /** Why the last proposal was not taken. */
  let refusal: string | undefined;
  const end = (reason: string): End<P> => ({
    params: taken > 0 ? params : initial,
    start,
    point: taken > 0 ? point : start,
    reason,
    steps: taken,
    halvings,
    ...(walk.pushForward ? { pushForward: (tree, power) => pushed(walk, tree, power) } : {}),
  });
  if (!isFinitePoint(start)) return end("the loss or its gradient is not finite at the start");
  if (walk.origin !== undefined) {
    if (isRefusal(walk.origin)) return end(walk.origin.refused);
    const origin = await setting.measure(walk.origin);
    const objected = driftObjection(start, origin, limits);
    if (objected !== undefined) return end(objected);
    [params, point] = [walk.origin, origin];
  }
  while (taken < search.steps) {
    const candidate = await walk.propose(scale);
    if (isStop(candidate)) return end(refusal ?? candidate.stopped);
    let reason: string | undefined;
    if (isRefusal(candidate)) reason = candidate.refused;
    else if (!isFiniteTree(candidate)) reason = "a parameter of the new point is not finite";
    else {
      const next = await setting.measure(candidate);
      reason = objection(start, point, next, limits);
      if (reason === undefined) {
        [params, point] = [candidate, next];
        walk.accept();
        taken++;
        refusal = undefined;
        continue;
      }
    }
    refusal = reason;
    if (halvings === limits.halvings) return end(reason);
    halvings++;
    scale /= 2;
  }
  return end(`${search.steps} steps taken`);
}

const pushed = async <P>(walk: Walk<P>, tree: P, power: 1 | 2): Promise<P | Refusal> =>
  (await walk.pushForward?.(tree, power)) ?? tree;

/** Whether every element of a tree of floats is finite. */
function isFiniteTree(tree: unknown): boolean {
  for (const { data } of flatten<NdArray>(tree, isNdArray).leaves) {
    for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  }
  return true;
}
