import { gridOf } from "../../figures/src/base/grid-of.js";
import type { CurveSeries } from "../../figures/src/curves.js";
import type { Trajectory } from "../../figures/src/level-sets.js";

/** Numbers that look random and are the same everywhere. */
const noise = (i: number): number => ((Math.abs(Math.sin(i * 12.9898 + 4.1) * 43758.5453) % 1) - 0.5) * 2;

const rosenbrock = (x: number, y: number) => (1 - x) ** 2 + 10 * (y - x * x) ** 2;
const start = { x: -1.2, y: 1.8 };

/** Gradient descent, with jumps along a level set. */
function descent(name: string, jumps: Readonly<Record<number, { x: number; y: number }>> = {}): Trajectory {
  let point = start;
  const points = [];
  const jumped = [];
  for (let step = 0; step <= 40; step++) {
    if (jumps[step]) {
      jumped.push({ from: point, to: jumps[step], step });
      point = jumps[step];
    }
    points.push(point);
    const { x, y } = point;
    const g = { x: 2 * (x - 1) - 40 * x * (y - x * x), y: 20 * (y - x * x) };
    point = { x: x - 0.006 * g.x, y: y - 0.006 * g.y };
  }
  return { name, points, jumps: jumped };
}

export const levelSetsData = {
  f: gridOf(rosenbrock, { x: [-2, 2], y: [-1, 3], n: 60 }),
  trajectories: [
    descent("gradient descent"),
    descent("with teleports", { 5: { x: 1.7, y: 2.35 }, 20: { x: 0.55, y: 0.3 } }),
  ],
  spacing: "log",
  start,
  optimum: { x: 1, y: 1 },
  xLabel: "w₁",
  yLabel: "w₂",
} as const;

const seeds = (count: number, f: (t: number, seed: number) => number, steps = 100) =>
  Array.from({ length: count }, (_, seed) => ({
    steps: Array.from({ length: steps }, (_, t) => t),
    seconds: Array.from({ length: steps }, (_, t) => (t + 1) * (0.01 + 0.002 * seed)),
    values: Array.from({ length: steps }, (_, t) => f(t, seed)),
  }));

export const curveSeries: readonly CurveSeries[] = [
  { name: "GD", runs: seeds(3, (t, s) => 2 * 0.97 ** t * (1 + 0.25 * noise(s + 1))) },
  {
    name: "GD, teleported",
    runs: seeds(3, (t, s) => 2 * 0.94 ** t * (1 + 0.35 * noise(s + 5)) + 0.01),
    teleports: [10, 30, 50],
  },
  {
    name: "heavy ball",
    runs: seeds(3, (t, s) => 2 * 0.955 ** t * (1 + 0.3 * noise(s + 9)) * (1 + 0.3 * Math.cos(t / 3)) + 0.012),
  },
  {
    name: "GD, rate 0.5",
    runs: seeds(3, (t, s) =>
      s === 2 && t > 40 ? NaN : 2.2 * 0.985 ** t * (1 + 0.2 * noise(s + 3)) * (s === 2 ? 1.05 ** t : 1),
    ),
  },
];

/** Accuracies that rise to a plateau, the teleported ones a little sooner. */
export const accuracySeries: readonly CurveSeries[] = [
  { name: "SGD", runs: seeds(5, (t, s) => 0.93 - 0.8 * 0.95 ** t + 0.012 * noise(100 * s + t), 60) },
  {
    name: "SGD, teleported",
    runs: seeds(5, (t, s) => 0.932 - 0.8 * 0.94 ** t + 0.012 * noise(100 * s + t + 7000), 60),
    teleports: [10, 20],
  },
];

const front = Array.from({ length: 30 }, (_, i) => ({ x: (i / 29) ** 2, y: (1 - i / 29) ** 2 }));
const ways = (pull: number, k: number) =>
  [0, 1, 2, 3, 4].map((s) => {
    const end = front[Math.min(29, Math.max(0, Math.round(k + 4 + pull * (s - 2) * 4)))];
    const from = { x: 0.5 + 0.2 * s, y: 1.5 - 0.22 * s };
    return Array.from({ length: 25 }, (_, t) => {
      const share = 1 - 0.85 ** t;
      return {
        x: from.x + (end.x + 0.02 - from.x) * share,
        y: from.y + (end.y + 0.02 - from.y) * share + 0.04 * Math.sin(t / 3) * 0.9 ** t,
      };
    });
  });
