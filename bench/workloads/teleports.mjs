// Teleports: the gradient in T alone, and whole ones with the guard's measurements.
import {
  backward,
  compile,
  createMinimizer,
  createTeleporter,
  crossEntropy,
  flattenTree,
  gd,
  grad,
  mlp,
  positiveScaling,
  sgd,
  spec,
  trace,
  valueAndGrad,
} from "isoloss";
import { convnet } from "isoloss/nn";
import { fill, mul } from "isoloss/ops";
import { booth, rosenbrock } from "isoloss/problems";
import { hiddenAction } from "isoloss/symmetry";
import {
  bestAngle,
  every,
  gradientAscent,
  gradNormSq,
  levelSet,
  lineSearch,
  nullSpace,
  quadraticOptimum,
  randomSearch,
  scalingCorner,
} from "isoloss/teleport";
import { labels, unit } from "../formula.mjs";
import { convnetTraining } from "./classifiers.mjs";
import { optimizing, regressionProblem } from "./functions.mjs";
import { named, parameters, stepper, timed } from "./support.mjs";

const leaky = { activation: "leakyRelu", slope: 0.1 };

/** d/dT ||grad L(T.w)||^2 at T = 0 for the hidden action, with given pseudo-inverses. */
async function ascent({ loss, start, batch }, threads) {
  const symmetry = hiddenAction(start, { ...leaky, allowInexact: true });
  const context = await symmetry.context(start, batch);
  const f = (p, b, plus) => {
    const T = symmetry.algebra.map((shape) => fill(shape, 0, "float32"));
    const ends = T.map((t) => mul(t, 1));
    const tangent = flattenTree(symmetry.derivative(p, ends, b, plus), (t) => t?.op !== undefined).leaves;
    const slope = flattenTree(grad(gradNormSq(loss))(p, b, {}), (t) => t?.op !== undefined).leaves;
    return { loss: loss(p, b), T: backward(tangent, slope, ends) };
  };
  const { graph } = trace(({ p, batch, plus }) => f(p, batch, plus), {
    p: start,
    batch,
    plus: context.map((c) => spec(c.shape)),
  });
  await symmetry.dispose();
  const executable = await compile(graph, { threads });
  const plus = context.map(({ shape, data }) => ({ shape, data: Float32Array.from(data) }));
  const fixed = { ...named("p", start), ...named("batch", batch), ...named("plus", plus) };
  return stepper(executable, {}, { fixed });
}

/** A classifier of 784 numbers without biases, as in the paper, and batches of 200. */
function classifierProblem(sizes) {
  const net = mlp({ sizes, bias: false, ...leaky });
  const batchAt = (k) => ({ x: unit([200, 784], 1000 + k), y: labels([200], 1001 + k, 10) });
  return {
    loss: (p, { x, y }) => crossEntropy(net.apply(p, x).output, y),
    start: parameters(net).params,
    batch: batchAt(0),
    // Every mini-batch is a new one: nothing is known of it from the teleport before.
    other: batchAt(2),
  };
}

const small = [784, 16, 10, 10];
const wide = [784, 512, 512, 10];
const scaled = (start) => gradientAscent(positiveScaling(start, leaky), { steps: 10, bound: 0.3 });
const mixed = (stepSize, options) => (start) =>
  gradientAscent(hiddenAction(start, { ...leaky, ...options }), { steps: 10, stepSize });

/** Whole teleports of one point, one after another, on two batches in turn where there are two. */
async function teleporting({ loss, start, batch, other }, { search, guard = {}, steps = 10, threads }) {
  const teleporter = await createTeleporter({
    search: search(start),
    loss,
    params: start,
    batch,
    // What serves the report alone is left out.
    guard: { curvature: 0, ...guard },
    ...(threads === undefined ? {} : { threads }),
  });
  const batches = [batch, other ?? batch];
  let turn = 0;
  let last;
  const once = async () => {
    last = (await teleporter.teleport(start, batches[turn++ % 2])).report;
    if (last.steps !== steps)
      throw new Error(`${last.search}: ${last.steps} of ${steps} steps; ${last.reason}`);
  };
  return {
    compileSeconds: teleporter.compileSeconds,
    runtime: "-",
    dispose: () => teleporter.dispose(),
    async measure(seconds) {
      const us = await timed(once, seconds);
      return { us, loss: last.lossAfter };
    },
  };
}

const onRegression =
  (search, options = {}) =>
  async () =>
    teleporting(regressionProblem("float64"), { search, ...options });
const scaling = (start) => positiveScaling(start, leaky);
const onClassifier = (sizes, search, guard) => async (threads) =>
  teleporting(classifierProblem(sizes), { search, guard, threads });

/** Gradient descent on the regression. */
const descent = {
  name: "60 GD steps",
  count: 60,
  make: () => optimizing(regressionProblem("float64"), { optimizer: sgd(), rate: 1e-4 }),
};

/** One jump on the level set of a function of two variables, and gradient descent on it. */
const inPlane = (problem, search, count) => ({
  make: async () => teleporting(problem, { search: () => search(problem), steps: 1 }),
  base: {
    name: `${count} GD steps`,
    count,
    make: () => optimizing(problem, { optimizer: sgd(), rate: 1e-4 }),
  },
  reach: 1.0,
});

/** Whole runs of a minimization, one after another. */
async function minimizing(problem, { steps, rate, teleport }) {
  const begin = performance.now();
  const minimizer = await createMinimizer(problem, {
    optimizer: gd(),
    learningRate: rate,
    steps,
    ...(teleport ? { teleport } : {}),
  });
  const compileSeconds = (performance.now() - begin) / 1000;
  let last;
  const once = async () => {
    last = await minimizer.run();
  };
  return {
    compileSeconds,
    runtime: "-",
    dispose: () => minimizer.dispose(),
    async measure(seconds) {
      const us = await timed(once, seconds);
      return { us, loss: last.loss.at(-1) };
    },
  };
}

