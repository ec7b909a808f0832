import type { Float } from "isoloss-test-support/symmetry/support";
import { astype, isNdArray, type NdArray, ndarray, sizeOf } from "../../src/array.js";
import type { Batch, BatchLoss, BatchTensors } from "../../src/batch.js";
import { type TensorsOf, trace } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { createRng } from "../../src/math/rng.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import type { Model } from "../../src/nn/model.js";
import { convnet } from "../../src/nn/models/convnet.js";
import { lenet } from "../../src/nn/models/lenet.js";
import { mobilenet } from "../../src/nn/models/mobilenet.js";
import { patchTransformer } from "../../src/nn/models/patch-transformer.js";
import { recurrentClassifier } from "../../src/nn/models/recurrent-classifier.js";
import { resnet18 } from "../../src/nn/models/resnet18.js";
import { sequenceTransformer } from "../../src/nn/models/sequence-transformer.js";
import { unet } from "../../src/nn/models/unet.js";
import { vgg6 } from "../../src/nn/models/vgg6.js";
import { compile } from "../../src/runtime/compile.js";
import { type Symmetries, symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import { teleportLoss } from "../../src/train/teleport-batches.js";
import { flatten, namedArrays, unflatten } from "../../src/tree.js";
import { overPixels } from "../nn/models/support.js";

/** A tree of parameters, of whatever network. */
export type Params = Readonly<Record<string, unknown>>;

/** A network's training loss, and parameters and data to try it on. */
export interface Architecture {
  readonly params: Params;
  readonly batch: Batch;
  readonly loss: BatchLoss<Params>;
  readonly symmetries: Symmetries<Params>;
  /** JavaScript computes in float64 whatever the arrays are; ONNX Runtime in their type. */
  readonly runtime: "auto" | "onnx";
}

export interface ArchitectureRow {
  readonly name: string;
  readonly model: Model<unknown, unknown>;
  /** Shape of a batch of images or sequences. */
  readonly input: readonly number[];
  /** Whether it has so many parameters, or graphs so large, that each try takes long. */
  readonly isLarge: boolean;
  /** How far a teleport along each of its groups raises ||grad||^2 at least. */
  readonly rise: number;
}

const classes = 3;

const row = (
  name: string,
  model: unknown,
  input: readonly number[],
  { isLarge = false, rise = 1.05 } = {},
): ArchitectureRow => ({
  name,
  model: model as ArchitectureRow["model"],
  input,
  isLarge,
  rise,
});

const patches = { imageSize: [4, 4], patch: 2, width: 6, heads: 3, depth: 2, classes } as const;

const mobile = { stem: 3, stages: [[3], [4]], expansion: 2, head: 5, classes } as const;

/** One row a model: architectures.long.test.ts runs on all of them. */
export const architectures: readonly ArchitectureRow[] = [
  row("convnet", convnet({ imageSize: [6, 6], stages: [[3, 4], [5]], classes }), [4, 1, 6, 6]),
  row(
    "convnet with batch norm",
    convnet({ imageSize: [6, 6], stages: [[3, 4], [5]], norm: "batch", classes }),
    [4, 1, 6, 6],
  ),
  // As after folding the norms into the convolutions.
  row(
    "mobilenet with relu",
    mobilenet({ ...mobile, stages: [[3], [4], [5]], activation: "relu", norm: "none" }),
    [3, 1, 6, 6],
  ),
  row("mobilenet with relu6 and batch norm", mobilenet(mobile), [3, 1, 6, 6]),
  row("lenet", lenet({ imageSize: [16, 16], channels: [2, 3], hidden: [5, 4], classes }), [4, 1, 16, 16]),
  row("vgg6", vgg6({ imageSize: [8, 8], classes }), [2, 3, 8, 8], { isLarge: true }),
  row("resnet18", resnet18({ width: 2, classes }), [3, 3, 16, 16], { isLarge: true }),
  row("patchTransformer with relu", patchTransformer(patches), [4, 1, 4, 4]),
  row("patchTransformer with gelu", patchTransformer({ ...patches, activation: "gelu" }), [4, 1, 4, 4]),
  // GL acts on few of their parameters: those around the transposed convolution.
  row("unet", overPixels(unet({ channels: [4, 5], norm: "none", classes })), [3, 1, 4, 4], { rise: 1.005 }),
  row("unet with batch norm", overPixels(unet({ channels: [4, 5], classes })), [3, 1, 4, 4], { rise: 1.005 }),
  row(
    "recurrentClassifier of gru cells",
    recurrentClassifier({ inputs: 3, width: 4, bidirectional: true, classes }),
    [4, 5, 3],
  ),
  row(
    "recurrentClassifier of lstm cells",
    recurrentClassifier({ cell: "lstm", inputs: 3, width: 4, layers: 2, classes }),
    [4, 5, 3],
  ),
  row(
    "recurrentClassifier of stacked lstm cells, both directions",
    recurrentClassifier({ cell: "lstm", inputs: 3, width: 3, layers: 2, bidirectional: true, classes }),
    [4, 5, 3],
  ),
  row(
    "sequenceTransformer",
    sequenceTransformer({ inputs: 3, width: 8, heads: 2, hidden: 5, classes }),
    [4, 5, 3],
  ),
];

export const architecture = (name: string): ArchitectureRow => {
  const found = architectures.find((r) => r.name === name);
  if (found === undefined) throw new Error(`no architecture "${name}"`);
  return found;
};

const built = new Map<string, Architecture>();

/** A network at random parameters: PyTorch's start values with noise on each, norms and biases included. */
export function build(row: ArchitectureRow, dtype: Float): Architecture {
  const key = `${row.name} ${dtype}`;
  const known = built.get(key) ?? buildAnew(row, dtype);
  built.set(key, known);
  return known;
}

function buildAnew({ model, input }: ArchitectureRow, dtype: Float): Architecture {
  const { params: start, state } = model.init(torchGenerator(1), { dtype: "float64" });
  const rng = createRng(1).fork("architecture");
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
    training: true,
  });
  return {
    params,
    batch,
    loss,
    symmetries: symmetriesOf(loss, params, batch),
    runtime: dtype === "float32" ? "onnx" : "auto",
  };
}

