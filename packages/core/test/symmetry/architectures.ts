import { astype, isNdArray, type NdArray, ndarray, sizeOf } from "../../src/array.js";
import { type TensorsOf, trace } from "../../src/graph/trace.js";
import { Mt19937 } from "../../src/math/mt19937.js";
import { createRng } from "../../src/math/rng.js";
import { namedArrays } from "../../src/named-arrays.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import type { Model } from "../../src/nn/model.js";
import { convnet } from "../../src/nn/models/convnet.js";
import { lenet } from "../../src/nn/models/lenet.js";
import { patchTransformer } from "../../src/nn/models/patch-transformer.js";
import { resnet18 } from "../../src/nn/models/resnet18.js";
import { vgg6 } from "../../src/nn/models/vgg6.js";
import { compile } from "../../src/runtime/compile.js";
import type { Discovery } from "../../src/symmetry/discovery/descriptors.js";
import { analyse } from "../../src/symmetry/discovery/discovery.js";
import type { Batch } from "../../src/symmetry/symmetry.js";
import type { BatchLoss } from "../../src/teleport/objective/objective.js";
import { teleportLoss } from "../../src/train/teleport-batches.js";
import { flatten, unflatten } from "../../src/tree.js";
import type { Float } from "./support.js";

/** A tree of parameters, of whatever network. */
export type Params = Readonly<Record<string, unknown>>;

/** A network's training loss, and parameters and data to try it on. */
export interface Architecture {
  readonly params: Params;
  readonly batch: Batch;
  readonly loss: BatchLoss<TensorsOf<Params>>;
  /** What an analysis of the loss' graph finds. */
  readonly found: Discovery;
}

export interface ArchitectureRow {
  readonly name: string;
  readonly model: Model<unknown, unknown>;
  readonly input: readonly number[];
  readonly classes: number;
}

const row = (name: string, model: unknown, input: readonly number[], classes: number): ArchitectureRow => ({
  name,
  model: model as ArchitectureRow["model"],
  input,
  classes,
});

const patches = { imageSize: [4, 4], patch: 2, width: 6, heads: 3, depth: 2, classes: 3 } as const;

/** One row a model: architectures.test.ts runs on all of them. */
export const architectures: readonly ArchitectureRow[] = [
  row("convnet", convnet({ imageSize: [6, 6], stages: [[3, 4], [5]], classes: 3 }), [4, 1, 6, 6], 3),
  row(
    "lenet",
    lenet({ imageSize: [16, 16], channels: [2, 3], hidden: [5, 4], classes: 3 }),
    [4, 1, 16, 16],
    3,
  ),
  row("vgg6", vgg6({ imageSize: [8, 8], classes: 3 }), [2, 3, 8, 8], 3),
  row("resnet18", resnet18({ width: 2, classes: 3 }), [3, 3, 16, 16], 3),
  row("patchTransformer with relu", patchTransformer(patches), [4, 1, 4, 4], 3),
  row("patchTransformer with gelu", patchTransformer({ ...patches, activation: "gelu" }), [4, 1, 4, 4], 3),
];

export const architecture = (name: string): ArchitectureRow => {
  const found = architectures.find((r) => r.name === name);
  if (found === undefined) throw new Error(`no architecture "${name}"`);
  return found;
};

/** A network at random parameters: PyTorch's start values with noise on each, norms and biases included. */
export function build({ model, input, classes }: ArchitectureRow, seed: number, dtype: Float): Architecture {
  const { params: start, state } = model.init(new Mt19937(seed), { dtype: "float64" });
  const rng = createRng(seed).fork("architecture");
  const params = mapTree((v) => v + 0.1 * rng.normal(), start as Params, dtype);
  const images = Float64Array.from({ length: sizeOf(input) }, () => rng.normal());
  const typedState = mapTree((v) => v, state as Params, dtype);
  const batch: Batch = {
    x: astype(ndarray(images, input), dtype),
    y: { shape: [input[0]], data: BigInt64Array.from({ length: input[0] }, (_, i) => BigInt(i % classes)) },
    seed: { shape: [], data: BigInt64Array.of(0n) },
    ...namedArrays({ state: typedState }),
  };
  const loss = teleportLoss<Params, unknown>({
    model: model as never,
    loss: crossEntropy,
    state: typedState,
  });
  const { graph } = trace(loss as never, [params, batch], { names: ["params", "batch"] });
  // The actions know parameters by their paths in the tree.
  const inputs = graph.inputs.map(({ name, tensor }) => ({ name: name.replace(/^params\./, ""), tensor }));
  return { params, batch, loss, found: analyse({ ...graph, inputs }, Object.keys(namedArrays(params))) };
}

/** A function of parameters and batch, compiled for an architecture: its results by path. */
export async function compiled(f: unknown, { params, batch }: Architecture) {
  const { graph } = trace(f as never, [params, batch], { names: ["params", "batch"] });
  const executable = await compile(graph);
  return (p: Params): Promise<Record<string, NdArray>> =>
    executable.run(namedArrays({ params: p, batch })) as Promise<Record<string, NdArray>>;
}

/** Changes every number of a tree. */
export function mapTree<P>(f: (v: number) => number, tree: P, dtype: Float): P {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  const changed = leaves.map(({ shape, data }) =>
    astype({ shape, data: Float64Array.from(data as Float64Array, f) }, dtype),
  );
  return unflatten(def, changed) as P;
}

/** All numbers of a tree, in order. */
export const numbersOf = (tree: unknown): Float64Array =>
  Float64Array.from(
    flatten<NdArray>(tree, isNdArray).leaves.flatMap(({ data }) => Array.from(data as Float64Array)),
  );

/** Length of the difference relative to the first one's. */
export function distance(a: unknown, b: unknown): number {
  const [x, y] = [numbersOf(a), numbersOf(b)];
  const length = (v: Float64Array) => Math.sqrt(v.reduce((s, c) => s + c * c, 0));
  return length(x.map((v, i) => v - y[i])) / length(x);
}

/** A tree in a model's shape from a function's results. */
export function treeLike<P>(params: P, results: Record<string, NdArray>): P {
  const { paths, def } = flatten<NdArray>(params, isNdArray);
  return unflatten(
    def,
    paths.map((path) => results[path]),
  ) as P;
}
