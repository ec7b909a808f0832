// What somebody who is new to the library writes first, and what the error says: what came, what was meant, what to write.

import { fromOnnx } from "isoloss-onnx";

import { describe, expect, it } from "vitest";
import { attributesOf } from "../src/data/attributes.js";
import {
  batches,
  decodeSafetensors,
  encodeSafetensors,
  overlayImages,
  resizeImages,
  split,
} from "../src/entries/data.js";
import {
  array,
  astype,
  compile,
  compileJavaScript,
  costOf,
  createMultiTaskTrainer,
  createTrainer,
  crossEntropy,
  digits,
  every,
  full,
  grad,
  item,
  jit,
  mlp,
  ndarray,
  ones,
  printGraph,
  sgd,
  spec,
  symmetriesOf,
  takeRows,
  toOnnx,
  torchGenerator,
  trace,
  zeros,
} from "../src/entries/index.js";
import { inverse } from "../src/entries/linalg.js";
import { depthError } from "../src/entries/metrics.js";
import { linearScalarization } from "../src/entries/mtl.js";
import { convLayer, initLinear, linear, torchRand } from "../src/entries/nn.js";
import { decodeModel } from "../src/entries/onnx.js";
import {
  avgPool2d,
  broadcastTo,
  cast,
  concat,
  constant,
  conv2d,
  elu,
  fill,
  gelu,
  input,
  leakyRelu,
  matmul,
  oneHot,
  pad,
  relu,
  reshape,
  slice,
  square,
  sum,
  transpose,
} from "../src/entries/ops.js";
import { multiFashion, vector } from "../src/entries/problems.js";
import { IsolossError } from "../src/errors.js";
import type { Tensor } from "../src/graph/tensor.js";

const x = input([2, 3]);
const image = input([1, 1, 4, 4]);
const data = new Float32Array(4);
const graph = trace(({ x: t }) => ({ y: relu(t) }), { x: spec([2]) });
const any = (value: unknown) => value as never;

