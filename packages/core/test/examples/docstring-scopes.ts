// What examples in docstrings take for granted: a user's own model, data and results so far.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { encode } from "fast-png";
import { parquetWriteBuffer } from "hyparquet-writer";
import { stored } from "isoloss-test-support/data/npz-files";
import { processed } from "isoloss-test-support/data/qm9-processed";
import { files } from "isoloss-test-support/data/qm9-support";
import * as lib from "isoloss-test-support/library";
import { Builder, smallNetwork } from "isoloss-test-support/model-file/builder";
import * as kinds from "../../src/options.js";
import { ProtoReader } from "../../src/runtime/onnx/protobuf.js";
import { createHessian } from "../../src/teleport/curvature/hessian.js";
import { rmsNorm } from "../symmetry/discovery/random-network.js";

const qm9 = files();

/** Values that an example names without saying where they are from. */
export type Scope = Readonly<Record<string, unknown>>;

const random = (shape: readonly number[], seed = 0) => lib.torchRand(lib.torchGenerator(seed), shape);
const classes = (n: number, of: number) =>
  lib.array(
    Array.from({ length: n }, (_, i) => i % of),
    "int64",
  );

/** A classifier of vectors and a batch for it. */
function network(activation: lib.Activation, { bias = true } = {}) {
  const model = lib.mlp({ sizes: [784, 16, 10], activation, bias });
  const { params } = model.init(lib.torchGenerator(0));
  const batch = { x: random([4, 784]), y: classes(4, 10) };
  const loss = (p: never, b: never) =>
    lib.crossEntropy(model.apply(p, (b as lib.BatchTensors).x).output, (b as lib.BatchTensors).y);
  return { model, params, batch, loss, symmetry: lib.positiveScaling(params), ...batch };
}

/** A network of which a hidden space is read by linear maps and by its length alone. */
const normalized = () => ({
  loss: (p: { w: lib.Tensor; v: lib.Tensor }, { x }: { x: lib.Tensor }) =>
    lib.mean(lib.square(lib.matmul(rmsNorm(lib.matmul(x, p.w)), p.v))),
  params: { w: random([4, 6]), v: random([6, 3], 1) },
  batch: { x: random([5, 4], 2) },
});

/** A function of two variables. */
const planar = ({ loss, start }: lib.Problem<never>) => ({ loss, params: start, batch: {} });

async function training() {
  const { images, labels } = lib.digits();
  const data = { inputs: images, labels };
  const trainer = await lib.createTrainer({
    model: lib.mlp({ sizes: [64, 10] }),
    data,
    optimizer: lib.sgd(),
    learningRate: 0.1,
    batchSize: 64,
  });
  await trainer.run({ steps: 2 });
  const bytes = lib.encodeCheckpoint(trainer);
  await lib.saveCheckpoint("run/checkpoint.safetensors", trainer);
  return { trainer, bytes, tensors: { w: lib.zeros([2]) }, training: data, validation: data };
}

async function tasks() {
  const { losses, params, train } = lib.digitQuestions();
  const data = Object.fromEntries(
    Object.entries(train).map(([name, a]) => [
      name,
      lib.takeRows(
        a,
        Array.from({ length: 64 }, (_, i) => i),
      ),
    ]),
  );
  const setup = { losses, params, data, optimizer: lib.sgd(), learningRate: 0.1, batchSize: 32 };
  const trainer = await lib.createMultiTaskTrainer({ ...setup, method: lib.fairGrad() });
  await trainer.run({ steps: 2 });
  const bytes = lib.encodeMultiTaskCheckpoint(trainer);
  return { ...setup, setup, trainer, bytes };
}

/** A few images of Fashion-MNIST's form, in the place of the files. */
const loadIdxDataset = async () => {
  const part = { images: random([300, 784]), labels: classes(300, 10) };
  return { train: part, test: part };
};

