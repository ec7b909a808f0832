// Training on several tasks: a step with K gradients and weights from their Gramian, and the weights alone.
import { createMultiTaskTrainer, crossEntropy, sgd, torchGenerator } from "isoloss";
import { createRng } from "isoloss/data";
import { createMethod, methods as everyMethod, mgda } from "isoloss/mtl";
import {
  batchNorm,
  binaryCrossEntropyWithLogits,
  convLayer,
  initBatchNorm,
  initConv2d,
  initLinear,
  linear,
  multiLenet,
} from "isoloss/nn";
import { constant, maxPool2d, mean, relu, slice } from "isoloss/ops";
import { denseTasks } from "isoloss-benchmarks";
import { labels, signed, unit } from "../formula.mjs";
import { timed, withValues } from "./support.mjs";

/** Steps of a trainer on one fixed batch. */
async function training(options, threads) {
  const begin = performance.now();
  const trainer = await createMultiTaskTrainer({
    method: mgda(),
    optimizer: sgd(),
    learningRate: 0.01,
    threads,
    ...options,
  });
  await trainer.run({ steps: 1 });
  const compileSeconds = (performance.now() - begin) / 1000;
  return {
    compileSeconds,
    runtime: "onnx (cpu)",
    dispose: () => trainer.dispose(),
    async measure(seconds) {
      const us = await timed(() => trainer.run({ steps: 1 }), seconds);
      return { us, loss: trainer.history.losses.map((task) => task.at(-1)) };
    },
  };
}

async function lenet(threads) {
  const model = multiLenet({ heads: { left: 10, right: 10 }, dropout: 0 });
  const losses = (params, { x, left, right }, context) => {
    const y = model.apply(params, x, context);
    return [crossEntropy(y.left, left), crossEntropy(y.right, right)];
  };
  const data = {
    x: unit([256, 1, 28, 28], 1000),
    left: labels([256], 1001, 10),
    right: labels([256], 1002, 10),
  };
  return training({ losses, params: withValues(model.init(torchGenerator(0))), data }, threads);
}

const celebaTasks = Array.from({ length: 40 }, (_, k) => `${k}`);
const stages = [
  [3, 64],
  [64, 128, 128],
  [128, 256, 256],
  [256, 512, 512],
];

/** Nine layers: seven convolutions and two linear layers, each without bias and with batch normalization; 40 heads. */
function celebaParams() {
  const rng = torchGenerator(0);
  const norm = (channels) => initBatchNorm(channels).params;
  const convs = stages.flatMap((channels) =>
    channels.slice(1).map((out, i) => ({
      conv: initConv2d(rng, channels[i], out, 3, { bias: false }),
      norm: norm(out),
    })),
  );
  const dense = [0, 1].map(() => ({ linear: initLinear(rng, 512, 512, { bias: false }), norm: norm(512) }));
  const heads = Object.fromEntries(celebaTasks.map((task) => [task, initLinear(rng, 512, 1)]));
  return withValues({ shared: { convs, dense }, heads }, (path) => path.endsWith("norm.weight"));
}

function celebaTrunk({ convs, dense }, x) {
  const normalized = (h, params) => {
    const { state } = initBatchNorm(params.weight.size);
    const constants = {
      running_mean: constant(state.running_mean),
      running_var: constant(state.running_var),
    };
    return relu(batchNorm(h, params, constants, { training: true }).output);
  };
  let h = x;
  let k = 0;
  stages.forEach((channels, stage) => {
    if (stage > 0) h = maxPool2d(h, { kernel: 2 });
    for (let i = 1; i < channels.length; i++, k++) {
      h = normalized(convLayer(h, convs[k].conv, { padding: 1 }), convs[k].norm);
    }
  });
  h = mean(h, { axes: [2, 3] });
  for (const layer of dense) h = normalized(linear(h, layer.linear), layer.norm);
  return h;
}

