// Our side of the workloads: torch/workloads_*.py describe them, and are the other side.
import {
  adagrad,
  add,
  backward,
  compile,
  convnet,
  crossEntropy,
  fill,
  flattenTree,
  gather,
  grad,
  gradNormSq,
  hiddenAction,
  isNdArray,
  l1Loss,
  leakyRelu,
  Mt19937,
  matmul,
  mlp,
  mul,
  namedArrays,
  permutation,
  resnet18,
  segnet,
  sgd,
  spec,
  square,
  sub,
  sum,
  trace,
  unflattenTree,
  valueAndGrad,
  vgg6,
} from "isoloss";
import { labels, parameter, signed, unit } from "./formula.mjs";

const float = (value, dtype = "float32") => ({
  shape: [],
  data: (dtype === "float64" ? Float64Array : Float32Array).of(value),
});

/** Arrays of a tree under names as the graph has them. */
const named = (prefix, tree) => namedArrays({ [prefix]: tree });

/** A model's parameters with the benchmark's values. */
function parameters(model, isScale = () => false) {
  const { params, state } = model.init(new Mt19937(0));
  const { leaves, paths, def } = flattenTree(params, isNdArray);
  const values = leaves.map(({ shape }, k) => parameter(shape, k, { isScale: isScale(paths[k]) }));
  return { params: unflattenTree(def, values), state };
}

/** Runs an executable again and again, feeding results back; microseconds of each step. */
function stepper(executable, start, { fixed, stepsPerRun = 1, sequences = () => ({}) }) {
  return {
    executable,
    async measure(seconds) {
      let state = start;
      const times = [];
      let loss;
      const until = performance.now() + 1000 * seconds;
      while (times.length < 3 || performance.now() < until) {
        const inputs = { ...state, ...fixed, ...sequences() };
        const begin = performance.now();
        const results = await executable.run(inputs, { steps: stepsPerRun });
        times.push((1000 * (performance.now() - begin)) / stepsPerRun);
        const next = {};
        for (const name of Object.keys(state)) next[name] = results[name];
        state = next;
        loss = results.loss && Number(results.loss.data.at(-1));
      }
      times.sort((a, b) => a - b);
      return { us: times[times.length >> 1], loss };
    },
  };
}

const carryOf = (graph) =>
  Object.fromEntries(
    graph.outputs.filter((o) => graph.inputs.some((i) => i.name === o.name)).map((o) => [o.name, o.name]),
  );

async function rosenbrock() {
  const loss = ({ x, y }) => add(mul(100, square(sub(square(x), y))), square(sub(x, 1)));
  const step = (w, lr) => {
    const [value, g] = valueAndGrad(loss)(w);
    return { w: { x: sub(w.x, mul(lr, g.x)), y: sub(w.y, mul(lr, g.y)) }, loss: value };
  };
  const point = { x: float(-1, "float64"), y: float(-1, "float64") };
  const { graph } = trace(step, [point, spec([], "float64")], { names: ["w", "lr"] });
  const executable = await compile(graph, { scan: { carry: carryOf(graph) } });
  return stepper(executable, named("w", point), { fixed: { lr: float(1e-3, "float64") }, stepsPerRun: 1000 });
}

const forward = (w, x) => matmul(w[2], leakyRelu(matmul(w[1], leakyRelu(matmul(w[0], x), 0.1)), 0.1));
const regressionLoss = (w, x, y) => mul(0.5, sum(square(sub(y, forward(w, x)))));

function regression(optimizer, rate) {
  return async () => {
    const w = [
      [6, 5],
      [7, 6],
      [8, 7],
    ].map((shape, k) => unit(shape, k, "float64"));
    const data = { x: unit([5, 4], 3, "float64"), y: unit([8, 4], 4, "float64") };
    const state = optimizer.init(w);
    const step = (p, s, x, y, lr) => {
      const [loss, g] = valueAndGrad(regressionLoss)(p, x, y);
      const next = optimizer.update(g, s, p, lr);
      return { w: next.params, state: next.state, loss };
    };
    const { graph } = trace(step, [w, state, data.x, data.y, spec([], "float64")], {
      names: ["w", "state", "x", "y", "lr"],
    });
    const executable = await compile(graph, { scan: { carry: carryOf(graph) } });
    const start = { ...named("w", w), ...named("state", state) };
    return stepper(executable, start, { fixed: { ...data, lr: float(rate, "float64") }, stepsPerRun: 300 });
  };
}

