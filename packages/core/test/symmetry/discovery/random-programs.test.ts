import fc from "fast-check";
import { changes, normals, subject } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { leakyRelu, relu } from "../../../src/graph/ops/activation.js";
import { add, div, maximum, minimum, mul, neg, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater, where } from "../../../src/graph/ops/compare.js";
import { abs, sign, sqrt, square, tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { max, sum } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { concat, pad, slice } from "../../../src/graph/ops/slice.js";
import { sameShape, type Tensor } from "../../../src/graph/tensor.js";
import { createRng } from "../../../src/math/rng.js";
import { allSteps, interpret, programs } from "../../graph/random-graph.js";

type Step = (typeof allSteps)[number];

const alike =
  (f: (a: Tensor, b: Tensor) => Tensor): Step =>
  (a, b) =>
    sameShape(a.shape, b.shape) ? f(a, b) : undefined;

const product: Step = (a, b, choice) => {
  const options = { transposeA: choice % 2 === 1, transposeB: choice % 4 > 1 };
  const [k, l] = [a.shape[options.transposeA ? 0 : 1], b.shape[options.transposeB ? 1 : 0]];
  return a.rank === 2 && b.rank === 2 && k === l ? matmul(a, b, options) : undefined;
};

/** Operations that keep scalings, which among all operations hardly any chain does. */
const homogeneousSteps: readonly Step[] = [
  ...[product, product, product, product],
  ...[alike(mul), alike(mul), alike(mul)],
  alike((a, b) => div(a, abs(b))),
  alike(add),
  alike(sub),
  alike(maximum),
  alike(minimum),
  alike((a, b) => where(greater(a, b), a, b)),
  (a) => relu(a),
  (a) => leakyRelu(a, 0.2),
  (a) => abs(a),
  (a) => neg(a),
  (a) => square(a),
  (a) => sqrt(abs(a)),
  (a) => mul(a, sign(a)),
  (a) => mul(a, 0.5),
  (a) => transpose(a),
  (a) => reshape(a, [...a.shape].reverse()),
  (a, _b, choice) => (a.rank > 0 ? sum(a, { axes: choice % a.rank, keepDims: true }) : undefined),
  (a, _b, choice) => (a.rank > 0 ? max(a, { axes: choice % a.rank, keepDims: true }) : undefined),
  (a) => (a.shape[0] > 1 ? slice(a, { starts: [1] }) : undefined),
  (a, b) => (a.rank === 2 && b.rank === 2 && a.shape[1] === b.shape[1] ? concat([a, b]) : undefined),
  (a) =>
    pad(
      a,
      a.shape.map(() => [0, 1]),
    ),
];

const shapes = [[2, 3], [3, 2], [3], [2], [3, 3], [4], [2, 2, 2]] as const;

/** What is found in random programs, with what it does to their result. */
function tryPrograms(steps: readonly Step[], finish: (v: Tensor) => Tensor, seed: number, count: number) {
  const draws = fc.record({ program: programs(14), draw: fc.nat({ max: 1e6 }) });
  return fc.sample(draws, { numRuns: count, seed }).flatMap(({ program, draw }) => {
    const rng = createRng(draw);
    const values = shapes.map((shape): NdArray => normals(rng, shape));
    const isData = values.map(() => rng.int(4) === 0);
    const named = (data: boolean): Record<string, NdArray> =>
      Object.fromEntries(values.flatMap((v, i) => (isData[i] === data ? [[`v${i}`, v]] : [])));
    if (isData.every(Boolean)) return [];
    const used = rng.int(2) + 1;
    const tried = subject(
      (p, d) => {
        const inputs = values.map((_, i): Tensor => ({ ...p, ...d })[`v${i}`]);
        return interpret(program, inputs, steps)
          .slice(-used)
          .map((v) => finish(sum(v)))
          .reduce(add);
      },
      named(false),
      named(true),
    );
    const before = tried.evaluate(tried.values);
    if (!(Math.abs(before) > 1e-6 && Math.abs(before) < 1e4)) return [];
    return changes(tried, draw).map(({ what, change }) => ({ what, change, draw }));
  });
}

describe("What is found in random programs", () => {
  it.each<[string, readonly Step[], (v: Tensor) => Tensor, number, string[]]>([
    ["all operations", allSteps, (v) => v, 400, ["sign", "permutation"]],
    ["all operations, squared", allSteps, square, 200, ["sign", "permutation"]],
    ["homogeneous operations", homogeneousSteps, (v) => v, 400, ["scaling", "sign", "permutation", "linear"]],
    ["homogeneous operations, bent", homogeneousSteps, tanh, 200, ["scaling", "sign", "permutation"]],
  ])("of %s keeps the result", (_, steps, finish, count, kinds) => {
    const found = tryPrograms(steps, finish, 7, count);
    expect(found.filter(({ change }) => !(change < 1e-9))).toEqual([]);
    for (const kind of kinds) {
      expect(found.filter(({ what }) => what.startsWith(kind)).length, kind).toBeGreaterThan(0);
    }
  });
});
