// Options that are no object of known options: a number or a list in their place, a misspelt name.
import { readdirSync } from "node:fs";
import { stored } from "isoloss-test-support/data/npz-files";
import * as isoloss from "isoloss-test-support/library";
import { describe, expect, it } from "vitest";
import { ndarray } from "../src/array.js";
import { array, digits, sgd, spec, toOnnx, torchGenerator, trace } from "../src/entries/index.js";
import { input, relu } from "../src/entries/ops.js";
import { constantSchedule } from "../src/entries/optim.js";
import { OptionError } from "../src/errors.js";

const x = input([2, 2]);
const image = input([1, 1, 4, 4]);
const kernel = input([1, 1, 2, 2]);
const sequence = input([1, 1, 4]);
const labels = input([2], "int64");
const seed = input([], "int64");
const rng = torchGenerator(0);
const matrix = array([[1, 0], [0, 1]], "float64"); // biome-ignore format: a matrix
const { graph } = trace(({ x: t }) => ({ y: relu(t) }), { x: spec([2]) });
const file = toOnnx(graph);
const affine = { weight: input([2]), bias: input([2]) };
const bytes = Uint8Array.of(0, 0, 8, 1, 0, 0, 0, 1, 7);
const { images, labels: classes } = digits();

const history = { loss: [], seconds: [], gradNormSq: [], teleports: [], epochs: [] };
const recorded = isoloss.recordedRun({ history, settings: {} }, { name: "run" });

type Call = (options: never) => unknown;