/** CelebA's network on made-up images. */
async function celeba(threads) {
  const losses = ({ shared, heads }, { x, targets }) => {
    const z = celebaTrunk(shared, x);
    return celebaTasks.map((task, k) =>
      binaryCrossEntropyWithLogits(
        linear(z, heads[task]),
        slice(targets, { starts: [0, k], ends: [32, k + 1] }),
      ),
    );
  };
  const bits = labels([32, 40], 1001, 2);
  const data = {
    x: signed([32, 3, 64, 64], 1000),
    targets: { shape: bits.shape, data: Float32Array.from(bits.data, Number) },
  };
  return training({ losses, params: celebaParams(), data }, threads);
}

/** Two tasks of CityScapes by MTAN with a quarter of its channels, on made-up images. */
async function segnet(threads) {
  const { losses, params, state, tasks } = denseTasks({ channels: [16, 32, 64, 128, 128] });
  const isScale = (path) => path.startsWith("shared") && path.endsWith(".1.weight");
  const data = {
    image: unit([4, 3, 64, 128], 1000),
    semantic: labels([4, 64, 128], 1001, 7),
    depth: unit([4, 1, 64, 128], 1002),
  };
  const start = withValues(params(torchGenerator(0)), isScale);
  return training({ losses, params: start, state, tasks, data }, threads);
}

/** What a method may be given of 40 tasks: three Jacobians of 200 random numbers a row, of sizes that differ a hundredfold. */
function randomTasks(seed) {
  const rng = createRng(seed);
  const [K, P] = [40, 200];
  const jacobian = () => ({
    shape: [K, P],
    data: Float64Array.from(
      { length: K * P },
      (_, at) => 10 ** ((2 * Math.floor(at / P)) / (K - 1)) * (rng.normal() + 0.1),
    ),
  });
  const samples = [jacobian(), jacobian(), jacobian()];
  const [{ data: J }] = samples;
  const gramian = Float64Array.from({ length: K * K }, (_, at) => {
    const [i, j] = [P * Math.floor(at / K), P * (at % K)];
    let sum = 0;
    for (let p = 0; p < P; p++) sum += J[i + p] * J[j + p];
    return sum;
  });
  const losses = Float64Array.from({ length: K }, () => 0.1 + rng.next());
  return {
    losses,
    descended: losses.map((loss) => 0.9 * loss),
    gramian: { shape: [K, K], data: gramian },
    ahead: { shape: [K, K], data: gramian },
    jacobian: samples[0],
    samples,
    step: 0,
    epoch: 0,
    rng: createRng(seed + 1),
  };
}

/** The slowest method's time for one combination. */
async function weighting() {
  const inputs = Array.from({ length: 8 }, (_, seed) => randomTasks(seed));
  // Those on J go over its 40 x 200 numbers here, and over 40 P in a training.
  const methods = Object.keys(everyMethod).map((name) => [
    name,
    createMethod(name, name === "constantWeights" ? { weights: new Array(40).fill(1) } : {}),
  ]);
  let slowest = {};
  return {
    compileSeconds: 0,
    runtime: "host",
    notes: () => ({ note: `slowest of ${methods.length}: ${slowest.name}`, times: slowest.all }),
    async measure(seconds) {
      const times = {};
      for (const [name, method] of methods) {
        const given = inputs.map((input) => ({
          ...input,
          samples: input.samples.slice(0, method.samplesPerStep),
        }));
        let at = 0;
        let state = method.init(40);
        times[name] = await timed(() => {
          const input = given[at++ % given.length];
          ({ state } = method.combine(input, state));
          state = method.afterStep?.(input.losses, input, state) ?? state;
        }, seconds / methods.length);
      }
      const [name, us] = Object.entries(times).sort((a, b) => b[1] - a[1])[0];
      slowest = { name, all: times };
      return { us };
    },
  };
}

export const tasks = {
  "mtl-lenet-2": { make: lenet, peers: ["mtl-lenet-2", "mtl-lenet-2-channels-last"], reach: 0.8 },
  "mtl-celeba-40": {
    make: celeba,
    peers: ["mtl-celeba-40", "mtl-celeba-40-channels-last"],
    isSlow: true,
    reach: 1.0,
  },
  "mtl-segnet-2": {
    make: segnet,
    peers: ["mtl-segnet-2", "mtl-segnet-2-channels-last"],
    isSlow: true,
    reach: 1.1,
  },
  "mtl-weighting-40": { make: weighting, base: { name: "2 ms", us: 2000 }, reach: 1.0 },
};
