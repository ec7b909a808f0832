import { item } from "../../src/array.js";
import type { Batch, BatchTensors } from "../../src/batch.js";
import { dot, valueAndGrad } from "../../src/graph/autodiff.js";
import type { TensorsOf } from "../../src/graph/trace.js";
import type { Problem } from "../../src/problems/problem.js";
import { jit } from "../../src/runtime/jit.js";
import type { VectorParams } from "../../src/symmetry/rotation/quadratic-rotation.js";

export interface Measured<P> {
  readonly loss: number;
  readonly gradNormSq: number;
  readonly gradient: P;
}

/** Loss and gradient of a problem, compiled. */
export async function measurer<P>(
  problem: Pick<Problem<P>, "loss" | "start" | "batch">,
): Promise<(params: P, batch?: Batch) => Promise<Measured<P>>> {
  const f = (p: TensorsOf<P>, b: BatchTensors) => {
    const [loss, gradient] = valueAndGrad(problem.loss)(p, b);
    return { loss, gradient, gradNormSq: dot(gradient, gradient) };
  };
  const run = (await jit(f, [problem.start, problem.batch], {
    runtime: "javascript",
  })) as never as (p: P, b: Batch) => Promise<Record<string, never>>;
  return async (params, batch = problem.batch) => {
    const { loss, gradient, gradNormSq } = await run(params, batch);
    return { loss: item(loss), gradNormSq: item(gradNormSq), gradient };
  };
}

export const numbers = ({ w }: VectorParams): number[] => Array.from(w.data as Float64Array);

/** One step of gradient descent. */
function descended({ w }: VectorParams, gradient: VectorParams, rate: number): VectorParams {
  const g = gradient.w.data as Float64Array;
  return { w: { shape: w.shape, data: (w.data as Float64Array).map((v, i) => v - rate * g[i]) } };
}

/** Losses L_0 .. L_steps of gradient descent, and its end; `at` may move the point before step t. */
export async function descend(
  problem: Problem<VectorParams>,
  rate: number,
  steps: number,
  at: (params: VectorParams, t: number) => Promise<VectorParams> = async (p) => p,
): Promise<{ readonly losses: number[]; readonly gradNormSqs: number[]; readonly end: VectorParams }> {
  const measure = await measurer(problem);
  const [losses, gradNormSqs]: number[][] = [[], []];
  let params = problem.start;
  for (let t = 0; t <= steps; t++) {
    if (t < steps) params = await at(params, t);
    const { loss, gradient, gradNormSq } = await measure(params);
    losses.push(loss);
    gradNormSqs.push(gradNormSq);
    if (t < steps) params = descended(params, gradient, rate);
  }
  return { losses, gradNormSqs, end: params };
}