/** Every public function that takes options, with all else as it should be. */
const calls: Readonly<Record<string, Call>> = {
  // Operations
  argmax: (o) => isoloss.argmax(x, o),
  argsort: (o) => isoloss.argsort(x, o),
  avgPool1d: (o) => isoloss.avgPool1d(sequence, o),
  avgPool2d: (o) => isoloss.avgPool2d(image, o),
  concat: (o) => isoloss.concat([x, x], o),
  conv1d: (o) => isoloss.conv1d(sequence, sequence, o),
  conv2d: (o) => isoloss.conv2d(image, kernel, o),
  convTranspose2d: (o) => isoloss.convTranspose2d(image, kernel, o),
  cumsum: (o) => isoloss.cumsum(x, o),
  gather: (o) => isoloss.gather(x, labels, o),
  gelu: (o) => isoloss.gelu(x, o),
  logSoftmax: (o) => isoloss.logSoftmax(x, o),
  matmul: (o) => isoloss.matmul(x, x, o),
  max: (o) => isoloss.max(x, o),
  maxPool1d: (o) => isoloss.maxPool1d(sequence, o),
  maxPool2d: (o) => isoloss.maxPool2d(image, o),
  maxPoolIndices2d: (o) => isoloss.maxPoolIndices2d(image, o),
  maxPoolWithIndices2d: (o) => isoloss.maxPoolWithIndices2d(image, o),
  mean: (o) => isoloss.mean(x, o),
  min: (o) => isoloss.min(x, o),
  prod: (o) => isoloss.prod(x, o),
  randomUniform: (o) => isoloss.randomUniform(seed, [2], o),
  scan: (o) => isoloss.scan((c: isoloss.Tensor) => [c, []], x, image, o),
  whileLoop: (o) =>
    isoloss.whileLoop(
      (c: isoloss.Tensor) => isoloss.less(isoloss.sum(c), 1),
      (c) => c,
      x,
      o,
    ),
  scatterAdd: (o) => isoloss.scatterAdd(x, labels, o),
  scatterMax: (o) => isoloss.scatterMax(x, labels, o),
  slice: (o) => isoloss.slice(x, o),
  softmax: (o) => isoloss.softmax(x, o),
  sum: (o) => isoloss.sum(x, o),
  variance: (o) => isoloss.variance(x, o),
  // Metrics
  calibrationError: (o) => isoloss.calibrationError(o),
  confusion: (o) => isoloss.confusion(o),
  f1: (o) => isoloss.f1(o),
  iou: (o) => isoloss.iou(o),
  mae: (o) => isoloss.mae(o),
  rmse: (o) => isoloss.rmse(o),
  topK: (o) => isoloss.topK(o),
  progress: (o) => isoloss.progress(o),
  createPredictor: (o) =>
    isoloss.createPredictor(isoloss.mlp({ sizes: [2, 2] }), { params: {}, state: {} } as never, o),
  // Layers, losses, models
  activation: (o) => isoloss.activation("leakyRelu", o),
  attentionSegnet: (o) => isoloss.attentionSegnet(o),
  batchNorm: (o) => isoloss.batchNorm(x, affine, { running_mean: x, running_var: x }, o),
  binaryCrossEntropyWithLogits: (o) => isoloss.binaryCrossEntropyWithLogits(x, x, o),
  conv1dLayer: (o) => isoloss.conv1dLayer(sequence, { weight: sequence }, o),
  convLayer: (o) => isoloss.convLayer(image, { weight: kernel }, o),
  convNorm: (o) => isoloss.convNorm(image, { conv: { weight: kernel } }, {}, o),
  convTransposeLayer: (o) => isoloss.convTransposeLayer(image, { weight: kernel }, o),
  convnet: (o) => isoloss.convnet(o),
  cosineEmbeddingLoss: (o) => isoloss.cosineEmbeddingLoss(x, x, affine.bias, o),
  cosineSimilarity: (o) => isoloss.cosineSimilarity(x, x, o),
  crossEntropy: (o) => isoloss.crossEntropy(x, labels, o),
  depthwiseSeparable: (o) => isoloss.depthwiseSeparable(image, {} as never, {} as never, o),
  dropout: (o) => isoloss.dropout(x, o),
  fakeQuantize: (o) => isoloss.fakeQuantize(x, o),
  gru: (o) => isoloss.gru(sequence, {} as never, o),
  groupNorm: (o) => isoloss.groupNorm(x, affine, o),
  initBatchNorm: (o) => isoloss.initBatchNorm(2, o),
  initConvNorm: (o) => isoloss.initConvNorm(rng, 1, 1, 2, o),
  initConv1d: (o) => isoloss.initConv1d(rng, 1, 1, 2, o),
  initConv2d: (o) => isoloss.initConv2d(rng, 1, 1, 2, o),
  initConvTranspose2d: (o) => isoloss.initConvTranspose2d(rng, 1, 1, 2, o),
  initDepthwiseSeparable: (o) => isoloss.initDepthwiseSeparable(rng, 2, 2, o),
  initEmbedding: (o) => isoloss.initEmbedding(rng, 2, 2, o),
  initGroupNorm: (o) => isoloss.initGroupNorm(2, o),
  initGruCell: (o) => isoloss.initGruCell(rng, 2, 2, o),
  initInvertedResidual: (o) => isoloss.initInvertedResidual(rng, 2, 2, o),
  initLayerNorm: (o) => isoloss.initLayerNorm(2, o),
  initLinear: (o) => isoloss.initLinear(rng, 2, 2, o),
  initLstmCell: (o) => isoloss.initLstmCell(rng, 2, 2, o),
  initMultiHeadAttention: (o) => isoloss.initMultiHeadAttention(rng, 2, o),
  initRmsNorm: (o) => isoloss.initRmsNorm(2, o),
  invertedResidual: (o) => isoloss.invertedResidual(image, {} as never, {} as never, o),
  kaimingNormal: (o) => isoloss.kaimingNormal(rng, [2, 2], o),
  kaimingUniform: (o) => isoloss.kaimingUniform(rng, [2, 2], o),
  l1Loss: (o) => isoloss.l1Loss(x, x, o),
  layerNorm: (o) => isoloss.layerNorm(x, affine, o),
  lenet: (o) => isoloss.lenet(o),
  lstm: (o) => isoloss.lstm(sequence, {} as never, o),
  messagePassing: (o) => isoloss.messagePassing(o),
  mobilenet: (o) => isoloss.mobilenet(o),
  mlp: (o) => isoloss.mlp(o),
  mseLoss: (o) => isoloss.mseLoss(x, x, o),
  multiHeadAttention: (o) => isoloss.multiHeadAttention(x, {} as never, o),
  multiConvnet: (o) => isoloss.multiConvnet(o),
  multiResnet18: (o) => isoloss.multiResnet18(o),
  fromStateDict: (o) => isoloss.fromStateDict({}, {}, o),
  multiLenet: (o) => isoloss.multiLenet(o),
  multiMlp: (o) => isoloss.multiMlp(o),
  nllLoss: (o) => isoloss.nllLoss(x, labels, o),
  normal: (o) => isoloss.normal(rng, [2], o),
  patchTransformer: (o) => isoloss.patchTransformer(o),
  recurrentClassifier: (o) => isoloss.recurrentClassifier(o),
  resnet18: (o) => isoloss.resnet18(o),
  rmsNorm: (o) => isoloss.rmsNorm(x, affine, o),
  rotaryEmbedding: (o) => isoloss.rotaryEmbedding(x, o),
  segnet: (o) => isoloss.segnet(o),
  sequenceTransformer: (o) => isoloss.sequenceTransformer(o),
  unet: (o) => isoloss.unet(o),
  uniform: (o) => isoloss.uniform(rng, [2], o),
  vgg6: (o) => isoloss.vgg6(o),
  xavierNormal: (o) => isoloss.xavierNormal(rng, [2, 2], o),
  xavierUniform: (o) => isoloss.xavierUniform(rng, [2, 2], o),
  // Graphs and runtimes
  calibrate: (o) => isoloss.calibrate(file, [], o),
  createParamsComparison: (o) => isoloss.createParamsComparison(isoloss.fromOnnx(file), o),
  compareModels: (o) => isoloss.compareModels(file, file, o),
  compareTimes: (o) => isoloss.compareTimes(file, file, o),
  sameFunction: (o) => isoloss.sameFunction(file, file, o),
  quantizeModel: (o) => isoloss.quantizeModel(file, o),
  quantizeWeights: (o) => isoloss.quantizeWeights(file, o),
  compile: (o) => isoloss.compile(graph, o),
  compileJavaScript: (o) => isoloss.compileJavaScript(graph, o),
  compileOnnx: (o) => isoloss.compileOnnx(graph, o),
  emitModel: (o) => isoloss.emitModel(graph, o),
  fineTune: (o) => isoloss.fineTune(file, o),
  foldBatchNorm: (o) => isoloss.foldBatchNorm(file, o),
  decodeModel: (o) => isoloss.decodeModel(file, o),
  fromOnnx: (o) => isoloss.fromOnnx(file, o),
  modelOperators: (o) => isoloss.modelOperators(file, o),
  jit: (o) => isoloss.jit(relu, [spec([2])], o),
  equalizeForQuantization: (o) => isoloss.equalizeForQuantization(file, [], o),
  restoreBatchNorm: (o) => isoloss.restoreBatchNorm(file, {}, o),
  trainable: (o) => isoloss.trainable(isoloss.fromOnnx(file), o),
  // Compression
  lowRank: (o) => isoloss.lowRank({ w: matrix }, [], o),
  modelError: (o) => isoloss.modelError(file, file, o),
  pruneUnits: (o) => isoloss.pruneUnits(file, o),
  pruneWeights: (o) => isoloss.pruneWeights(file, o),
  pruned: (o) => isoloss.pruned({ w: matrix }, o),
  prunedUnits: (o) => isoloss.prunedUnits({ w: matrix }, [], o),
  reduceRank: (o) => isoloss.reduceRank(file, o),
  toHalf: (o) => isoloss.toHalf(file, o),
  withParams: (o) => isoloss.withParams(file, {}, o),
  toOnnx: (o) => isoloss.toOnnx(graph, o),
  modelToOnnx: (o) =>
    isoloss.modelToOnnx(isoloss.mlp({ sizes: [2, 2] }), { params: {}, state: {} } as never, o),
  // Runs
  loadArrays: (o) => isoloss.loadArrays("x.npz", o),
  openArrays: (o) => isoloss.openArrays("x.npz", o),
  recordedRun: (o) => isoloss.recordedRun({ history, settings: {} }, o),
  saveRun: (o) => isoloss.saveRun("runs", recorded, o),
  // Data and numbers
  workerStream: (o) => isoloss.workerStream("file:///data.mjs", o),
  batches: (o) => isoloss.batches(4, 2, o),
  circles: (o) => isoloss.circles(o),
  decodeNpy: (o) => isoloss.decodeNpy(isoloss.encodeNpy(array([1])), o),
  decodeNpz: (o) => isoloss.decodeNpz(stored(), o),
  cutout: (o) => isoloss.cutout(o),
  mixup: (o) => isoloss.mixup(o),
  normalize: (o) => isoloss.normalize(o),
  randomCrop: (o) => isoloss.randomCrop(o),
  randomFlip: (o) => isoloss.randomFlip(o),
  randomRotation: (o) => isoloss.randomRotation(o),
  shuffled: (o) => isoloss.shuffled(isoloss.streamOf({ images }), o),
  streamOf: (o) => isoloss.streamOf({ images }, o),
  standardization: (o) => isoloss.standardization({ inputs: images, labels: classes }, o),
  divide: (o) => isoloss.divide({ images, labels: classes }, o),
  moons: (o) => isoloss.moons(o),
  overlayImages: (o) => isoloss.overlayImages({ images, labels: classes }, { images, labels: classes }, o),
  pinv: (o) => isoloss.pinv(matrix, o),
  readIdx: (o) => isoloss.readIdx(bytes, o),
  resizeImages: (o) => isoloss.resizeImages(images, o),
  exampleStream: (o) => isoloss.exampleStream({ length: 1, read: async () => ({ images }) }, o),
  scaleCropFlip: (o) => isoloss.scaleCropFlip({ image: ndarray(new Float32Array(4), [1, 1, 2, 2]) }, o),
  qm9Streams: (o) => isoloss.qm9Streams({ molecules: [], targets: ndarray(new Float64Array(0), [0, 11]) }, o),
  loadIdxDataset: (o) => isoloss.loadIdxDataset("mnist", o),
  hasIdxDataset: (o) => isoloss.hasIdxDataset("mnist", o),
  loadCityscapes: (o) => isoloss.loadCityscapes("nowhere", o),
  loadNyuv2: (o) => isoloss.loadNyuv2("nowhere", o),
  loadCeleba: (o) => isoloss.loadCeleba("nowhere", o),
  loadOffice31: (o) => isoloss.loadOffice31("nowhere", o),
  loadOfficeHome: (o) => isoloss.loadOfficeHome("nowhere", o),
  verifyBenchmark: (o) => isoloss.verifyBenchmark("nyuv2", "nowhere", o),
  writeSample: (o) => isoloss.writeSample("nyuv2", "nowhere", o),
  depthError: (o) => isoloss.depthError(o),
  normalAngle: (o) => isoloss.normalAngle(o),
  spirals: (o) => isoloss.spirals(o),
  torchRand: (o) => isoloss.torchRand(rng, [2], o),
  torchRandn: (o) => isoloss.torchRandn(rng, [2], o),
  torchUniform: (o) => isoloss.torchUniform(rng, [2], 0, 1, o),
  // Metrics
  meanRank: (o) => isoloss.meanRank([[1]], [true], o),
  // Optimizers, schedules, clipping
  adagrad: (o) => isoloss.adagrad(o),
  adam: (o) => isoloss.adam(o),
  adamw: (o) => isoloss.adamw(o),
  clip: (o) => isoloss.clip(o),
  penalty: (o) => isoloss.penalty(o),
  shrink: (o) => isoloss.shrink(o),
  velocity: (o) => isoloss.velocity(o),
  signOfMean: (o) => isoloss.signOfMean(o),
  scaleByAdam: (o) => isoloss.scaleByAdam(o),
  scaleByNadam: (o) => isoloss.scaleByNadam(o),
  scaleByRadam: (o) => isoloss.scaleByRadam(o),
  scaleByRms: (o) => isoloss.scaleByRms(o),
  scaleBySquares: (o) => isoloss.scaleBySquares(o),
  scaleByTrust: (o) => isoloss.scaleByTrust(o),
  clipAdaptively: (o) => isoloss.clipAdaptively(x, x, o),
  clipByGlobalNorm: (o) => isoloss.clipByGlobalNorm(x, 1, o),
  cosineSchedule: (o) => isoloss.cosineSchedule(1, o),
  createOptimizer: (o) => isoloss.createOptimizer("adam", o),
  exponentialSchedule: (o) => isoloss.exponentialSchedule(1, o),
  gd: (o) => isoloss.gd(o),
  globalNorm: (o) => isoloss.globalNorm(x, o),
  lars: (o) => isoloss.lars(o),
  findLearningRate: (o) => isoloss.findLearningRate({} as never, o),
  withGroups: (o) => isoloss.withGroups(sgd(), [o]),
  withAverage: (o) => isoloss.withAverage(sgd(), o),
  withAccumulation: (o) => isoloss.withAccumulation(sgd(), o),
  plateauSchedule: (o) => isoloss.plateauSchedule(1, o),
  sam: (o) => isoloss.sam(o),
  radam: (o) => isoloss.radam(o),
  nadam: (o) => isoloss.nadam(o),
  lion: (o) => isoloss.lion(o),
  piecewiseSchedule: (o) => isoloss.piecewiseSchedule(o),
  reduceOnPlateau: (o) => isoloss.reduceOnPlateau(o),
  rmsprop: (o) => isoloss.rmsprop(o),
  sgd: (o) => isoloss.sgd(o),
  stepSchedule: (o) => isoloss.stepSchedule(1, o),
  warmUp: (o) => isoloss.warmUp(constantSchedule(1), o),
  // Problems
  booth: (o) => isoloss.booth(o),
  curveFit: (o) => isoloss.curveFit(o),
  digitQuestions: (o) => isoloss.digitQuestions(o),
  attributeTasks: (o) => isoloss.attributeTasks(o),
  denseTasks: (o) => isoloss.denseTasks(o),
  moleculeTasks: (o) => isoloss.moleculeTasks(o),
  ownImageTasks: (o) => isoloss.ownImageTasks(o),
  fashionAttributes: (o) => isoloss.fashionAttributes({} as never, o),
  fashionDigits: (o) => isoloss.fashionDigits({} as never, o),
  matrixFactorization: (o) => isoloss.matrixFactorization(o),
  mlpRegression: (o) => isoloss.mlpRegression(o),
  imageClasses: (o) => isoloss.imageClasses({} as never, o),
  multiFashion: (o) => isoloss.multiFashion({} as never, o),
  quadratic: (o) => isoloss.quadratic(o),
  rosenbrock: (o) => isoloss.rosenbrock(o),
  rosenbrock2n: (o) => isoloss.rosenbrock2n(o),
  twoTaskToy: (o) => isoloss.twoTaskToy(o),
};

