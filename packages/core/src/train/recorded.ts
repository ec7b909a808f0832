// What a loop records of each of its steps.
import { isNdArray, type NdArray } from "../array.js";
import type { Graph } from "../graph/graph.js";
import { flatten, unflatten } from "../tree.js";

type Results = Readonly<Record<string, NdArray>>;

/** Numbers that are recorded in a run at most, 32 MB of them, but those of ten steps. */
const mostNumbers = 2 ** 22;

/** Most steps of a run: all outputs of a step's graph that are not carried on are recorded. */
export function mostSteps({ outputs }: Graph, carried: readonly string[]): number {
  const isCarried = new Set(carried);
  const recorded = outputs.reduce(
    (sum, { name, tensor }) => sum + (isCarried.has(name) ? 0 : tensor.size),
    0,
  );
  return Math.max(10, Math.floor(mostNumbers / recorded));
}

/** One element along the first axis. */
export function recordedAt({ shape, data }: NdArray, t: number): NdArray {
  const size = data.length / shape[0];
  return { shape: shape.slice(1), data: data.slice(t * size, (t + 1) * size) as Float64Array };
}

/** A tree like another one, recorded under a name. */
export function recordedTree<P>(results: Results, name: string, like: P, t: number): P {
  const { paths, def } = flatten<NdArray>({ [name]: like }, isNdArray);
  const leaves = paths.map((path) => recordedAt(results[path], t));
  return (unflatten(def, leaves) as Record<string, P>)[name];
}