/** d/dT ||grad L(T.w)||^2 at T = 0 for the hidden action, with given pseudo-inverses. */
async function ascent(params, loss, x, y, threads) {
  const symmetry = hiddenAction(params, { activation: "leakyRelu", slope: 0.1, allowInexact: true });
  const context = await symmetry.context(params, x);
  const f = (p, v, labelsOf, plus) => {
    const T = symmetry.algebra.map((shape) => fill(shape, 0, "float32"));
    const ends = T.map((t) => mul(t, 1));
    const tangent = flattenTree(symmetry.derivative(p, ends, v, plus), (t) => t?.op !== undefined).leaves;
    const slope = flattenTree(grad(gradNormSq(loss))(p, v, labelsOf), (t) => t?.op !== undefined).leaves;
    return { loss: loss(p, v, labelsOf), T: backward(tangent, slope, ends) };
  };
  const { graph } = trace(f, [params, x, y, context.map((c) => spec(c.shape))], {
    names: ["p", "x", "y", "plus"],
  });
  const executable = await compile(graph, { threads });
  const plus = Object.fromEntries(
    context.map((c, i) => [`plus.${i}`, { ...c, data: Float32Array.from(c.data) }]),
  );
  return stepper(executable, {}, { fixed: { ...named("p", params), x, y, ...plus } });
}

const transposed = ({ shape: [m, n], data }) => {
  const out = new data.constructor(data.length);
  for (let i = 0; i < m; i++) for (let j = 0; j < n; j++) out[j * m + i] = data[i * n + j];
  return { shape: [n, m], data: out };
};

function regressionTeleport(threads) {
  const layers = [
    [6, 5],
    [7, 6],
    [8, 7],
  ].map((shape, k) => ({ weight: unit(shape, k) }));
  const x = transposed(unit([5, 4], 3));
  const y = transposed(unit([8, 4], 4));
  const net = mlp({ sizes: [5, 6, 7, 8], activation: "leakyRelu", slope: 0.1, bias: false });
  const loss = (p, v, target) => mul(0.5, sum(square(sub(target, net.apply(p, v).output))));
  return ascent({ layers }, loss, x, y, threads);
}

const smallNet = mlp({ sizes: [784, 16, 10, 10], activation: "leakyRelu", slope: 0.1, bias: false });
const smallShapes = [
  [16, 784],
  [10, 16],
  [10, 10],
];
const smallParams = () => ({ layers: smallShapes.map((shape, k) => ({ weight: parameter(shape, k) })) });

async function mlpSmall(threads) {
  const rows = 60000;
  const batch = 20;
  const stepsPerRun = 500;
  const params = smallParams();
  const step = (p, inputs, classes, picked, lr) => {
    const optimizer = sgd();
    const [loss, g] = valueAndGrad((q) =>
      crossEntropy(smallNet.apply(q, gather(inputs, picked)).output, gather(classes, picked)),
    )(p);
    return { p: optimizer.update(g, {}, p, lr).params, loss };
  };
  const { graph } = trace(
    step,
    [params, spec([rows, 784]), spec([rows], "int64"), spec([batch], "int64"), spec([])],
    {
      names: ["p", "inputs", "classes", "picked", "lr"],
    },
  );
  const executable = await compile(graph, {
    threads,
    scan: { carry: carryOf(graph), sequences: ["picked"] },
  });
  const data = { inputs: unit([rows, 784], 1000), classes: labels([rows], 1001, 10), lr: float(0.01) };
  let epoch = 0;
  let order = new Int32Array(0);
  const sequences = () => {
    // A new permutation when this one is used up.
    if (order.length < stepsPerRun * batch) order = permutation(rows, 0, epoch++);
    const picked = BigInt64Array.from(order.subarray(0, stepsPerRun * batch), BigInt);
    order = order.subarray(stepsPerRun * batch);
    return { picked: { shape: [stepsPerRun, batch], data: picked } };
  };
  return stepper(executable, named("p", params), { fixed: data, stepsPerRun, sequences });
}

function mlpSmallTeleport(threads) {
  const all = unit([200, 784], 1000);
  const loss = (p, x, y) => crossEntropy(smallNet.apply(p, x).output, y);
  return ascent(smallParams(), loss, all, labels([200], 1001, 10), threads);
}