/** What a call throws, at once or later. */
async function thrownBy(call: Call, options: unknown): Promise<unknown> {
  try {
    await call(options as never);
  } catch (error) {
    return error;
  }
  return undefined;
}

const misplaced: readonly (readonly [what: string, options: unknown])[] = [
  ["a number", 1],
  ["a list", [1]],
  ["null", null],
  ["a function", relu],
  ["an object that is no literal", new Map([["axis", 1]])],
  ["a tensor", x],
  ["an unknown name", { axsi: 1 }],
];

it.each(Object.entries(calls))("%s refuses what is no object of its options", async (name, call) => {
  for (const [what, options] of misplaced) {
    const error = await thrownBy(call, options);
    expect(error, what).toBeInstanceOf(OptionError);
    const words = what === "an unknown name" ? /has no option "axsi"; it has/ : /options must be an object/;
    expect((error as Error).message, what).toMatch(words);
    if (name !== "createOptimizer") expect((error as Error).message, what).toContain(name);
  }
});

/** Names of a function's parameters, as text. */
function parametersOf(f: unknown): string {
  const text = String(f);
  let depth = 0;
  const from = text.indexOf("(");
  for (let i = from; i < text.length; i++) {
    if (text[i] === "(") depth++;
    else if (text[i] === ")" && --depth === 0) return text.slice(from, i + 1);
  }
  return "";
}