const method = (name: string, pull: number, k: number) => {
  const trajectories = ways(pull, k);
  return { name, trajectories, points: trajectories.map((way) => way[way.length - 1]) };
};

/** Losses that are least at a learning rate of 0.1, without momentum for one of the optimizers. */
export const parallelData = {
  axes: ["learningRate", "optimizer", "momentum", "loss"],
  lines: Array.from({ length: 40 }, (_, i) => {
    const rate = 10 ** (-3 + (3 * ((7 * i) % 40)) / 39);
    const optimizer = ["sgd", "adam", "momentum"][i % 3] ?? "";
    const momentum = optimizer === "momentum" ? 0.5 + ((11 * i) % 40) / 85 : null;
    const loss = 0.2 + 0.15 * Math.log10(rate / 0.1) ** 2 + 0.03 * ((13 * i) % 7);
    return [rate, optimizer, momentum, loss];
  }),
};

export const paretoData = {
  methods: [method("LS", 0.1, 28), method("CAGrad", 0.8, 12), method("LS + COST", 1.2, 9)],
  front,
};

const cosineSteps = Array.from({ length: 200 }, (_, i) => 10 * i);
export const cosinesData = {
  steps: cosineSteps,
  pairs: [
    {
      name: "segmentation, depth",
      cosines: cosineSteps.map((_, i) => 0.3 * Math.cos(i / 30) + 0.25 * noise(i)),
    },
    {
      name: "depth, normals",
      cosines: cosineSteps.map((_, i) => 0.25 - 0.5 * Math.sin(i / 45) + 0.2 * noise(i + 300)),
    },
  ],
  triggers: [400, 520, 900, 910, 1300],
  window: 10,
};

/** The measured ratios of full-batch training, steps to the tuned plain run's final loss, and rows that are none. */
export const barsData = {
  ratios: [
    { name: "GD", ratio: 0.27, low: 0.2, high: 0.36 },
    { name: "heavy ball", ratio: 0.28, low: 0.2, high: 0.39 },
    { name: "AdaGrad", ratio: 0.52, low: 0.44, high: 0.62 },
    { name: "Adam, mini-batch", ratio: 1.02, low: 0.93, high: 1.12 },
    { name: "SGD, balanced", ratio: 1.6, low: 1.2, high: 2.5 },
    { name: "eq. 8, all layers", ratio: Infinity },
  ],
  xLabel: "steps to the loss, teleported / tuned plain",
};

/** Layers whose channels differ by factors of about 100 and are balanced, one with channels of zeros. */
export const channelRangesData = {
  layers: ["stem", "block 1, depthwise", "block 1, pointwise", "classifier"].map((name, m) => {
    const before = Array.from(
      { length: 12 + 12 * m },
      (_, i) => 0.3 * 10 ** ((0.3 + 0.5 * m) * noise(40 * m + i)),
    );
    const after = before.map((range, i) => 0.3 * (range / 0.3) ** 0.1 * 10 ** (0.1 * noise(i)));
    return { name, before: m === 1 ? [...before, 0, 0] : before, after: m === 1 ? [...after, 0, 0] : after };
  }),
};

/** Choices with their SQNR, the best one chosen, and one that gives no numbers. */
export const valueBarsData = {
  values: [
    { name: "as it is, per channel, biases corrected", value: 31.4 },
    { name: "as it is, per channel", value: 28.9 },
    { name: "ranges equalized, per tensor", value: 24.2 },
    { name: "as it is, per tensor", value: -1.6 },
    { name: "as it is, per tensor, infinite scale", value: Number.NaN },
  ],
  chosen: "as it is, per channel, biases corrected",
  xLabel: "SQNR in dB",
};

export const taskTableData = {
  caption: "Two tasks",
  columns: [
    { name: "mIoU", direction: "higher", group: "segmentation" },
    { name: "error", direction: "lower", digits: 3, group: "depth" },
    { name: "seconds", digits: 0, group: "" },
  ],
  rows: [
    { name: "LS", values: [0.311, 0.0204, 10] },
    { name: "COST & <LS>", values: [{ mean: 0.3141, spread: 0.01 }, 0.0196, 12] },
    { name: "CAGrad", values: [Number.NaN, null, -0.2] },
  ],
} as const;
