// What the workloads share: how one is measured, and parameters with the benchmark's values.
import { flattenTree, isNdArray, namedArrays, torchGenerator, unflattenTree } from "isoloss";
import { parameter } from "../formula.mjs";

export const float = (value, dtype = "float32") => ({
  shape: [],
  data: (dtype === "float64" ? Float64Array : Float32Array).of(value),
});

/** Arrays of a tree under names as the graph has them. */
export const named = (prefix, tree) => namedArrays({ [prefix]: tree });

export const transposed = ({ shape: [m, n], data }) => {
  const out = new data.constructor(data.length);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[j * m + i] = data[i * n + j];
  return { shape: [n, m], data: out };
};

export const median = (xs) => [...xs].sort((a, b) => a - b)[xs.length >> 1];

/** A tree's arrays with the benchmark's values for parameter number k, in their order. */
export function withValues(tree, isScale = () => false) {
  const { leaves, paths, def } = flattenTree(tree, isNdArray);
  const values = leaves.map(({ shape }, k) => parameter(shape, k, { isScale: isScale(paths[k]) }));
  return unflattenTree(def, values);
}

/** A model's parameters with the benchmark's values. */
export function parameters(model, isScale) {
  const { params, state } = model.init(torchGenerator(0));
  return { params: withValues(params, isScale), state };
}

/** Outputs that are fed back as the inputs of the same name. */
export const carryOf = (graph) =>
  Object.fromEntries(
    graph.outputs.filter((o) => graph.inputs.some((i) => i.name === o.name)).map((o) => [o.name, o.name]),
  );

/** Median microseconds of what is repeated for about some seconds, and at least three times unless that takes longer than 5. */
export async function timed(once, seconds) {
  const times = [];
  const start = performance.now();
  const isEnough = () =>
    performance.now() - start > 1000 * (times.length < 3 ? Math.max(seconds, 5) : seconds);
  while (!isEnough()) {
    const begin = performance.now();
    await once();
    times.push(1000 * (performance.now() - begin));
  }
  return median(times);
}

/** One side of a comparison: runs an executable again and again and feeds results back; microseconds of a step. */
export function stepper(executable, start, { fixed, stepsPerRun = 1, sequences = () => ({}) }) {
  return {
    compileSeconds: executable.compileSeconds,
    runtime: executable.runtime,
    dispose: () => executable.dispose(),
    async measure(seconds) {
      let state = start;
      let results;
      const times = [];
      const until = performance.now() + 1000 * seconds;
      while (times.length < 3 || performance.now() < until) {
        const inputs = { ...state, ...fixed, ...sequences() };
        const begin = performance.now();
        results = await executable.run(inputs, { steps: stepsPerRun });
        times.push((1000 * (performance.now() - begin)) / stepsPerRun);
        state = Object.fromEntries(Object.keys(state).map((name) => [name, results[name]]));
      }
      return { us: median(times), loss: results.loss && Number(results.loss.data.at(-1)) };
    },
  };
}