/** The public functions of some folders of `src`, with their parameters as text. */
async function publicFunctions(): Promise<(readonly [name: string, parameters: string])[]> {
  const own = new Set<unknown>();
  const rooms = ["graph", "nn", "runtime", "data", "math", "problems"].map((room) => `core/src/${room}`);
  for (const room of [
    ...rooms,
    "onnx/src/import",
    "onnx/src/model-file",
    ...["data", "networks", "problems"].map((room) => `benchmarks/src/${room}`),
  ]) {
    const folder = new URL(`../../${room}/`, import.meta.url);
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
      if (!file.endsWith(".ts") || file.includes("ort-web")) continue;
      for (const value of Object.values(await import(new URL(file, folder).href))) own.add(value);
    }
  }
  return Object.entries(isoloss)
    .filter(([, f]) => typeof f === "function" && own.has(f))
    .map(([name, f]) => [name, parametersOf(f)]);
}

it("all public functions of graphs, layers, losses, models, runtimes, data and problems are among them", async () => {
  const functions = await publicFunctions();
  expect(functions.length).toBeGreaterThan(150);
  const missing = functions.filter(([name, p]) => /\boptions\b/.test(p) && !(name in calls));
  expect(missing).toEqual([]);
  // Taken apart among the parameters, options would be taken from whatever stands there.
  expect(functions.filter(([, parameters]) => /\}\s*=\s*\{\s*\}/.test(parameters))).toEqual([]);
});

