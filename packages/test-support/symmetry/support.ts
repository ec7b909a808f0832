import type { Activation, Batch, BatchLoss, Symmetry, Tensor } from "isoloss";
import {
  astype,
  compile,
  compileJavaScript,
  flattenTree as flatten,
  isNdArray,
  type MlpParams,
  mlp,
  type NdArray,
  simplify,
  type TensorsOf,
  trace,
  unflattenTree as unflatten,
} from "isoloss";
import { createRng } from "isoloss/data";
import { activation as activationOf, linear, mseLoss } from "isoloss/nn";
import { add, div, mean, sqrt, square } from "isoloss/ops";
import { isRefusal } from "isoloss/symmetry";

export type Float = "float32" | "float64";

/** A random regression problem: a network, its parameters and a batch. */
export interface Problem {
  readonly label: string;
  readonly activation: { readonly activation: Activation; readonly slope?: number };
  readonly sizes: readonly number[];
  readonly params: MlpParams;
  readonly batch: { readonly x: NdArray; readonly y: NdArray };
  readonly loss: BatchLoss<MlpParams>;
}

export interface ProblemOptions {
  readonly activations: readonly Activation[];
  /**
   * `narrow`: at most as large as the input of every hidden layer (a bias counts), so that eq. 8 is exact; `wide`: larger
   * than the narrowest of them; `few`: at most as large as every layer but the output; default: 1..10.
   */
  readonly size?: "narrow" | "wide" | "few";
  /**
   * `normalized`: z / sqrt(mean z^2 + 1e-10) before each activation; `linear between`: two or three hidden layers,
   * every second one without activation; `lengths`: as many, every second one normalized in place of an activation;
   * default: an `mlp`.
   */
  readonly network?: "normalized" | "linear between" | "lengths";
  /** Default: at random. */
  readonly bias?: boolean;
  readonly dtype?: Float;
}

/** Problem number `seed`: 2..4 layers of 2..6 units, with or without bias. */
export function randomProblem(
  seed: number,
  { activations, size, network, bias: wanted, dtype = "float64" }: ProblemOptions,
): Problem {
  const rng = createRng(seed);
  const length = network === "linear between" || network === "lengths" ? 4 + rng.int(2) : 3 + rng.int(3);
  const sizes = Array.from({ length }, () => 2 + rng.int(5));
  const drawn = rng.int(2) === 1;
  const bias = wanted ?? drawn;
  const narrowest = Math.min(...sizes.slice(0, -2)) + (bias ? 1 : 0);
  const largest = { narrow: narrowest, few: Math.min(...sizes.slice(0, -1)) };
  const batchSize =
    size === "wide" ? narrowest + 1 + rng.int(3) : 1 + rng.int(size === undefined ? 10 : largest[size]);
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
  const { activation: _name, ...slope } = activation;
  const act = activationOf(name, slope);
  const apply = {
    normalized: networkOf(() => (z: Tensor) => act(normalized(z))),
    "linear between": networkOf((m) => (z: Tensor) => (m % 2 === 0 ? act(z) : z)),
    lengths: networkOf((m) => (z: Tensor) => (m % 2 === 0 ? act(z) : normalized(z))),
  };
  const model = mlp({ sizes, bias, ...activation });
  const output = network ? apply[network] : (p: TensorsOf<MlpParams>, x: Tensor) => model.apply(p, x).output;
  return {
    label: `${seed}: ${sizes.join("-")}${bias ? " with bias" : ""}, ${name}, batch ${batchSize}`,
    activation,
    sizes,
    params: { layers },
    batch: { x: normals([batchSize, sizes[0]], 1), y: normals([batchSize, sizes[sizes.length - 1]], 1) },
    loss: (p, { x, y }) => mseLoss(output(p, x), y),
  };
}

/** Linear layers with a function between them. */
const networkOf =
  (between: (m: number) => (z: Tensor) => Tensor) =>
  ({ layers }: TensorsOf<MlpParams>, x: Tensor): Tensor =>
    layers.reduce<Tensor>((h, layer, m) => {
      const z = linear(h, layer);
      return m === layers.length - 1 ? z : between(m)(z);
    }, x);

/** By its root mean square: unlike a standard deviation that is far from zero for two units, too. */
const normalized = (z: Tensor): Tensor =>
  div(z, sqrt(add(mean(square(z), { axes: [1], keepDims: true }), 1e-10)));

/** A function of parameters and batch, compiled to JavaScript for a problem's shapes: a number. */
export function evaluator(
  f: BatchLoss<MlpParams>,
  { params, batch }: Problem,
): (params: MlpParams, batch: Batch) => number {
  const { graph } = trace(({ p, batch: b }) => f(p, b), { p: params, batch });
  const executable = compileJavaScript(simplify(graph));
  return (p, at) => {
    const { leaves, paths } = flatten<NdArray>({ p, batch: at }, isNdArray);
    const named = Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
    return Number(executable.runSync(named).result.data[0]);
  };
}

/**
 * The losses of many problems of one dtype, all in one graph: a function of a tree of parameters and a batch for each.
 * float32 in ONNX Runtime, for JavaScript computes in float64 whatever the arrays are.
 */
export async function lossesOf(
  problems: readonly Problem[],
  dtype: Float,
): Promise<(params: readonly MlpParams[], batches: readonly Batch[]) => Promise<number[]>> {
  const { graph } = trace((given) => problems.map(({ loss }, i) => loss(given.p[i], given.b[i])), {
    p: problems.map(({ params }) => params),
    b: problems.map(({ batch }) => batch),
  });
  const executable = await compile(graph, { runtime: dtype === "float32" ? "onnx" : "javascript" });
  return async (p, b) => {
    const results = await executable.run({ ...named("p", p), ...named("b", b) });
    return graph.outputs.map(({ name }) => Number(results[name].data[0]));
  };
}

/** The arrays of a tree by their paths behind a prefix. */
export function named(prefix: string, tree: unknown): Record<string, NdArray> {
  const { leaves, paths } = flatten<NdArray>({ [prefix]: tree }, isNdArray);
  return Object.fromEntries(paths.map((path, i) => [path, leaves[i]]));
}

export async function contextOf(
  symmetry: Symmetry<MlpParams>,
  { params, batch }: Problem,
): Promise<readonly NdArray[]> {
  const context = (await symmetry.context?.(params, batch)) ?? [];
  if (isRefusal(context)) throw new Error(context.refused);
  return context;
}

/** The derivative that a symmetry claims to have at the identity, in the direction T. */
export async function derivativeOf(
  symmetry: Symmetry<MlpParams>,
  problem: Problem,
  T: readonly NdArray[],
): Promise<MlpParams> {
  const context = await contextOf(symmetry, problem);
  const { graph, resultDef } = trace(({ p, t, batch, c }) => symmetry.derivative(p, t, batch, c), {
    p: problem.params,
    t: T,
    batch: problem.batch,
    c: context,
  });
  const results = compileJavaScript(simplify(graph)).runSync({
    ...named("p", problem.params),
    ...named("t", T),
    ...named("batch", problem.batch),
    ...named("c", context),
  });
  const leaves = graph.outputs.map(({ name }) => results[name]);
  return unflatten(resultDef, leaves) as MlpParams;
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