/** A function of parameters and batch, compiled for an architecture: its results by path. Numbers of float32 are really so. */
export async function compiled(
  f: (params: TensorsOf<Params>, batch: BatchTensors) => unknown,
  { params, batch, runtime }: Architecture,
) {
  const { graph } = trace(({ params: p, batch: b }) => f(p, b), { params, batch });
  const executable = await compile(graph, { runtime });
  return async (p: Params): Promise<Readonly<Record<string, NdArray>>> =>
    executable.run(namedArrays({ params: p, batch }));
}

/** Changes every number of a tree. */
function mapTree<P>(f: (v: number) => number, tree: P, dtype: Float): P {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  const changed = leaves.map(({ shape, data }) =>
    astype({ shape, data: Float64Array.from(data as Float64Array, f) }, dtype),
  );
  return unflatten(def, changed) as P;
}

/** All numbers of a tree, or of some of its arrays, in order. */
export function numbersOf(tree: unknown, paths?: ReadonlySet<string>): Float64Array {
  const chosen = Object.entries(namedArrays(tree)).filter(([path]) => paths?.has(path) ?? true);
  const out = new Float64Array(chosen.reduce((n, [, { data }]) => n + data.length, 0));
  let at = 0;
  for (const [, { data }] of chosen) {
    out.set(data as Float64Array, at);
    at += data.length;
  }
  return out;
}

/** Length of the difference relative to the first one's, over all arrays or those at some paths. */
export function distance(a: unknown, b: unknown, paths?: ReadonlySet<string>): number {
  const [x, y] = [numbersOf(a, paths), numbersOf(b, paths)];
  const length = (v: Float64Array) => Math.sqrt(v.reduce((s, c) => s + c * c, 0));
  return length(x.map((v, i) => v - y[i])) / length(x);
}

/** A tree in a model's shape from a function's results. */
export function treeLike<P>(params: P, results: Readonly<Record<string, NdArray>>): P {
  const { paths, def } = flatten<NdArray>(params, isNdArray);
  return unflatten(
    def,
    paths.map((path) => results[path]),
  ) as P;
}
