import { astype, isNdArray, type NdArray } from "../../src/array.js";
import { simplify } from "../../src/graph/simplify.js";
import { type TensorsOf, trace } from "../../src/graph/trace.js";
import { createRng } from "../../src/math/rng.js";
import type { Activation } from "../../src/nn/activation.js";
import { mseLoss } from "../../src/nn/losses/mse.js";
import { type MlpParams, mlp } from "../../src/nn/models/mlp.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import type { Batch } from "../../src/symmetry/symmetry.js";
import type { BatchLoss } from "../../src/teleport/objective/objective.js";
import { flatten, unflatten } from "../../src/tree.js";

export type Float = "float32" | "float64";

/** A random regression problem: a network, its parameters and a batch. */
export interface Problem {
  readonly label: string;
  readonly activation: { readonly activation: Activation; readonly slope?: number };
  readonly sizes: readonly number[];
  readonly params: MlpParams;
  readonly batch: { readonly x: NdArray; readonly y: NdArray };
  readonly loss: BatchLoss<TensorsOf<MlpParams>>;
}

export interface ProblemOptions {
  readonly activations: readonly Activation[];
  /**
   * `narrow`: at most as large as the input of every hidden layer (a bias counts), so that batch-wise actions are exact;
   * `wide`: larger than the narrowest of them; default: 1..10.
   */
  readonly size?: "narrow" | "wide";
  readonly dtype?: Float;
}

/** Problem number `seed`: 2..4 layers of 2..6 units, with or without bias. */
export function randomProblem(
  seed: number,
  { activations, size, dtype = "float64" }: ProblemOptions,
): Problem {
  const rng = createRng(seed);
  const sizes = Array.from({ length: 3 + rng.int(3) }, () => 2 + rng.int(5));
  const bias = rng.int(2) === 1;
  const narrowest = Math.min(...sizes.slice(0, -2)) + (bias ? 1 : 0);
  const batchSize =
    size === "wide" ? narrowest + 1 + rng.int(3) : 1 + rng.int(size === "narrow" ? narrowest : 10);
  const name = activations[rng.int(activations.length)];
  const activation = { activation: name, ...(name === "leakyRelu" ? { slope: 0.05 + rng.next() } : {}) };
  const normals = (shape: readonly number[], scale: number): NdArray => {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = Float64Array.from({ length: size }, () => scale * rng.normal());
    return astype({ shape, data }, dtype);
  };
  const layers = sizes.slice(1).map((out, m) => ({
    weight: normals([out, sizes[m]], 1 / Math.sqrt(sizes[m])),
    ...(bias ? { bias: normals([out], 0.3) } : {}),
  }));
  const model = mlp({ sizes, bias, ...activation });
  return {
    label: `${seed}: ${sizes.join("-")}${bias ? " with bias" : ""}, ${name}, batch ${batchSize}`,
    activation,
    sizes,
    params: { layers },
    batch: { x: normals([batchSize, sizes[0]], 1), y: normals([batchSize, sizes[sizes.length - 1]], 1) },
    loss: (p, { x, y }) => mseLoss(model.apply(p, x).output, y),
  };
}

/** A function of parameters and batch, compiled to JavaScript for a problem's shapes: a number. */
export function evaluator(
  f: BatchLoss<TensorsOf<MlpParams>>,
  { params, batch }: Problem,
): (params: MlpParams, batch: Batch) => number {
  const { graph } = trace(f as never, [params, batch], { names: ["p", "batch"] });
  const executable = compileJavaScript(simplify(graph));
  return (p, at) => {
    const { leaves, paths } = flatten<NdArray>({ p, batch: at }, isNdArray);
    const named = Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
    return Number(executable.runSync(named).result.data[0]);
  };
}

/** Random elements of an algebra, of Frobenius norm `norm` together. */
export function randomT(algebra: readonly (readonly number[])[], norm: number, seed: number): NdArray[] {
  const rng = createRng(seed).fork("T");
  const blocks = algebra.map((shape) =>
    Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()),
  );
  const length = Math.hypot(...blocks.flatMap((b) => [...b]));
  return algebra.map((shape, i) => ({ shape, data: blocks[i].map((v) => (norm * v) / length) }));
}

export function scaledT(T: readonly NdArray[], factor: number): NdArray[] {
  return T.map(({ shape, data }) => ({
    shape,
    data: Float64Array.from(data as Float64Array, (v) => factor * v),
  }));
}

/** Element-wise combination of two trees of parameters. */
export function combine(f: (a: number, b: number) => number, p: MlpParams, q: MlpParams): MlpParams {
  const a = flatten<NdArray>(p, isNdArray);
  const b = flatten<NdArray>(q, isNdArray).leaves;
  const leaves = a.leaves.map(({ shape, data }, i) => ({
    shape,
    data: Float64Array.from(data as Float64Array, (v, k) => f(v, Number(b[i].data[k]))),
  }));
  return unflatten(a.def, leaves) as MlpParams;
}

/** Norm of the difference of two trees relative to the first one's. */
export function distance(p: MlpParams, q: MlpParams): number {
  return norm(combine((a, b) => a - b, p, q)) / norm(p);
}

function norm(p: MlpParams): number {
  return Math.hypot(
    ...flatten<NdArray>(p, isNdArray).leaves.flatMap(({ data }) => Array.from(data as Float64Array)),
  );
}

export const relative = (a: number, b: number): number => Math.abs(b - a) / Math.abs(a);