/** A small model of two tasks and examples for it. */
function pair() {
  const model = lib.multiMlp({ sizes: [8, 4], heads: { left: 10, right: 10 } });
  const losses = (p: never, b: lib.BatchTensors, context: lib.LossContext) => {
    const y = model.apply(p, b.x, context);
    return [lib.crossEntropy(y.left, b.left), lib.crossEntropy(y.right, b.right)];
  };
  const params = model.init(lib.torchGenerator(0));
  return { losses, params, x: random([256, 8]), left: classes(256, 10), right: classes(256, 10) };
}

/** An idx file of two images of 2 x 2 pixels. */
const idx = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8]);
const response = { arrayBuffer: async () => Uint8Array.from(gzipSync(idx)).buffer };

/** A file of a small model, and a batch for it. */
function imported() {
  const model = lib.mlp({ sizes: [4, 3, 2], activation: "relu" });
  const { params } = model.init(lib.torchGenerator(0));
  const { graph } = lib.trace(({ p, input }) => ({ logits: model.apply(p, input).output }), {
    p: params,
    input: lib.spec([5, 4]),
  });
  const bytes = lib.toOnnx(graph, { constants: lib.namedArrays({ p: params }) });
  return { bytes, x: random([5, 4]), y: classes(5, 2) };
}

/** Functions of folders, given small sets in the form of the published ones. */
async function folders(): Promise<Scope> {
  const root = mkdtempSync(join(tmpdir(), "isoloss-examples-"));
  process.on("exit", () => rmSync(root, { recursive: true, force: true }));
  const within =
    <A extends unknown[], R>(f: (folder: string, ...rest: A) => R) =>
    (folder: string, ...rest: A): R =>
      f(join(root, folder), ...rest);
  const names = { cityscapes: "cityscapes", nyuv2: "nyuv2", celeba: "celeba" } as const;
  const others = { office31: "office31", officeHome: "office-home" } as const;
  for (const [name, folder] of Object.entries({ ...names, ...others })) {
    await lib.writeSample(name as lib.BenchmarkName, join(root, folder), { examples: 2 });
  }
  return {
    loadCityscapes: within(lib.loadCityscapes),
    loadNyuv2: within(lib.loadNyuv2),
    loadCeleba: within(lib.loadCeleba),
    loadOffice31: within(lib.loadOffice31),
    loadOfficeHome: within(lib.loadOfficeHome),
    loadBenchmark: (name: lib.BenchmarkName, folder: string, options: object) =>
      lib.loadBenchmark(name, join(root, folder), options),
    verifyBenchmark: (name: lib.BenchmarkName, folder: string, options: lib.VerifyOptions) =>
      lib.verifyBenchmark(name, join(root, folder), options),
    writeSample: (name: lib.BenchmarkName, folder: string, options: lib.SampleOptions) =>
      lib.writeSample(name, join(root, folder), options),
  };
}