const mistakes: readonly (readonly [string, () => unknown, string])[] = [
  // Arrays
  [
    "ndarray([2, 2], data)",
    () => ndarray(any([2, 2]), any(data)),
    "ndarray takes the data first, then the shape; got [2, 2] and Float32Array of 4 elements. Write ndarray(data, [2, 2]).",
  ],
  ["ndarray([1, 2], [2])", () => ndarray(any([1, 2]), [2]), "Write array([[1, 2], [3, 4]]) for nested lists"],
  [
    "ndarray(Int32Array, shape)",
    () => ndarray(any(new Int32Array(2)), [2]),
    "ndarray: the data must be a Float32Array, Float64Array, BigInt64Array (int64) or Uint8Array (bool); " +
      "got Int32Array of 2 elements. Write Float32Array.from(data), say.",
  ],
  [
    "ndarray(data, 4)",
    () => ndarray(data, any(4)),
    "a shape is a list of integers >= 0, such as [2, 3] ([] for a scalar); got 4.",
  ],
  [
    "array of ragged lists",
    () => array([[1, 2], [3]]),
    "array takes nested lists of equal length: at depth 1 expected 2 entries, got 1: [3]. Pad the shorter lists",
  ],
  ["array of lists and numbers", () => array([[1, 2], 3]), "at depth 1 expected a list of 2, got 3."],
  ["array of texts", () => array(any([1, "2"])), 'got "2". Convert strings first: Number(text).'],
  [
    "array of an array",
    () => array(any(zeros([2]))),
    "It is already an array; astype(a, dtype) converts it.",
  ],
  [
    "array(x, 'float')",
    () => array([1], any("float")),
    'array: the dtype must be one of float32, float64, int64, bool; got "float".',
  ],
  [
    "array of fractions as int64",
    () => array([0.5], "int64"),
    "array: int64 holds integers from -2^63 to 2^63 - 1; got 0.5.",
  ],
  [
    "astype of NaN to int64",
    () => astype(array([Number.NaN]), "int64"),
    "astype: int64 holds integers from -2^63 to 2^63 - 1; got NaN.",
  ],
  [
    "astype beyond int64",
    () => astype(array([2 ** 63], "float64"), "int64"),
    "2^63 - 1; got 9223372036854776000.",
  ],
  ["full beyond int64", () => full([1], -1e30, "int64"), "full: int64 holds integers from -2^63"],
  [
    "zeros(3)",
    () => zeros(any(3)),
    "zeros: a shape is a list of integers >= 0, such as [2, 3] ([] for a scalar); got 3.",
  ],
  ["ones([2, -1])", () => ones([2, -1]), "ones: a shape holds integers >= 0; got [2, -1]."],
  ["full([2])", () => full([2], any(undefined)), "full: the value must be a number; got undefined."],
  ["item of a tensor", () => item(any(x)), "item takes an array {shape, data}; got a tensor float32[2, 3]."],
  ["astype of a list", () => astype(any([1]), "float64"), "astype takes an array {shape, data}; got [1]."],
  // Operations
  [
    "concat(a, b)",
    () => concat(any(x), any(x)),
    "concat: options must be an object such as { axis: 1 }; got a tensor float32[2, 3].",
  ],
  [
    "concat(a)",
    () => concat(any(x)),
    "concat takes a list of tensors; got a tensor float32[2, 3]. Write concat([a, b], { axis: 1 }).",
  ],
  ["reshape(x, 6)", () => reshape(x, any(6)), "reshape: a shape is a list of integers >= 0"],
  ["broadcastTo(x, 3)", () => broadcastTo(x, any(3)), "broadcastTo: a shape is a list of integers >= 0"],
  ["transpose(x, 1)", () => transpose(x, any(1)), "Write transpose(x, [1, 0])."],
  ["pad(x, 1)", () => pad(x, any(1)), "pad takes a list of pairs [before, after] and a number; got 1 and 0."],
  ["pad(x, [[1n, 0]])", () => pad(x, any([[1n, 0]])), "got [[1n, 0]]."],
  [
    "slice of numbers",
    () => slice(x, { starts: any(1) }),
    "slice: starts, ends and steps must be lists of integers, one for each axis; got 1.",
  ],
  [
    "sum along a name",
    () => sum(x, { axes: any("rows") }),
    'sum: an axis must be an integer, such as 0 or -1; got "rows".',
  ],
  [
    "cast(x, 'int')",
    () => cast(x, any("int")),
    'cast: the dtype must be one of float32, float64, int64, bool; got "int".',
  ],
  ["fill(2, 3)", () => fill(any(2), 3), "fill: a shape is a list"],
  ["fill([2])", () => fill([2], any(undefined)), "fill takes a shape and a number; got undefined."],
  [
    "constant of a list",
    () => constant(any([1, 2])),
    "constant takes a number or an array {shape, data}; got [1, 2]. Write constant(array([1, 2])), say.",
  ],
  ["input(3)", () => input(any(3)), "input: a shape is a list"],
  [
    "oneHot without a depth",
    () => oneHot(input([2], "int64"), any(undefined)),
    "oneHot: depth must be an integer >= 0; got undefined.",
  ],
  [
    "leakyRelu(x, { slope })",
    () => leakyRelu(x, any({ slope: 0.1 })),
    "leakyRelu: the slope must be a finite number; got { slope: 0.1 }. Write leakyRelu(x, 0.1).",
  ],
  [
    "elu(x, { alpha })",
    () => elu(x, any({ alpha: 1 })),
    "elu: alpha must be a finite number; got { alpha: 1 }. Write elu(x, 1).",
  ],
  [
    "gelu by another name",
    () => gelu(x, { approximate: any("fast") }),
    'gelu: approximate must be none or tanh; got "fast".',
  ],
  [
    "matmul of an array",
    () => matmul(x, any(zeros([3, 2]))),
    "matmul takes traced tensors; got an array: pass it as an argument of the traced function, or make it a constant(...).",
  ],
  [
    "a stride of three",
    () => conv2d(image, image, { stride: any([1, 1, 1]) }),
    "conv2d: stride must be an integer >= 1 or two, [vertical, horizontal]; got stride [1, 1, 1].",
  ],
  [
    "pooling without a kernel",
    () => avgPool2d(image, any({})),
    "avgPool2d: kernel must be an integer >= 1 or two",
  ],
  // Layers, losses, models
  [
    "linear of a misspelt layer",
    () => linear(x, any(undefined)),
    "linear takes parameters { weight } of traced tensors; got undefined. Does the tree of parameters have an entry of that name",
  ],
  [
    "a layer of arrays",
    () => convLayer(image, { weight: any(zeros([1, 1, 2, 2])) }),
    "weight is an array of shape [1, 1, 2, 2].",
  ],
  [
    "a loss by another name",
    () => crossEntropy(x, input([2], "int64"), { reduction: any("avg") }),
    'The reduction must be mean, sum or none; got "avg".',
  ],
  [
    "model.init(0)",
    () => mlp({ sizes: [2, 2] }).init(any(0)),
    "init takes a generator: model.init(torchGenerator(0)); got 0.",
  ],
  [
    "model.init()",
    () => mlp({ sizes: [2, 2] }).init(any(undefined)),
    "init takes a generator: model.init(torchGenerator(0)); got undefined.",
  ],
  [
    "model.init(rng, 'float64')",
    () => mlp({ sizes: [2, 2] }).init(torchGenerator(0), any("float64")),
    "options must be an object",
  ],
  // Graphs
  [
    "trace(x)",
    () => trace(any(x), [spec([2])]),
    "trace takes a function of tensors, then a list of its arguments; got a tensor float32[2, 3].",
  ],
  [
    "trace(f, x)",
    () => trace(any(relu), any(zeros([2]))),
    "or an object of them by name; got an array of shape [2]. Write trace(f, [x]).",
  ],
  ["trace(f)", () => trace(any(relu), any(undefined)), "got undefined. Write trace(f, [spec([3])]), say."],
  ["spec([2.5])", () => spec([2.5]), "spec: a shape holds integers >= 0; got [2.5]."],
  ["fill([-1], 3)", () => fill([-1], 3), "fill: a shape holds integers >= 0; got [-1]."],
  [
    "torchRand of a text",
    () => torchRand(torchGenerator(0), any(["3"])),
    'torchRand: a shape holds integers >= 0; got ["3"].',
  ],
  [
    "initLinear of half an input",
    () => initLinear(torchGenerator(0), 2.5, 3),
    "a shape holds integers >= 0; got [3, 2.5].",
  ],
  ["spec(3)", () => spec(any(3)), "spec: a shape is a list"],
  [
    "a traced function that is async",
    () => trace((async (t: unknown) => t) as never, [spec([2])]),
    "the function must not be async",
  ],
  [
    "grad(loss(x))",
    () => grad(any(sum(x))),
    "grad takes the function to differentiate; got a tensor float32[]. Write grad((params) => loss(params)), say.",
  ],
  [
    "a loss without return",
    () => grad((() => {}) as never)(any({ w: x })),
    "must return one number (a float tensor of size 1); got undefined.",
  ],
  [
    "compileJavaScript(f)",
    () => compileJavaScript(any(relu)),
    "compileJavaScript takes a graph; got the function relu. Trace the function first: compileJavaScript(trace(f, [x]).graph); or write jit(f, [x])",
  ],
  [
    "compileJavaScript(trace(...))",
    () => compileJavaScript(any(graph)),
    "Write compileJavaScript(traced.graph).",
  ],
  ["printGraph(x)", () => printGraph(any(x)), "printGraph takes a graph; got a tensor float32[2, 3]."],
  ["costOf(f)", () => costOf(any(relu)), "costOf takes a graph; got the function relu."],
  [
    "toOnnx(f)",
    () => toOnnx(any(relu)),
    "traces one for a size of the batch; got the function relu, which failed",
  ],
  [
    "toOnnx with a tree",
    () => toOnnx(graph.graph, { constants: any({ params: { w: zeros([2]) } }) }),
    'toOnnx: constants are arrays by input name; "params" is { w: an array of shape [2] }.',
  ],
  // Files
  [
    "fromOnnx(path)",
    () => fromOnnx(any("model.onnx")),
    'fromOnnx takes the bytes of a file, a Uint8Array; got "model.onnx". Read the file first: await readFile(path), of node:fs/promises.',
  ],
  [
    "fromOnnx(buffer)",
    () => fromOnnx(any(new ArrayBuffer(4))),
    "got an ArrayBuffer. Write new Uint8Array(buffer).",
  ],
  [
    "fromOnnx with one output",
    () => fromOnnx(toOnnx(graph.graph), { outputs: any("y") }),
    'fromOnnx: outputs must be a list of names, such as ["logits"]; got "y".',
  ],
  [
    "apply of an imported model to arrays",
    () => fromOnnx(toOnnx(graph.graph)).apply({}, { x: zeros([2]) }),
    "no function is being traced: there is nothing to compute yet. Trace it and run it: const f = await jit(",
  ],
  ["fromOnnx(promise)", () => fromOnnx(any(Promise.resolve(data))), "got a Promise. Await it first."],
  [
    "fromOnnx(response)",
    () => fromOnnx(any(new Response())),
    "got a Response. Write new Uint8Array(await response.arrayBuffer()).",
  ],
  ["decodeModel(path)", () => decodeModel(any("model.onnx")), "decodeModel takes the bytes of a file"],
  [
    "decodeSafetensors(floats)",
    () => decodeSafetensors(any(data)),
    "decodeSafetensors takes the bytes of a file, a Uint8Array; got Float32Array of 4 elements.",
  ],
  [
    "encodeSafetensors(array)",
    () => encodeSafetensors(any(zeros([2]))),
    "encodeSafetensors takes arrays by name, then texts by name; got an array of shape [2]",
  ],
  [
    "encodeSafetensors(arrays, 1)",
    () => encodeSafetensors({ w: zeros([2]) }, any(1)),
    "got 1 for the texts.",
  ],
  // Data and numbers
  [
    "batches(images, 32)",
    () => batches(any(zeros([4, 2])), 2),
    "batches: the number of examples must be an integer >= 0; got an array of shape [4, 2]. Of an array x it is x.shape[0].",
  ],
  [
    "split(n, 0.8)",
    () => split(10, any(0.8), 0),
    "split: fractions must be a list such as [0.8, 0.2]; got 0.8. Write split(10, [0.8, 0.2], 0).",
  ],
  [
    "takeRows(x, 0)",
    () => takeRows(zeros([2, 2]), any(0)),
    "takeRows: indices must be a list such as [0, 1]; got 0. Write takeRows(x, [0]) for one row.",
  ],
  [
    "resizeImages to a number",
    () => resizeImages(digits().images, { from: [8, 8], to: any(28) }),
    "resizeImages: from and to must be [height, width]; got 28.",
  ],
  [
    "overlayImages(dataset)",
    () => overlayImages(any({ train: digits(), test: digits() }), digits()),
    "Of a data set write one part: dataset.train.",
  ],
  [
    "multiFashion(part)",
    () => multiFashion(any(digits())),
    "A problem of images: train takes { images, labels } of arrays; got undefined.",
  ],
  [
    "attributesOf float labels",
    () => attributesOf(any(zeros([2]))),
    'attributesOf takes int64 classes; got float32. Convert them with astype(labels, "int64").',
  ],
  [
    "attributesOf a class that is no list",
    () => attributesOf(ndarray(BigInt64Array.of(1n), [1]), any({ even: 2 })),
    "attributesOf takes lists of classes by question; got { even: 2 }. Write",
  ],
  ["inverse of a list", () => inverse(any([[1]])), "inverse takes an array {shape, data}; got [[1]]."],
  [
    "depthError of lists",
    () => depthError().update(depthError().init(), { output: any([1]), labels: any([2]) }),
    "depthError takes an array {shape, data}; got [1].",
  ],
  [
    "symmetriesOf(params, loss, batch)",
    () => symmetriesOf(any({ w: zeros([2]) }), any(relu), {}),
    "The loss must be a function of parameters and batch; got { w: an array of shape [2] }. Write (p, { x, y }) =>",
  ],
  [
    "a model applied to what init returns",
    () => {
      const model = mlp({ sizes: [2, 1] });
      const given = model.init(torchGenerator(0));
      return trace(({ p, t }) => model.apply(any(p), t).output, { p: given, t: spec([1, 2]) });
    },
    "mlp takes the parameters of an mlp, { layers: [{ weight, bias }, ...] }; got none with layers. init returns { params, state }: take its params.",
  ],
  ["every('50')", () => every(any("50")), 'every: k must be an integer >= 1; got "50".'],
  ["torchGenerator('a')", () => torchGenerator(any("a")), '2^53 - 1 in magnitude; got "a".'],
  ["mlp([64, 10])", () => mlp(any([64, 10])), "mlp: options must be an object with sizes, activation"],
  ["vector(1)", () => vector(any(1)), "vector takes a list of numbers; got 1. Write vector([1, -1])."],
];

