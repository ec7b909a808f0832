// The function itself: its values on a grid and along orbits, in compiled loops over points.
import { compile, dot, hvp, spec, trace, valueAndGrad } from "isoloss";
import { constant } from "isoloss/ops";
import { createOrbitSampler, isRefusal } from "isoloss/symmetry";
import { Newest } from "../../worker/newest.js";
import type { Orbit, Point } from "./course.js";
import type { Curve } from "./level-curve.js";
import { type PlaneProblem, problemOf, startOf } from "./problem.js";
import { type FunctionSettings, functionOf, hasGroup, type PlaneSettings, viewOf } from "./state.js";

/** Loss, squared gradient norm and largest eigenvalue of the Hessian at several points. */
export type Evaluate = (xy: Float64Array) => Promise<Pick<Orbit, "loss" | "gradNormSq" | "lambdaMax">>;

interface Compiled {
  readonly evaluate: Evaluate;
  readonly curve: CurveThrough;
  dispose(): Promise<void>;
}

/** Points of equal loss through one. */
interface CurveThrough {
  /** @param longest step between points that are followed */
  through(at: Point, longest: number): Promise<Curve>;
  dispose(): Promise<void>;
}

export interface Surface {
  /** Loss at points (x, y), one after another. */
  valuesAt(settings: FunctionSettings, xy: Float64Array): Promise<Float64Array>;
  orbit(settings: PlaneSettings, at: Point): Promise<Orbit>;
}

/** Points of an orbit, four a degree: the curve of a valley bends within a few of them. */
const samples = 1441;
/** Steps across the plane of a level set that is followed. */
const stepsAcross = 300;

export function createSurface(): Surface {
  const newest = new Newest<Compiled>(1);
  const compiled = (settings: FunctionSettings) =>
    newest.of(JSON.stringify(functionOf(settings)), () => compileSurface(settings));
  return {
    async valuesAt(settings, xy) {
      return (await (await compiled(settings)).evaluate(xy)).loss;
    },
    async orbit(settings, at) {
      const { curve, evaluate } = await compiled(settings);
      const [from, to] = viewOf(settings).x;
      const { t, xy } = await curve.through(at, (to - from) / stepsAcross);
      const numbers = await evaluate(xy);
      const { gradNormSq } = numbers;
      return {
        isGroup: hasGroup(settings),
        t,
        x: xy.filter((_, i) => i % 2 === 0),
        y: xy.filter((_, i) => i % 2 === 1),
        ...numbers,
        best: gradNormSq.reduce((best, value, k) => (value > gradNormSq[best] ? k : best), 0),
      };
    },
  };
}

/** Once around the group. */
async function orbitCurve(problem: PlaneProblem): Promise<CurveThrough> {
  const sampler = await createOrbitSampler(problem.symmetry(), { params: problem.start }, { samples });
  return {
    async through(at) {
      const points = await sampler.through(startOf(at));
      return {
        t: Float64Array.from(points, ({ t }) => t),
        xy: Float64Array.from(
          points.flatMap(({ params }) =>
            isRefusal(params) ? [Number.NaN, Number.NaN] : Array.from(params.w.data, Number),
          ),
        ),
      };
    },
    dispose: () => sampler.dispose(),
  };
}

/** The level set alone, where there is no group. */
const levelCurve = async (problem: PlaneProblem): Promise<CurveThrough> =>
  (await import("./level-curve.js")).createLevelCurve(problem);

async function compileSurface(settings: FunctionSettings): Promise<Compiled> {
  const problem = await problemOf({ ...settings, x: [0, 0] });
  const { graph } = trace(
    ({ w }) => {
      const [loss, { w: g }] = valueAndGrad(problem.loss)({ w }, {});
      const column = (v: readonly number[]) =>
        hvp(problem.loss)({ w }, { w: constant({ shape: [2], data: Float64Array.from(v) }) }, {}).w;
      return { loss, gradNormSq: dot(g, g), h1: column([1, 0]), h2: column([0, 1]) };
    },
    { w: spec([2], "float64") },
  );
  const loop = await compile(graph, { runtime: "javascript", scan: { carry: {}, sequences: ["w"] } });
  const curve = await (hasGroup(settings) ? orbitCurve(problem) : levelCurve(problem));
  return {
    curve,
    async evaluate(xy) {
      const steps = xy.length / 2;
      const results = await loop.run({ w: { shape: [steps, 2], data: xy } }, { steps });
      return {
        loss: Float64Array.from(results.loss.data, Number),
        gradNormSq: Float64Array.from(results.gradNormSq.data, Number),
        lambdaMax: Float64Array.from({ length: steps }, (_, k) => {
          const [a, b] = [Number(results.h1.data[2 * k]), Number(results.h1.data[2 * k + 1])];
          const c = Number(results.h2.data[2 * k + 1]);
          return (a + c) / 2 + Math.hypot((a - c) / 2, b);
        }),
      };
    },
    async dispose() {
      await loop.dispose();
      await curve.dispose();
    },
  };
}