/** Scopes by file, or by folder. */
export const scopes: Readonly<Record<string, () => Scope | Promise<Scope>>> = {
  symmetry: () => network("relu"),
  "moves/balance": () => network("relu"),
  "isoloss-onnx/half": () => ({ before: smallNetwork(), images: random([8, 3, 4, 4]) }),
  "isoloss-onnx/model-error.ts": () => ({ before: smallNetwork(), after: smallNetwork() }),
  "moves/low-rank": () => {
    const { loss, params, batch } = network("identity");
    const { found } = lib.symmetriesOf(loss as never, params, batch);
    return { params, found, before: smallNetwork() };
  },
  "isoloss-onnx/low-rank": () => ({ before: smallNetwork() }),
  "moves/prune": () => {
    const { loss, params, batch } = network("relu");
    const { found } = lib.symmetriesOf(loss as never, params, batch);
    return { loss, params, batch, found, before: smallNetwork() };
  },
  "isoloss-onnx/prune": () => ({ before: smallNetwork() }),
  "moves/rotate": () => network("identity"),
  "moves/shift": () => network("identity"),
  "moves/quantization-noise": () => ({ ...network("relu"), before: smallNetwork() }),
  "symmetry/general-linear.ts": () => network("identity"),
  "symmetry/rotation/orthogonal.ts": normalized,
  "symmetry/discrete/sign-flips.ts": () => network("tanh"),
  "symmetry/discovery": () => {
    const model = lib.mlp({ sizes: [4, 3, 2] });
    return { model, params: model.init(lib.torchGenerator(0)).params, x: random([5, 4]), y: random([5, 2]) };
  },
  "symmetry/discovery/describe.ts": () => network("relu"),
  teleport: () => network("relu"),
  "teleport/search/discrete.ts": () => ({ ...network("tanh"), objective: lib.modelDecrease }),
  "teleport/search/best-angle.ts": () => planar(lib.rosenbrock() as never),
  "teleport/search/quadratic-optimum.ts": () => planar(lib.booth() as never),
  "teleport/search/jump.ts": () => lib.mlpRegression() as unknown as Scope,
  "teleport/curvature/hessian.ts": () => planar(lib.booth() as never),
  "teleport/curvature/conjugate-gradient.ts": async () => {
    const at = planar(lib.booth() as never);
    const hessian = await createHessian(at.loss, at.params, {});
    const v = hessian.vectorOf(at.params);
    return { ...at, hessian, g: (await hessian.times(at.params, {}, v)).g };
  },
  "teleport/diagnosis/diagnose.ts": () => ({ ...planar(lib.booth() as never), moved: lib.booth().start }),
  "teleport/state/transport.ts": () => {
    const { params, ...rest } = network("relu");
    return { params, ...rest, before: lib.adam().init(params), moved: { params, T: [] } };
  },
  train: training,
  "node/checkpoints.ts": training,
  "node/interrupt.ts": training,
  "node/progress.ts": training,
  "node/files.ts": training,
  "node/history": training,
  "node/datasets.ts": () => ({ loadIdxDataset }),
  "problems/image-tasks.ts": () => ({ loadIdxDataset }),
  "problems/multi-task.ts": () => {
    const part = { x: random([6, 1, 28, 28]), left: classes(6, 10), even: random([6, 1]) };
    return { train: part, test: part };
  },
  "data/batches.ts": () => ({ images: lib.zeros([60_000, 1]) }),
  "data/npz.ts": () => ({ bytes: stored() }),
  "data/overlay.ts": () => ({ loadIdxDataset }),
  "data/idx.ts": () => ({ bytes: idx, fetch: async () => response }),
  "data/streams/example-stream.ts": () => ({ stream: lib.streamOf({ x: random([4, 1]) }) }),
  "isoloss-benchmarks/node": folders,
  "node/images": () => ({
    pngFile: encode({ width: 1, height: 1, channels: 1, data: Uint8Array.of(7) }),
  }),
  "node/tables.ts"() {
    writeFileSync("houses.csv", "rooms,heating,price\n3,gas,210\n5,oil,340\n");
    writeFileSync("more-houses.csv", "rooms,heating,price\n4,oil,300\n");
    writeFileSync("new-houses.csv", "heating,rooms\ngas,2\n");
    const columnData = [
      { name: "width", data: [1.5, 2] },
      { name: "species", data: ["setosa", "virginica"] },
    ];
    writeFileSync("iris.parquet", new Uint8Array(parquetWriteBuffer({ columnData })));
    return {};
  },
  "node/array-files.ts"() {
    writeFileSync("x.npy", lib.encodeNpy(lib.zeros([3, 2])));
    writeFileSync("y.npy", lib.encodeNpy(classes(3, 2)));
    return {};
  },
  "node/array-streams.ts"() {
    writeFileSync("x.npy", lib.encodeNpy(lib.zeros([3, 2])));
    writeFileSync("y.npy", lib.encodeNpy(classes(3, 2)));
    return {};
  },
  "node/image-folder.ts"() {
    mkdirSync("flowers/rose", { recursive: true });
    const image = { width: 2, height: 1, channels: 1 as const, data: Uint8Array.of(7, 8) };
    writeFileSync("flowers/rose/a.png", encode(image));
    return {};
  },
  // As if the files were there.
  "isoloss-benchmarks/node/qm9.ts": () => ({ loadQm9: () => lib.parseQm9(qm9) }),
  "isoloss-benchmarks/data/qm9-streams.ts": () => ({
    sdfText: [...qm9.sdf, ...qm9.sdf].join("\n"),
    csvText: [...qm9.csv, ...qm9.csv.slice(1)].join("\n"),
  }),
  "isoloss-benchmarks/data/qm9-arrays.ts": () => ({ bytes: processed() }),
  "isoloss-benchmarks/data/qm9.ts": () => ({ sdfText: qm9.sdf.join("\n"), csvText: qm9.csv.join("\n") }),
  "data/safetensors.ts": () => ({ bytes: lib.encodeSafetensors({ w: lib.zeros([2]) }) }),
  "mtl/train/train-state.ts": tasks,
  "mtl/cost/adapter/adapter.ts": () => {
    const model = lib.multiLenet({ heads: { left: 10 }, channels: [6, 12] });
    return { params: model.init(lib.torchGenerator(0)) };
  },
  "mtl/cost/cost.ts": tasks,
  "mtl/gradients/parameter-split.ts": () => ({ w: lib.zeros([2]), params: pair().params }),
  "mtl/train/trainer.ts": pair,
  "options.ts": () => ({ ...kinds }),
  "tree.ts": () => ({ weight: lib.zeros([2, 2]), bias: lib.zeros([2]) }),
  "runtime/onnx/export.ts": () => {
    const model = lib.mlp({ sizes: [64, 10] });
    const { params } = model.init(lib.torchGenerator(0));
    return { model, params, weight: params.layers[0].weight };
  },
  "runtime/onnx/protobuf.ts": () => ({ r: new ProtoReader(Uint8Array.of(10, 1, 97)), name: "" }),
  "isoloss-onnx/model-operators.ts": () => ({ bytes: smallNetwork() }),
  "isoloss-onnx/model-file/compare/same-function.ts": () => ({
    before: smallNetwork(),
    bytes: smallNetwork(),
  }),
  "isoloss-onnx/quantize": () => ({ before: smallNetwork(), images: random([8, 3, 4, 4]) }),
  "isoloss-onnx/model-file": () => ({
    before: smallNetwork(),
    after: smallNetwork(),
    images: random([8, 3, 4, 4]),
  }),
  "isoloss-onnx/fine-tune": () => {
    const b = new Builder({ seed: 1 });
    const h = b.node("Relu", [b.conv("x", 1, 4, { size: 3, bias: true })]);
    const flat = b.node("Flatten", [b.node("GlobalAveragePool", [h])]);
    const before = b.bytes(["batch", 1, 4, 4], b.product(flat, 4, 3));
    return { before, images: random([20, 1, 4, 4]), labels: classes(20, 3) };
  },
  "runtime/onnx/external-data.ts": () => ({ bytes: smallNetwork(), data: new Uint8Array(8), files: {} }),
  "isoloss-onnx/import": imported,
  "train/predictor.ts": imported,
};

