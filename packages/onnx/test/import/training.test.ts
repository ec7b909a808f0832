// Optimizer steps of the domain ai.onnx.preview.training, against the standard's formulas in plain loops.

import type { NdArray } from "isoloss";
import { float, type OnnxNode, string } from "isoloss/internal";
import { fileOf, float32, int64, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { operators } from "../../src/import/operators/operators.js";

const domain = "ai.onnx.preview.training";
const rate = 0.1;
const [x1, x2] = [
  [1, -2],
  [0.5, 3, -1],
];
const [g1, g2] = [
  [0.3, 0.1],
  [-0.4, 0.2, 0.7],
];
const [v1, v2] = [
  [0.1, -0.2],
  [0.3, 0, 0.5],
];
const [h1, h2] = [
  [0.2, 0.4],
  [0.1, 0.6, 0.9],
];

/** Results of an operator on two parameters. */
function results(
  opType: string,
  steps: number,
  attributes: OnnxNode["attributes"],
  states: readonly (readonly number[])[],
): number[][] {
  const lists = [x1, x2, g1, g2, ...states];
  const names = lists.map((_, k) => `i${k}`);
  const outputs = [x1, x2, ...states].map((_, k) => `o${k}`);
  const inputs: Record<string, NdArray> = {
    r: float32([rate], []),
    t: int64([steps], []),
    ...Object.fromEntries(lists.map((list, k) => [names[k], float32(list)])),
  };
  const nodes = [{ ...node(opType, ["r", "t", ...names], attributes, outputs), domain }];
  const made = runImported(fileOf({ inputs, nodes, outputs }), inputs);
  return outputs.map((name) => Array.from<number | bigint, number>(made[name].data, Number));
}

function expectClose(actual: number[][], expected: readonly (readonly number[])[]): void {
  expected.forEach((list, k) => {
    expect(actual[k]).toHaveLength(list.length);
    for (const [i, value] of list.entries()) expect(actual[k][i]).toBeCloseTo(value, 5);
  });
}

it("Adagrad decays its rate and adds up squares", () => {
  const [penalty, decay, epsilon] = [0.05, 0.2, 0.01];
  const attributes = {
    norm_coefficient: float(penalty),
    decay_factor: float(decay),
    epsilon: float(epsilon),
  };
  const squares = (x: number[], g: number[], h: number[]) =>
    x.map((w, i) => h[i] + (penalty * w + g[i]) ** 2);
  const next = (x: number[], g: number[], h: number[]) =>
    x.map((w, i) => {
      const slope = penalty * w + g[i];
      return w - ((rate / (1 + 3 * decay)) * slope) / (Math.sqrt(h[i] + slope ** 2) + epsilon);
    });
  expectClose(results("Adagrad", 3, attributes, [h1, h2]), [
    next(x1, g1, h1),
    next(x2, g2, h2),
    squares(x1, g1, h1),
    squares(x2, g2, h2),
  ]);
});

it.each([0, 4])("Adam corrects its averages after %i steps", (steps) => {
  const [alpha, beta, penalty, post] = [0.8, 0.95, 0.05, 0.1];
  const attributes = {
    alpha: float(alpha),
    beta: float(beta),
    norm_coefficient: float(penalty),
    norm_coefficient_post: float(post),
  };
  const means = (x: number[], g: number[], v: number[]) =>
    x.map((w, i) => alpha * v[i] + (1 - alpha) * (penalty * w + g[i]));
  const squares = (x: number[], g: number[], h: number[]) =>
    x.map((w, i) => beta * h[i] + (1 - beta) * (penalty * w + g[i]) ** 2);
  const corrected = steps > 0 ? (rate * Math.sqrt(1 - beta ** steps)) / (1 - alpha ** steps) : rate;
  const next = (x: number[], g: number[], v: number[], h: number[]) =>
    x.map(
      (w, i) => (1 - post) * (w - (corrected * means(x, g, v)[i]) / (Math.sqrt(squares(x, g, h)[i]) + 1e-6)),
    );
  expectClose(results("Adam", steps, attributes, [v1, v2, h1, h2]), [
    next(x1, g1, v1, h1),
    next(x2, g2, v2, h2),
    means(x1, g1, v1),
    means(x2, g2, v2),
    squares(x1, g1, h1),
    squares(x2, g2, h2),
  ]);
});

it.each(["alpha", "beta", "mode"])("Momentum needs %s, which has no default in the standard", (name) => {
  const attributes = { alpha: float(0.9), beta: float(0.7), mode: string("standard") };
  const rest = Object.fromEntries(Object.entries(attributes).filter(([key]) => key !== name));
  expect(() => results("Momentum", 2, rest, [v1, v2])).toThrow(`there is no ${name}`);
});

it.each([
  ["standard", 0],
  ["standard", 2],
  ["nesterov", 2],
] as const)("Momentum, %s, after %i steps", (mode, steps) => {
  const [alpha, beta, penalty] = [0.9, 0.7, 0.05];
  const attributes = {
    alpha: float(alpha),
    beta: float(beta),
    mode: string(mode),
    norm_coefficient: float(penalty),
  };
  const velocity = (x: number[], g: number[], v: number[]) =>
    x.map((w, i) => alpha * v[i] + (steps > 0 ? beta : 1) * (penalty * w + g[i]));
  const next = (x: number[], g: number[], v: number[]) =>
    velocity(x, g, v).map(
      (u, i) => x[i] - rate * (mode === "standard" ? u : penalty * x[i] + g[i] + alpha * u),
    );
  expectClose(results("Momentum", steps, attributes, [v1, v2]), [
    next(x1, g1, v1),
    next(x2, g2, v2),
    velocity(x1, g1, v1),
    velocity(x2, g2, v2),
  ]);
});

it("there are no other operators of domains but ONNX Runtime's", () => {
  const others = [...operators.keys()].filter((name) => /^(?!com\.microsoft\.).*\./.test(name));
  expect(others.sort()).toEqual(["Adagrad", "Adam", "Momentum"].map((name) => `${domain}.${name}`));
});
