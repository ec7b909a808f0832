// The function itself: its values on a grid and along orbits, in compiled loops over points.
import { compile, dot, hvp, spec, trace, valueAndGrad } from "isoloss";
import { constant } from "isoloss/ops";
import { createOrbitSampler, isRefusal, type OrbitSampler, type VectorParams } from "isoloss/symmetry";
import type { Orbit } from "./course.js";
import { problemOf, startOf } from "./problem.js";
import type { LandscapeState } from "./state.js";

type Named = Pick<LandscapeState, "f" | "cond">;

/** Loss, squared gradient norm and largest eigenvalue of the Hessian at several points. */
export type Evaluate = (xy: Float64Array) => Promise<Pick<Orbit, "loss" | "gradNormSq" | "lambdaMax">>;

interface Compiled {
  readonly key: string;
  readonly evaluate: Evaluate;
  readonly sampler: OrbitSampler<VectorParams>;
  dispose(): Promise<void>;
}

export interface Surface {
  /** Loss at points (x, y), one after another. */
  valuesAt(named: Named, xy: Float64Array): Promise<Float64Array>;
  orbit(named: Named, at: readonly [number, number]): Promise<Orbit>;
}

/** Points of an orbit, four a degree: the curve of a valley bends within a few of them. */
const samples = 1441;

export function createSurface(): Surface {
  let current: Promise<Compiled> | undefined;
  let key: string | undefined;
  const compiled = async (named: Named): Promise<Compiled> => {
    const wanted = JSON.stringify([named.f, named.cond]);
    if (current !== undefined && key === wanted) return current;
    const old = current;
    key = wanted;
    current = compileSurface(named, wanted);
    await (await old)?.dispose();
    return current;
  };
  return {
    async valuesAt(named, xy) {
      return (await (await compiled(named)).evaluate(xy)).loss;
    },
    async orbit(named, at) {
      const { sampler, evaluate } = await compiled(named);
      const points = await sampler.through(startOf(at));
      const xy = Float64Array.from(
        points.flatMap(({ params }) =>
          isRefusal(params) ? [Number.NaN, Number.NaN] : Array.from(params.w.data, Number),
        ),
      );
      const { loss, gradNormSq, lambdaMax } = await evaluate(xy);
      return {
        angle: Float64Array.from(points, ({ t }) => t),
        x: xy.filter((_, i) => i % 2 === 0),
        y: xy.filter((_, i) => i % 2 === 1),
        ...{ loss, gradNormSq, lambdaMax },
        best: gradNormSq.reduce((best, value, k) => (value > gradNormSq[best] ? k : best), 0),
      };
    },
  };
}

async function compileSurface(named: Named, key: string): Promise<Compiled> {
  const problem = problemOf({ ...named, x: [0, 0] });
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
  const sampler = await createOrbitSampler(problem.symmetry(), { params: problem.start }, { samples });
  return {
    key,
    sampler,
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
      await sampler.dispose();
    },
  };
}