/** Optimiser steps of a classifier on one fixed batch; several a run, in a loop inside the runtime as the trainer does. */
function classifier(make, { x, batch, values = unit, optimizer = sgd(), isScale, stepsPerRun = 1 }) {
  return async (threads) => {
    const model = make();
    const { params, state } = parameters(model, isScale);
    const optimizerState = optimizer.init(params);
    const step = (p, s, o, inputs, classes, lr) => {
      let next;
      const [loss, g] = valueAndGrad((q) => {
        const result = model.apply(q, inputs, { state: s, training: true });
        next = result.state;
        return crossEntropy(result.output, classes);
      })(p);
      const updated = optimizer.update(g, o, p, lr);
      return { p: updated.params, s: next, o: updated.state, loss };
    };
    const shape = [batch, ...x];
    const { graph } = trace(
      step,
      [params, state, optimizerState, spec(shape), spec([batch], "int64"), spec([])],
      {
        names: ["p", "s", "o", "inputs", "classes", "lr"],
      },
    );
    const loop = stepsPerRun > 1 ? { scan: { carry: carryOf(graph) } } : {};
    const executable = await compile(graph, { threads, ...loop });
    const start = { ...named("p", params), ...named("s", state), ...named("o", optimizerState) };
    const fixed = { inputs: values(shape, 1000), classes: labels([batch], 1001, 10), lr: float(0.01) };
    return stepper(executable, start, { fixed, stepsPerRun });
  };
}

async function convnetSecondOrder(threads) {
  const model = convnet();
  const { params } = parameters(model);
  const loss = (p, x, y) => crossEntropy(model.apply(p, x).output, y);
  const f = (p, x, y) => ({ loss: loss(p, x, y), gradient: grad(gradNormSq(loss))(p, x, y) });
  const x = unit([64, 1, 28, 28], 1000);
  const y = labels([64], 1001, 10);
  const { graph } = trace(f, [params, x, y], { names: ["p", "x", "y"] });
  const executable = await compile(graph, { threads });
  return stepper(executable, {}, { fixed: { ...named("p", params), x, y } });
}

async function segnetTraining(threads) {
  const model = segnet();
  const { params } = parameters(model);
  const step = (p, x, classes, depth, lr) => {
    const [loss, g] = valueAndGrad((q) => {
      const { output } = model.apply(q, x);
      return add(crossEntropy(output.classes, classes, { axis: 1 }), l1Loss(output.depth, depth));
    })(p);
    return { p: sgd().update(g, {}, p, lr).params, loss };
  };
  const fixed = {
    x: signed([2, 3, 128, 256], 1000),
    classes: labels([2, 128, 256], 1001, 7),
    depth: unit([2, 1, 128, 256], 1002),
    lr: float(0.01),
  };
  const { graph } = trace(step, [params, fixed.x, fixed.classes, fixed.depth, fixed.lr], {
    names: ["p", "x", "classes", "depth", "lr"],
  });
  const executable = await compile(graph, { threads });
  return stepper(executable, named("p", params), { fixed });
}

/**
 * Workloads by name: `make(threads)` compiles; `peers` are PyTorch's names, the fastest of which counts;
 * `reach` is the ratio that the project holds itself to.
 */
export const workloads = {
  rosenbrock: { make: rosenbrock, peers: ["rosenbrock"], reach: 0.002 },
  "regression-gd": { make: regression(sgd(), 1e-4), peers: ["regression-gd"], reach: 0.02 },
  "regression-adagrad": { make: regression(adagrad(), 0.1), peers: ["regression-adagrad"], reach: 0.02 },
  "regression-teleport": {
    make: regressionTeleport,
    peers: ["regression-teleport", "regression-teleport-hvp"],
    reach: 0.02,
  },
  "mlp-small": { make: mlpSmall, peers: ["mlp-small"], reach: 0.35 },
  "mlp-small-teleport": {
    make: mlpSmallTeleport,
    peers: ["mlp-small-teleport", "mlp-small-teleport-hvp"],
    reach: 0.35,
  },
  "mlp-wide": {
    make: classifier(() => mlp({ sizes: [784, 512, 512, 10], activation: "leakyRelu", slope: 0.1 }), {
      x: [784],
      batch: 128,
      optimizer: sgd({ momentum: 0.9 }),
      stepsPerRun: 10,
    }),
    peers: ["mlp-wide"],
    reach: 1.0,
  },
  convnet: {
    make: classifier(() => convnet(), { x: [1, 28, 28], batch: 64, stepsPerRun: 10 }),
    peers: ["convnet"],
    reach: 0.8,
  },
  "convnet-second-order": { make: convnetSecondOrder, peers: ["convnet-second-order"], reach: 0.7 },
  resnet18: {
    make: classifier(() => resnet18(), {
      x: [3, 32, 32],
      batch: 32,
      values: signed,
      isScale: (path) => /(bn\d|norm|downsample\.1|shortcut\.1).*weight$/.test(path),
    }),
    peers: ["resnet18"],
    reach: 1.2,
  },
  vgg6: {
    make: classifier(() => vgg6(), { x: [3, 32, 32], batch: 32, values: signed }),
    peers: ["vgg6"],
    reach: 1.2,
  },
  segnet: { make: segnetTraining, peers: ["segnet"], reach: 1.2 },
};
