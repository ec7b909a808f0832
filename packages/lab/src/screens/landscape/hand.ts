// The point on the orbit that is moved by hand.
import { nearestIndex } from "../../charts/line-chart.js";
import type { Orbit, Point } from "./course.js";
import { type LandscapeState, viewOf } from "./state.js";

/** Where the points of an orbit are on it: angles in degrees, or lengths along a curve without a group. */
export const placesOf = ({ isGroup, t }: Orbit): Float64Array =>
  isGroup ? t.map((radians) => (180 * radians) / Math.PI) : t;

/** Index of the point that is nearest to a place on the orbit. */
export const indexAt = (orbit: Orbit, place: number): number =>
  nearestIndex(orbit.t, orbit.isGroup ? (place * Math.PI) / 180 : place);

/** Index of the point that the settings name: by its place, or as the steepest that the plane shows. */
export function handOf(orbit: Orbit, { on, ...settings }: Pick<LandscapeState, "on" | "f" | "view">): number {
  if (on !== "best") return indexAt(orbit, on);
  const {
    x: [left, right],
    y: [bottom, top],
  } = viewOf(settings);
  const { x, y, gradNormSq } = orbit;
  let best: number | undefined;
  for (let k = 0; k < x.length; k++) {
    const isShown = x[k] >= left && x[k] <= right && y[k] >= bottom && y[k] <= top;
    if (isShown && (best === undefined || gradNormSq[k] > gradNormSq[best])) best = k;
  }
  return best ?? indexAt(orbit, 0);
}

export const pointOf = ({ x, y }: Orbit, k: number): Point => [x[k], y[k]];

/** Index after a step along the orbit by a share of it: at least to the next point, and around where it is closed. */
export function stepped(orbit: Orbit, k: number, share: number): number {
  const { t, x, y } = orbit;
  const last = t.length - 1;
  if (last < 1) return 0;
  const wanted = t[k] + share * (t[last] - t[0]);
  const isClosed = Math.hypot(x[last] - x[0], y[last] - y[0]) < 1e-6 * (1 + Math.hypot(x[0], y[0]));
  const turned = isClosed
    ? t[0] + ((((wanted - t[0]) % (t[last] - t[0])) + t[last] - t[0]) % (t[last] - t[0]))
    : wanted;
  const found = nearestIndex(t, turned);
  if (found !== k) return found;
  const next = k + Math.sign(share);
  return isClosed ? (next + last) % last : Math.max(0, Math.min(last, next));
}

/** The place of a point with as many digits as tell it from its neighbors. */
export const printedPlace = (orbit: Orbit, k: number): number => Number(placesOf(orbit)[k].toPrecision(7));
