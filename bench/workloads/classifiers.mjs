// Training steps of networks.
import { compile, crossEntropy, grad, jit, mlp, sgd, spec, takeRows, trace, valueAndGrad } from "isoloss";
import { batches, permutation } from "isoloss/data";
import { convnet, l1Loss, resnet18, vgg6 } from "isoloss/nn";
import { add, gather } from "isoloss/ops";
import { gradNormSq } from "isoloss/teleport";
import { segnet } from "isoloss-benchmarks";
import { labels, signed, unit } from "../formula.mjs";
import { carryOf, float, named, parameters, stepper, timed } from "./support.mjs";

const rows = 60000;
let made;
/** Made once: it takes seconds. */
const smallData = () => {
  made ??= { inputs: unit([rows, 784], 1000), classes: labels([rows], 1001, 10) };
  return made;
};
const smallNet = () => mlp({ sizes: [784, 16, 10, 10], activation: "leakyRelu", slope: 0.1, bias: false });

async function mlpSmall(threads) {
  const batch = 20;
  const stepsPerRun = 500;
  const net = smallNet();
  const { params } = parameters(net);
  const step = (p, inputs, classes, picked, lr) => {
    const optimizer = sgd();
    const [loss, g] = valueAndGrad((q) =>
      crossEntropy(net.apply(q, gather(inputs, picked)).output, gather(classes, picked)),
    )(p);
    return { p: optimizer.update(g, {}, p, lr).params, loss };
  };
  const { graph } = trace(({ p, inputs, classes, picked, lr }) => step(p, inputs, classes, picked, lr), {
    p: params,
    inputs: spec([rows, 784]),
    classes: spec([rows], "int64"),
    picked: spec([batch], "int64"),
    lr: spec([]),
  });
  const executable = await compile(graph, {
    threads,
    scan: { carry: carryOf(graph), sequences: ["picked"] },
  });
  const data = { ...smallData(), lr: float(0.01) };
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

/** The same as a loop of one's own: a call a step, with rows picked, and parameters and optimizer state in and out, on this side. */
async function mlpSmallOwnLoop(threads) {
  const { inputs, classes } = smallData();
  const order = batches(rows, 20, { seed: 0 });
  const batchAt = (t) => {
    const picked = order[t % order.length];
    return { x: takeRows(inputs, picked), y: takeRows(classes, picked) };
  };
  const net = smallNet();
  const optimizer = sgd();
  let { params } = parameters(net);
  let state = optimizer.init(params);
  const step = await jit(stepOf(net, optimizer), [params, state, batchAt(0), spec([])], { threads });
  let t = 0;
  return ownLoop(step, async () => {
    ({ params, state } = await step(params, state, batchAt(t++), 0.01));
  });
}

const stepOf =
  (net, optimizer) =>
  (p, s, { x, y }, lr) => {
    const [loss, g] = valueAndGrad((q) => crossEntropy(net.apply(q, x).output, y))(p);
    return { loss, ...optimizer.update(g, s, p, lr) };
  };

/** A call of `jit` as a side of a comparison. */
function ownLoop({ executable: { compileSeconds, runtime }, dispose }, once) {
  const measure = async (seconds) => ({ us: await timed(once, seconds) });
  return { compileSeconds, runtime, dispose, measure };
}

/** Optimizer steps of a classifier on one fixed batch; several a run, in a loop inside the runtime as the trainer does. */
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
    const { graph } = trace(({ p, s, o, inputs, classes, lr }) => step(p, s, o, inputs, classes, lr), {
      p: params,
      s: state,
      o: optimizerState,
      inputs: spec(shape),
      classes: spec([batch], "int64"),
      lr: spec([]),
    });
    const loop = stepsPerRun > 1 ? { scan: { carry: carryOf(graph) } } : {};
    const executable = await compile(graph, { threads, ...loop });
    const start = { ...named("p", params), ...named("s", state), ...named("o", optimizerState) };
    const fixed = { inputs: values(shape, 1000), classes: labels([batch], 1001, 10), lr: float(0.01) };
    return stepper(executable, start, { fixed, stepsPerRun });
  };
}