describe("A mistake is answered by what to write:", () => {
  it.each(mistakes)("%s", (_what, call, words) => {
    expect(call).toThrow(IsolossError);
    expect(call).toThrow(words);
  });
});

describe("Where a function is compiled,", () => {
  it("a function in the place of a graph is told to be traced", async () => {
    await expect(compile(any(relu))).rejects.toThrow(
      "compile takes a graph; got the function relu. Trace the function first",
    );
  });

  it("arguments that are no list are told to be one", async () => {
    await expect(jit(any(relu), any(zeros([2])))).rejects.toThrow(
      "got an array of shape [2]. Write jit(f, [x]).",
    );
    await expect(jit(any(undefined), [spec([2])])).rejects.toThrow("jit takes a function of tensors");
  });

  it("a call with tensors, with what is missing, or with lists says what came", async () => {
    const f = await jit((t) => square(t), [spec([2])]);
    await expect(f(any(input([2])))).rejects.toThrow("found a tensor float32[2]. Arrays are needed here");
    await expect(f(any(undefined))).rejects.toThrow("found undefined. Is an argument or an entry missing?");
    await expect(f(any([1, 2]))).rejects.toThrow(
      /must be called with the trees it was compiled for: inputs 0; got 0.0, 0.1. Write array\(\[1, 2\]\) for a list/,
    );
    await expect(f(any(Promise.resolve(zeros([2]))))).rejects.toThrow("found a Promise. Await it first.");
    await expect(f(any(data))).rejects.toThrow(
      "found Float32Array of 4 elements. Write ndarray(data, shape).",
    );
    await f.dispose();
  });

  it("inputs that are no arrays say so", async () => {
    const executable = await compile(graph.graph);
    await expect(executable.run({ x: any([1, 2]) })).rejects.toThrow(
      'run: input "x" must be an array {shape, data} for float32[2]; got [1, 2].',
    );
    await executable.dispose();
  });
});

