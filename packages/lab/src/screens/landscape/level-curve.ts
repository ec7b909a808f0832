// Level sets of functions without a group, followed by steps along the tangent and back onto the level.
import { compile, dot, hvp, spec, type Tensor, trace, valueAndGrad } from "isoloss";
import { abs, add, concat, div, minimum, mul, neg, slice, sqrt, sub } from "isoloss/ops";
import type { Point } from "./course.js";
import type { PlaneProblem } from "./problem.js";

export interface Curve {
  /** Where each point is on the curve; 0 at the one that it was asked through. */
  readonly t: Float64Array;
  /** (x, y) of the points, one after another. */
  readonly xy: Float64Array;
}

/** Steps in one direction; a curve that has not come back by then is shown so far. */
const mostSteps = 3000;
/** Turn of the tangent in one step, in radians. */
const turn = 0.1;
/** Corrections by Newton's method along the gradient, after each step. */
const corrections = 3;

/**
 * Follows level curves: with the tangent t = (g_y, -g_x) / |g| and the curvature k = |t'Ht| / |g| a step of
 * h = min(longest, turn / k) goes along the tangent at its middle, and then w <- w - (L(w) - L0) g / |g|^2.
 *
 * @param problem a function of two variables
 */
export async function createLevelCurve(problem: PlaneProblem) {
  const slopeAt = (w: Tensor): readonly [Tensor, Tensor] => {
    const [loss, { w: g }] = valueAndGrad(problem.loss)({ w }, {});
    return [loss, g];
  };
  const tangentOf = (g: Tensor, direction: Tensor): Tensor => {
    const turned = concat([slice(g, { starts: [1] }), neg(slice(g, { ends: [1] }))]);
    return mul(direction, div(turned, sqrt(dot(g, g))));
  };
  const { graph } = trace(
    ({ w, level, longest, direction }) => {
      const [, g] = slopeAt(w);
      const tangent = tangentOf(g, direction);
      const bent = abs(dot(tangent, hvp(problem.loss)({ w }, { w: tangent }, {}).w));
      const h = minimum(longest, div(mul(turn, sqrt(dot(g, g))), bent));
      const [, ahead] = slopeAt(add(w, mul(div(h, 2), tangent)));
      let next = add(w, mul(h, tangentOf(ahead, direction)));
      for (let k = 0; k < corrections; k++) {
        const [loss, slope] = slopeAt(next);
        next = sub(next, mul(div(sub(loss, level), dot(slope, slope)), slope));
      }
      return { next, at: next };
    },
    {
      w: spec([2], "float64"),
      level: spec([], "float64"),
      longest: spec([], "float64"),
      direction: spec([], "float64"),
    },
  );
  const walk = await compile(graph, { runtime: "javascript", scan: { carry: { next: "w" } } });
  const value = await compile(
    trace(({ w }) => ({ loss: problem.loss({ w }, {}) }), { w: spec([2], "float64") }).graph,
    { runtime: "javascript" },
  );
  const array = ([x, y]: Point) => ({ shape: [2], data: Float64Array.of(x, y) });

  return {
    async through(at: Point, longest: number): Promise<Curve> {
      const { loss } = await value.run({ w: array(at) });
      const follow = async (direction: 1 | -1) => {
        const inputs = { w: array(at), level: Number(loss.data[0]), longest, direction };
        const { at: points } = await walk.run(inputs, { steps: mostSteps });
        return partOf(at, points.data as Float64Array);
      };
      const ahead = await follow(1);
      const back = ahead.isClosed ? undefined : await follow(-1);
      return joined(at, ahead.points, back?.points ?? []);
    },
    async dispose() {
      await walk.dispose();
      await value.dispose();
    },
  };
}

/** The points of a walk until it is back at its start, or is nowhere. */
function partOf([x0, y0]: Point, xy: Float64Array): { readonly points: Point[]; readonly isClosed: boolean } {
  const points: Point[] = [];
  let [x, y] = [x0, y0];
  const [dx, dy] = [xy[0] - x0, xy[1] - y0];
  for (let k = 0; k < xy.length; k += 2) {
    const [ax, ay] = [xy[k] - x, xy[k + 1] - y];
    const lengthSq = ax * ax + ay * ay;
    if (!(lengthSq > 0 && lengthSq < Number.POSITIVE_INFINITY)) return { points, isClosed: false };
    // The start is beside this step, which goes the way of the first: on the other side of a valley it goes back.
    const share = ((x0 - x) * ax + (y0 - y) * ay) / lengthSq;
    const aside = Math.abs((x0 - x) * ay - (y0 - y) * ax) / lengthSq;
    if (k > 2 && share >= 0 && share <= 1 && aside < 0.5 && ax * dx + ay * dy > 0) {
      return { points: [...points, [x0, y0]], isClosed: true };
    }
    [x, y] = [xy[k], xy[k + 1]];
    points.push([x, y]);
  }
  return { points, isClosed: false };
}

/** Two parts of a curve with the point between them, and the length from it. */
function joined(at: Point, ahead: readonly Point[], back: readonly Point[]): Curve {
  const lengths = (part: readonly Point[]) => {
    let total = 0;
    return part.map(([x, y], k) => {
      const [px, py] = part[k - 1] ?? at;
      total += Math.hypot(x - px, y - py);
      return total;
    });
  };
  const before = lengths(back).map((length) => -length);
  return {
    t: Float64Array.from([...before.reverse(), 0, ...lengths(ahead)]),
    xy: Float64Array.from([...[...back].reverse(), at, ...ahead].flat()),
  };
}