export const convnetTraining = classifier(() => convnet(), { x: [1, 28, 28], batch: 64, stepsPerRun: 10 });

async function convnetSecondOrder(threads) {
  const model = convnet();
  const { params } = parameters(model);
  const loss = (p, { x, y }) => crossEntropy(model.apply(p, x).output, y);
  const f = (p, batch) => ({ loss: loss(p, batch), gradient: grad(gradNormSq(loss))(p, batch, {}) });
  const batch = { x: unit([64, 1, 28, 28], 1000), y: labels([64], 1001, 10) };
  const { graph } = trace(({ p, batch }) => f(p, batch), { p: params, batch });
  const executable = await compile(graph, { threads });
  return stepper(executable, {}, { fixed: { ...named("p", params), ...named("batch", batch) } });
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
  const { graph } = trace(({ p, x, classes, depth, lr }) => step(p, x, classes, depth, lr), {
    p: params,
    x: fixed.x,
    classes: fixed.classes,
    depth: fixed.depth,
    lr: fixed.lr,
  });
  const executable = await compile(graph, { threads });
  return stepper(executable, named("p", params), { fixed });
}

/** Wide layers, and momentum: 11 MB of parameters and state go in and come out with each call. */
const wide = () => mlp({ sizes: [784, 512, 512, 10], activation: "leakyRelu", slope: 0.1 });
const mlpWide = classifier(wide, {
  x: [784],
  batch: 128,
  optimizer: sgd({ momentum: 0.9 }),
  stepsPerRun: 10,
});

/** The same steps by `jit`. */
const jitTraining =
  (make, { x, batch: size, optimizer = sgd() }) =>
  async (threads) => {
    const net = make();
    const batch = { x: unit([size, ...x], 1000), y: labels([size], 1001, 10) };
    let { params } = parameters(net);
    let state = optimizer.init(params);
    const step = await jit(stepOf(net, optimizer), [params, state, batch, spec([])], { threads });
    return ownLoop(step, async () => {
      ({ params, state } = await step(params, state, batch, 0.01));
    });
  };

/** A loop of one's own beside the loop in the runtime. */
const besideRun = (make, run) => ({
  make,
  base: { name: "a run's step", count: 1, make: run },
  reach: 1.2,
});

export const classifiers = {
  "mlp-small": { make: mlpSmall, peers: ["mlp-small"], reach: 0.3 },
  "mlp-small-own-loop": { make: mlpSmallOwnLoop, peers: ["mlp-small"], reach: 0.7 },
  "mlp-wide": { make: mlpWide, peers: ["mlp-wide"], reach: 0.9 },
  "jit-mlp-small": besideRun(mlpSmallOwnLoop, mlpSmall),
  "jit-mlp-wide": besideRun(
    jitTraining(wide, { x: [784], batch: 128, optimizer: sgd({ momentum: 0.9 }) }),
    mlpWide,
  ),
  "jit-convnet": besideRun(jitTraining(convnet, { x: [1, 28, 28], batch: 64 }), convnetTraining),
  convnet: { make: convnetTraining, peers: ["convnet"], reach: 0.7 },
  "convnet-second-order": { make: convnetSecondOrder, peers: ["convnet-second-order"], reach: 0.7 },
  resnet18: {
    make: classifier(() => resnet18(), {
      x: [3, 32, 32],
      batch: 32,
      values: signed,
      isScale: (path) => /(bn\d|norm|downsample\.1|shortcut\.1).*weight$/.test(path),
    }),
    peers: ["resnet18"],
    reach: 1.0,
  },
  vgg6: {
    make: classifier(() => vgg6(), { x: [3, 32, 32], batch: 32, values: signed }),
    peers: ["vgg6"],
    reach: 0.9,
  },
  segnet: { make: segnetTraining, peers: ["segnet"], reach: 0.9 },
};