/** A run with teleports, and one of as many steps without. */
const besidePlain = (problem, teleport, { steps, rate }) => ({
  make: () => minimizing(problem, { steps, rate, teleport }),
  base: { name: `${steps} GD steps, run alike`, count: 1, make: () => minimizing(problem, { steps, rate }) },
  reach: 2.0,
});

const hessian = { shape: [2, 2], data: Float64Array.of(10, 8, 8, 10) };

async function convnetNullSpace(threads) {
  const model = convnet();
  const problem = {
    loss: (p, { x, y }) => crossEntropy(model.apply(p, x).output, y),
    start: parameters(model).params,
    batch: { x: unit([64, 1, 28, 28], 1000), y: labels([64], 1001, 10) },
    other: { x: unit([64, 1, 28, 28], 1002), y: labels([64], 1003, 10) },
  };
  // As many steps as a search takes unless told otherwise.
  return teleporting(problem, { search: () => nullSpace({ steps: 5, stepSize: 0.01 }), steps: 5, threads });
}

/** A classifier of 784 numbers whose loss is smooth, and all of its 2000 examples. */
function smoothProblem() {
  const net = mlp({ sizes: [784, 128, 64, 10], activation: "tanh" });
  return {
    loss: (p, { x, y }) => crossEntropy(net.apply(p, x).output, y),
    start: parameters(net).params,
    batch: { x: unit([2000, 784], 1000), y: labels([2000], 1001, 10) },
  };
}

/** Loss and gradient of a problem, at the same point again and again. */
async function differentiating({ loss, start, batch }, threads) {
  const { graph } = trace(
    ({ p, batch: b }) => {
      const [value, g] = valueAndGrad(loss)(p, b);
      return { loss: value, g };
    },
    { p: start, batch },
  );
  const executable = await compile(graph, { threads });
  return stepper(executable, {}, { fixed: { ...named("p", start), ...named("batch", batch) } });
}

const along = () => levelSet({ steps: 10 });

// The small net's second layer has fewer inputs than samples: the loss then moves, and may. Its steps are so small that no
// unit changes its sign, where the objective jumps.
const loose = { drift: 1e3, heldOutDrift: 1e3 };

export const teleports = {
  "rosenbrock-teleport": inPlane(rosenbrock(), (problem) => bestAngle(problem.symmetry()), 700),
  "booth-teleport": inPlane(booth(), () => quadraticOptimum(hessian, { center: [1, 3] }), 350),
  "rosenbrock-run": besidePlain(
    rosenbrock(),
    {
      when: every(100, { from: 99 }),
      search: bestAngle(rosenbrock().symmetry()),
      guard: { curvature: 0 },
    },
    { steps: 500, rate: 1e-3 },
  ),
  "regression-teleport": {
    make: (threads) => ascent(regressionProblem("float32"), threads),
    peers: ["regression-teleport", "regression-teleport-hvp"],
    reach: 0.02,
  },
  "mlp-small-teleport": {
    make: (threads) => ascent(classifierProblem(small), threads),
    peers: ["mlp-small-teleport", "mlp-small-teleport-hvp"],
    reach: 0.38,
  },
  "regression-teleport-10-scaling": { make: onRegression(scaled), base: descent, reach: 1.0 },
  "regression-teleport-10-level-set": { make: onRegression(along), base: descent, reach: 1.3 },
  "regression-teleport-10-hidden": { make: onRegression(mixed(0.02)), base: descent, reach: 1.8 },
  "regression-teleport-10-raced": {
    make: onRegression(scaled, { guard: { race: { learningRate: 1e-4 } } }),
    base: descent,
    reach: 2.0,
  },
  "regression-teleport-line-search": {
    make: onRegression((start) => lineSearch(scaling(start), { steps: 1 }), { steps: 1 }),
    base: descent,
    reach: 1.2,
  },
  "regression-teleport-random": {
    make: onRegression((start) => randomSearch(scaling(start)), { steps: 1 }),
    base: descent,
    reach: 1.0,
  },
  "regression-teleport-corner": {
    make: onRegression((start) => scalingCorner(scaling(start)), { steps: 1 }),
    base: descent,
    reach: 1.5,
  },
  "mlp-small-teleport-10-scaling": {
    make: onClassifier(small, scaled),
    peers: ["mlp-small-teleport-10-scaling"],
    reach: 0.4,
  },
  "mlp-small-teleport-10-hidden": {
    make: onClassifier(small, mixed(1e-5, { allowInexact: true }), loose),
    peers: ["mlp-small-teleport-10-hidden", "mlp-small-teleport-10-hidden-gram"],
    reach: 1.0,
  },
  "mlp-wide-teleport-10-scaling": {
    make: onClassifier(wide, scaled),
    peers: ["mlp-wide-teleport-10-scaling"],
    reach: 1.0,
  },
  "mlp-wide-teleport-10-hidden": {
    make: onClassifier(wide, mixed(0.02)),
    peers: ["mlp-wide-teleport-10-hidden", "mlp-wide-teleport-10-hidden-gram"],
    reach: 1.0,
  },
  "level-set-tanh": {
    make: (threads) => teleporting(smoothProblem(), { search: along, threads }),
    base: {
      name: "a gradient",
      count: 1,
      make: (threads) => differentiating(smoothProblem(), threads),
    },
    reach: 40,
  },
  "convnet-null-space": {
    make: convnetNullSpace,
    base: { name: "20 training steps", count: 20, make: convnetTraining },
    reach: 1.0,
  },
};