describe("A trainer", () => {
  const { images, labels } = digits();
  const options = { optimizer: sgd(), learningRate: 0.1 };
  const train = (change: object) =>
    createTrainer(
      any({ model: mlp({ sizes: [64, 10] }), data: { inputs: images, labels }, ...options, ...change }),
    );
  const losses = ({ shared: { w } }: { shared: { w: Tensor } }) => [sum(square(w)), sum(w)];
  const multi = (change: object) =>
    createMultiTaskTrainer(
      any({
        losses,
        params: { shared: { w: ones([2]) } },
        method: linearScalarization(),
        ...options,
        ...change,
      }),
    );
  it.each<readonly [string, () => Promise<unknown>, string]>([
    ["a loss by name", () => train({ loss: "mse" }), 'outputs and labels, such as mseLoss; got "mse".'],
    ["a rate as text", () => train({ learningRate: "0.1" }), 'a finite number >= 0; got "0.1" at step 0.'],
    [
      "a list as losses",
      () => multi({ losses: [relu] }),
      "losses must be a function; got [the function relu].",
    ],
    [
      "losses by name",
      () => multi({ losses: (p: Parameters<typeof losses>[0]) => ({ first: losses(p)[0] }) }),
      "got { first: a tensor float32[] }. Write (p, batch) => [first, second], in the order of the tasks.",
    ],
    ["a number of tasks", () => multi({ tasks: 2 }), "tasks must be a list of names; got 2."],
    [
      "a hook in the place of its function",
      () => multi({ beforeStep: { beforeStep: relu } }),
      "beforeStep must be a function; got { beforeStep: the function relu }. Write beforeStep: hook.beforeStep, say.",
    ],
  ])("says what is wrong with %s", async (_what, call, words) => {
    await expect(call()).rejects.toThrow(words);
  });
});
