import { type GoldenArray, readGolden } from "isoloss-test-support/nn/support";
import { array, astype, dtypeOf, isNdArray, type NdArray, ndarray, zeros } from "../../src/array.js";
import { valueAndGrad } from "../../src/graph/autodiff.js";
import type { Graph } from "../../src/graph/graph.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import type { Optimizer, OptimizerState } from "../../src/optim/optimizer.js";
import type { Executable, Scan, Values } from "../../src/runtime/executable.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { flatten, unflatten } from "../../src/tree.js";

/** optimizers.json: see bench/torch/golden_optimizers.py. */
export interface OptimizersGolden {
  problem: {
    params: { W: GoldenArray; b: GoldenArray };
    X: GoldenArray;
    Y: GoldenArray;
    gradients: { W: number[]; b: number[] }[];
  };
  optimizers: {
    name: string;
    options: { lr: number };
    given: { W: number[]; b: number[] }[];
    quadratic: { loss: number; W: number[]; b: number[] }[];
  }[];
  schedules: {
    name: string;
    baseLr: number;
    lr: number[];
    metrics: number[];
    finalLr: number;
  }[];
  clipping: {
    clip: "norm" | "value";
    options: { max_norm: number; norm_type: number | "inf"; clip_value: number };
    gradients: Record<string, GoldenArray>;
    totalNorm: number | null;
    clipped: Record<string, GoldenArray>;
  }[];
}

export const golden = readGolden<OptimizersGolden>("optimizers.json");

/** A tree of arrays as the tests pass it around. */
export type Arrays = unknown;

export interface Run {
  readonly params: Arrays;
  readonly state: OptimizerState;
}

/** Gradients of one step: from the parameters and whatever else the step is given. */
// biome-ignore lint/suspicious/noExplicitAny: trees of any structure
export type GradientOf = (params: any, given: any) => any;

/** Gradients that are given, not computed. */
export const givenGradients: GradientOf = (_params, given) => given;

/** The gradient of a loss; the loss itself is not kept. */
export const gradientOf =
  // biome-ignore lint/suspicious/noExplicitAny: trees of any structure
    (loss: (params: any) => Tensor): GradientOf =>
    (params) =>
      valueAndGrad(loss)(params)[1];

/** One step of an optimizer as a graph that a scan can carry on. */
export function stepGraph(
  optimizer: Optimizer,
  gradients: GradientOf,
  { params, state }: Run,
  given: Arrays,
): { graph: Graph; scan: Scan } {
  const { graph } = trace(
    ({ params: p, state: s, given: g, rate }) =>
      optimizer.update(gradients(p, g), s, p, rate, (q) => gradients(q, g)),
    { params, state, given, rate: spec([], dtypeOf(arraysOf(params)[0])) },
  );
  const outputs = graph.outputs.map(({ name }) => name);
  const sequences = graph.inputs.map(({ name }) => name).filter((name) => !outputs.includes(name));
  return {
    graph: simplify(graph),
    scan: { carry: Object.fromEntries(outputs.map((n) => [n, n])), sequences },
  };
}

/** The inputs of `steps` steps of a scan: given gradients and rates have a leading axis. */
function scanInputs(run: Run, given: readonly Arrays[], rates: readonly number[]): Values {
  const rate = array([...rates], dtypeOf(arraysOf(run.params)[0]));
  return { ...named({ params: run.params, state: run.state, given: stack(given) }), rate };
}

/** `steps` steps in the JavaScript runtime, as one scan. */
export function runSteps(
  optimizer: Optimizer,
  gradients: GradientOf,
  start: Run,
  { rates, given = rates.map(() => ({})) }: { rates: readonly number[]; given?: readonly Arrays[] },
): Run {
  const { graph, scan } = stepGraph(optimizer, gradients, start, given[0]);
  const executable = compileJavaScript(graph, { scan });
  return unnamed(start, executable.runSync(scanInputs(start, given, rates), { steps: rates.length }));
}

/** The same in an executable that answers with promises. */
export async function runIn(
  executable: Executable,
  start: Run,
  given: readonly Arrays[],
  rates: readonly number[],
): Promise<Run> {
  return unnamed(start, await executable.run(scanInputs(start, given, rates), { steps: rates.length }));
}

/** The start of a run: parameters and their fresh state. */
export const startOf = (optimizer: Optimizer, params: Arrays): Run => ({
  params,
  state: optimizer.init(params),
});

export const arraysOf = (tree: Arrays): NdArray[] => flatten<NdArray>(tree, isNdArray).leaves;

export function mapArrays(tree: Arrays, f: (leaf: NdArray) => NdArray): Arrays {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  return unflatten(def, leaves.map(f));
}

/** Zeros like a tree. */
export const zerosOf = (tree: Arrays): Arrays => mapArrays(tree, (a) => zeros(a.shape, dtypeOf(a)));

function named(tree: Arrays): Record<string, NdArray> {
  const { leaves, paths } = flatten<NdArray>(tree, isNdArray);
  return Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
}

function unnamed({ params, state }: Run, results: Record<string, NdArray>): Run {
  const { paths, def } = flatten<NdArray>({ params, state }, isNdArray);
  return unflatten(
    def,
    paths.map((path) => results[path]),
  ) as Run;
}

/** Trees of one structure as one tree with a leading axis. */
function stack(trees: readonly Arrays[]): Arrays {
  const all = trees.map(arraysOf);
  const { leaves, def } = flatten<NdArray>(trees[0], isNdArray);
  const stacked = leaves.map((leaf, k) => {
    const data = all.flatMap((arrays) => Array.from(arrays[k].data, Number));
    return astype(ndarray(Float64Array.from(data), [trees.length, ...leaf.shape]), dtypeOf(leaf));
  });
  return unflatten(def, stacked);
}
