// Whether teleports pay in time: gradient descent and heavy ball at their tuned learning rate, with six teleports and without.
import {
  compile,
  createTeleporter,
  decrease,
  positiveScaling,
  sgd,
  spec,
  trace,
  valueAndGrad,
} from "isoloss";
import { mlpRegression } from "isoloss/problems";
import { gradientAscent, gradNormSq } from "isoloss/teleport";
import { carryOf, float, median, named } from "./support.mjs";

const horizon = 1500;
/** Of the draws that learning rate and teleports are chosen on, and of those that are reported. */
const tuning = [101, 102, 103, 104, 105, 106];
const reported = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
/** Factors of 1.26 from 1e-5 to 0.1. */
const rates = Array.from({ length: 41 }, (_, i) => 10 ** (-5 + i / 10));

const optimizers = { gd: sgd(), "heavy-ball": sgd({ momentum: 0.9 }) };
const objectives = { decrease: (optimizer) => decrease({ optimizer }), gradient: () => gradNormSq };
/** Six teleports, the first before any step. */
const settings = { count: 6, every: 50, bound: 1 };
/** Of seven forms of ascent the one with the least median time over the tuning draws. */
const ascents = {
  gd: { steps: 5, stepSize: 0.3, halvings: 1 },
  "heavy-ball": { steps: 4, stepSize: 0.25, halvings: 3 },
};

/** Optimizer steps on the problem of a seed, as a loop in the runtime. */
async function stepsOf({ loss, start, batch }, optimizer) {
  const step = (params, state, b, lr) => {
    const [value, g] = valueAndGrad(loss)(params, b);
    const next = optimizer.update(g, state, params, lr);
    return { params: next.params, state: next.state, loss: value };
  };
  const first = { params: start, state: optimizer.init(start) };
  const { graph } = trace(({ params, state, batch, lr }) => step(params, state, batch, lr), {
    params: first.params,
    state: first.state,
    batch,
    lr: spec([], "float64"),
  });
  const executable = await compile(graph, { scan: { carry: carryOf(graph) } });
  const fixed = named("batch", batch);
  const treeOf = (results, like) => ({
    params: { layers: like.params.layers.map((_, m) => ({ weight: results[`params.layers.${m}.weight`] })) },
    state: Object.fromEntries(
      Object.keys(like.state).map((key) => [
        key,
        {
          layers: like.params.layers.map((_, m) => ({ weight: results[`state.${key}.layers.${m}.weight`] })),
        },
      ]),
    ),
  });
  return {
    first,
    dispose: () => executable.dispose(),
    async run({ params, state }, rate, steps) {
      const inputs = {
        ...named("params", params),
        ...named("state", state),
        ...fixed,
        lr: float(rate, "float64"),
      };
      const results = await executable.run(inputs, { steps });
      return { ...treeOf(results, { params, state }), losses: results.loss.data };
    },
  };
}

const problemOf = (seed) => mlpRegression({ seed });

/** The learning rate with the lowest median loss at the horizon over the tuning draws. */
async function tuned(optimizer) {
  const ends = rates.map(() => []);
  for (const seed of tuning) {
    const steps = await stepsOf(problemOf(seed), optimizer);
    for (const [i, rate] of rates.entries()) {
      const { losses } = await steps.run(steps.first, rate, horizon);
      ends[i].push(losses.every(Number.isFinite) ? losses.at(-1) : Infinity);
    }
    await steps.dispose();
  }
  const medians = ends.map((losses) => (Math.max(...losses) === Infinity ? Infinity : median(losses)));
  return rates[medians.indexOf(Math.min(...medians))];
}

/** Wall-clock of a run with teleports up to the plain run's final loss, in that of the plain run; and steps likewise. */
async function raced(seed, { optimizer, objective, rate, rounds, ascent: { halvings, ...ascent } }) {
  const { count, every, bound } = settings;
  const problem = problemOf(seed);
  const { loss, start, batch } = problem;
  const steps = await stepsOf(problem, optimizer);
  const memoryOf = (state) => ({ optimizer: state, learningRate: float(rate, "float64") });
  const teleporter = await createTeleporter({
    search: gradientAscent(positiveScaling(start, { activation: "leakyRelu" }), { ...ascent, bound }),
    loss,
    objective: objectives[objective](optimizer),
    params: start,
    batch,
    memory: memoryOf(steps.first.state),
    guard: { curvature: 0, halvings },
  });
  const plain = () => steps.run(steps.first, rate, horizon);
  const teleported = async (until) => {
    let point = steps.first;
    const losses = [];
    for (let k = 0; k < count && k * every < until; k++) {
      const memory = memoryOf(point.state);
      const { params } = await teleporter.teleport(point.params, batch, { memory });
      const end = k + 1 < count ? Math.min((k + 1) * every, until) : until;
      point = await steps.run({ ...point, params }, rate, end - k * every);
      losses.push(point.losses);
    }
    return losses;
  };
  const target = (await plain()).losses.at(-1);
  const losses = (await teleported(horizon)).flatMap((part) => [...part]);
  const hit = losses.findIndex((value) => value <= target);
  const never = { time: Infinity, least: Infinity };
  const ratios = hit < 0 ? never : await timeRatio(plain, () => teleported(hit + 1), rounds);
  await teleporter.dispose();
  await steps.dispose();
  return { ...ratios, steps: hit < 0 ? Infinity : (hit + 1) / horizon };
}

/** Median time of one thing in that of another, in turn, after half a second of warming up; and the ratio of least times. */
async function timeRatio(one, other, rounds) {
  const times = { one: [], other: [] };
  const warm = performance.now() + 500;
  for (let round = 0; round < 10 * rounds; ) {
    const begin = performance.now();
    await one();
    const between = performance.now();
    await other();
    const end = performance.now();
    if (between < warm) continue;
    times.one.push(between - begin);
    times.other.push(end - between);
    round++;
  }
  return {
    time: median(times.other) / median(times.one),
    least: Math.min(...times.other) / Math.min(...times.one),
  };
}

/** The median of a sample and its 95 % interval from order statistics: the 2nd and 9th of ten (97.9 %). */
function summary(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const n = sorted.length;
  return { median: (sorted[n / 2 - 1] + sorted[n / 2]) / 2, interval: [sorted[1], sorted[n - 2]] };
}

const study =
  (name, objective) =>
  async ({ rounds }) => {
    const optimizer = optimizers[name];
    const rate = await tuned(optimizer);
    const all = [];
    for (const seed of reported) {
      all.push(await raced(seed, { optimizer, objective, rate, rounds, ascent: ascents[name] }));
    }
    const time = summary(all.map((r) => r.time));
    const steps = summary(all.map((r) => r.steps));
    const shown = ({ median: m, interval: [a, b] }) => `${m.toFixed(2)} [${a.toFixed(2)}, ${b.toFixed(2)}]`;
    return {
      ratio: time.median,
      interval: time.interval,
      steps: steps.median,
      learningRate: rate,
      horizon,
      seeds: all,
      runtime: "javascript",
      against: `plain run of ${horizon} steps`,
      note: `time ${shown(time)}, steps ${shown(steps)}, learning rate ${rate.toPrecision(3)}`,
    };
  };

export const sixTeleports = Object.fromEntries(
  Object.keys(optimizers).flatMap((name) =>
    Object.keys(objectives).map((objective) => [
      `regression-six-teleports-${name}-${objective}`,
      { study: study(name, objective), reach: 0.6 },
    ]),
  ),
);