const rng = () => lib.torchGenerator(0);
const float = (shape: readonly number[]) => lib.spec(shape);
const ints = (shape: readonly number[]) => lib.spec(shape, "int64");
const double = (shape: readonly number[]) => lib.spec(shape, "float64");

/** Examples that stand inside a traced function: the types of the tensors that they name, and what else they do. */
export const traced: Readonly<Record<string, () => Scope & { readonly tensors: Scope }>> = {
  "graph/autodiff.ts:138": () => ({ tensors: { w: double([3]) } }),
  "graph/control/cond.ts": () => ({ tensors: { x: double([3]) } }),
  "graph/control/scan.ts": () => ({ tensors: { x: double([3]) } }),
  "graph/control/while.ts": () => ({ tensors: { x: double([3]) } }),
  "graph/ops/einsum.ts": () => ({ tensors: { a: float([2, 3, 4]), b: float([2, 4, 5]) } }),
  "graph/ops/expm.ts": () => ({ tensors: { x: float([3, 3]) } }),
  "graph/ops/gather.ts": () => ({ tensors: { table: float([7, 4]), tokens: ints([2, 3]) } }),
  "graph/ops/inverse.ts": () => ({ tensors: { x: float([2, 4]) } }),
  "graph/ops/leaf.ts": () => ({ tensors: {} }),
  "graph/ops/pinv.ts": () => ({ tensors: { x: float([4, 3]) } }),
  "graph/ops/prod.ts": () => ({ tensors: { x: float([4, 3]) } }),
  "graph/ops/scatter.ts": () => ({ tensors: { messages: float([6, 3]), receivers: ints([6]) } }),
  "graph/ops/sort.ts": () => ({ tensors: { logits: float([3, 10]) } }),
  "nn/attention.ts": () => ({
    tensors: { x: float([2, 3, 64]), params: lib.initMultiHeadAttention(rng(), 64) },
  }),
  "nn/conv-norm.ts": () => ({
    tensors: { x: float([2, 3, 8, 8]), ...lib.initConvNorm(rng(), 3, 4, 3) },
  }),
  "nn/conv.ts": () => ({
    tensors: { x: float([2, 3, 32, 32]), weight: float([16, 3, 3, 3]), bias: float([16]) },
  }),
  "nn/dropout.ts": () => ({ tensors: { hidden: float([4, 8]), seed: ints([]) }, training: true }),
  "nn/fake-quantize.ts": () => ({
    tensors: { x: float([32, 784]), weight: float([10, 784]), bias: float([10]) },
  }),
  "nn/linear.ts": () => ({ tensors: { x: float([32, 784]), weight: float([10, 784]), bias: float([10]) } }),
  "nn/losses/binary-cross-entropy.ts": () => ({
    tensors: { logits: float([4, 3]), attributes: float([4, 3]), known: lib.spec([4, 3], "bool") },
  }),
  "nn/losses/cross-entropy.ts": () => {
    const model = lib.mlp({ sizes: [4, 3] });
    return { model, tensors: { params: model.init(rng()).params, x: float([5, 4]), labels: ints([5]) } };
  },
  "nn/losses/l1.ts": () => ({ tensors: { depth: float([2, 3]), target: float([2, 3]) } }),
  "nn/losses/normals.ts": () => {
    const net = (p: lib.Tensor) => ({ normal: p });
    return { net, tensors: { p: float([2, 3, 4, 4]), x: float([1]), normal: float([2, 3, 4, 4]) } };
  },
  "nn/losses/mse.ts": () => ({ tensors: { output: float([2, 3]), y: float([2, 3]) } }),
  "isoloss-benchmarks/networks/message-passing.ts": () => {
    const { params } = { params: lib.messagePassing({ tasks: ["mu", "alpha"] }).init(rng()) };
    const water = {
      symbols: ["O", "H", "H"],
      bonds: [
        [0, 1, 1],
        [0, 2, 1],
      ] as const,
    };
    const positions = [
      [0, 0, 0],
      [0.96, 0, 0],
      [-0.24, 0.93, 0],
    ] as const;
    return { tensors: { params, batch: lib.moleculeBatch(Array(8).fill({ ...water, positions })) } };
  },
  "nn/recurrent-cells.ts": () => ({
    tensors: {
      x: float([8, 16]),
      h: float([8, 32]),
      state: { h: float([8, 32]), c: float([8, 32]) },
      params: lib.initGruCell(rng(), 16, 32),
    },
  }),
  "nn/upsample.ts": () => ({ tensors: { x: float([1, 1, 2, 3]) } }),
  "isoloss-benchmarks/networks/segnet.ts": () => ({
    tensors: {
      params: lib.segnet().init(rng()).params,
      x: float([1, 3, 32, 32]),
      labels: ints([1, 32, 32]),
      distances: float([1, 1, 32, 32]),
    },
  }),
  "nn/norm.ts": () => ({ tensors: { x: float([4, 3]), ...lib.initBatchNorm(3) } }),
  "teleport/state/reused-state.ts": () => {
    const optimizer = lib.adam();
    const p = { w: lib.array([1, 2], "float64") };
    const tensors = { before: optimizer.init(p), g: p, p, sigma: double([]), rate: double([]) };
    return { optimizer, tensors };
  },
};