describe("A message about options", () => {
  it.each<[string, () => unknown, string]>([
    [
      "says what to write for a number",
      () => isoloss.mean(x, 1 as never),
      "mean: options must be an object such as { axes: [1] }; got 1. Write mean(x, { axes: [1] }).",
    ],
    [
      "says what to write for lists",
      () => isoloss.slice(x, [0, 0] as never),
      "slice: options must be an object such as { starts: [0, 1], ends: [2, 3] }; got [0, 0]. " +
        "Write slice(x, { starts: [0, 1], ends: [2, 3] }).",
    ],
    [
      "says what to write where one is needed",
      () => isoloss.maxPool2d(image, undefined as never),
      "maxPool2d: options must be an object such as { kernel: 2 }; got undefined. Write maxPool2d(x, { kernel: 2 }).",
    ],
    [
      "names the options that there are",
      () => isoloss.sum(x, { axis: 1 } as never),
      'sum has no option "axis"; it has axes, keepDims.',
    ],
    [
      "tells a flag from what is merely truthy",
      () => isoloss.sum(x, { keepDims: "no" as never }),
      'sum: keepDims must be true or false; got "no".',
    ],
  ])("%s", (_what, call, message) => {
    expect(call).toThrow(message);
  });
});

it("an option that is undefined has its default", () => {
  expect(isoloss.sum(input([2, 3]), { axes: undefined, keepDims: undefined }).shape).toEqual([]);
  expect(isoloss.conv2d(image, kernel, { stride: undefined, groups: undefined }).shape).toEqual([1, 1, 3, 3]);
  expect(sgd({ momentum: undefined }).name).toBe("sgd");
});
