import {
  normals,
  type Subject,
  subject,
  tangents,
  type Values,
} from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { type NdArray, sizeOf } from "../../../src/array.js";
import { grad } from "../../../src/graph/autodiff.js";
import { leakyRelu } from "../../../src/graph/ops/activation.js";
import { add, div, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { sqrt, square, tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { slice } from "../../../src/graph/ops/slice.js";
import { logSoftmax } from "../../../src/graph/ops/softmax.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { svd } from "../../../src/math/linalg.js";
import { createRng } from "../../../src/math/rng.js";
import { multiHeadAttention } from "../../../src/nn/attention.js";
import { linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { describeDiscovery } from "../../../src/symmetry/discovery/describe.js";
import { orthogonal } from "../../../src/symmetry/rotation/orthogonal.js";
import { shift } from "../../../src/symmetry/shift.js";
import { namedArrays } from "../../../src/tree.js";

type Shapes = Readonly<Record<string, readonly number[]>>;
type Loss = (p: Record<string, Tensor>, d: Record<string, Tensor>) => Tensor;

const draw = (seed: number, shapes: Shapes, scale = 1): Record<string, NdArray> => {
  const rng = createRng(seed);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => [name, normals(rng, shape, scale)]),
  );
};

/** Data far from zero: every unit is then seen on both sides of its kink. */
const spread = 5;

function rank(rows: readonly (readonly number[])[]): number {
  if (rows.length === 0) return 0;
  const columns = rows[0].length;
  const data = Float64Array.from(
    rows.flatMap((row) => {
      const norm = Math.hypot(...row) || 1;
      return row.map((v) => v / norm);
    }),
  );
  const { s } = svd({ shape: [rows.length, columns], data });
  return s.data.filter((v) => v > 1e-9 * s.data[0]).length;
}

/**
 * Directions at random parameters in which the loss has no slope whatever the data, and how many of them are tangents of
 * what is found; and how many directions its description counts.
 */
function directions(
  loss: Loss,
  params: Shapes,
  data: Shapes,
): { kept: number; found: number; described: number } {
  const p = draw(1, params);
  const s = subject(loss, p, draw(2, data));
  const { found, values } = s;
  const { graph } = trace(({ p, d }) => grad(loss)(p, d), { p, d: draw(2, data) });
  const run = compileJavaScript(simplify(graph));
  const unknowns = Object.values(params).reduce((n, shape) => n + sizeOf(shape), 0);
  const gradients = Array.from({ length: 2 * unknowns }, (_, k) => {
    const batch = Object.fromEntries(
      Object.entries(draw(10 + k, data, spread)).map(([name, v]) => [`d.${name}`, v]),
    );
    const g = run.runSync({ ...values, ...batch });
    return Object.keys(params).flatMap((name) => Array.from(g[name].data as Float64Array));
  });
  return {
    kept: unknowns - rank(gradients),
    found: rank([...tangents(found, values), ...otherTangents(s)]),
    described: describeDiscovery(values, found).directions,
  };
}

/** The directions in which shifts and rotations move all parameters. */
function otherTangents({ loss, values, data, found: { shifts, orthogonal: spaces } }: Subject): number[][] {
  const symmetries = [
    ...(shifts.length > 0 ? [shift(loss, values, data, shifts)] : []),
    ...(spaces.length > 0 ? [orthogonal<Values>(spaces)] : []),
  ];
  return symmetries.flatMap(({ algebra, derivative }) => {
    const zero = algebra.map((shape) => ({ shape, data: new Float64Array(sizeOf(shape)) }));
    const { graph } = trace(({ p, t, d }) => derivative(p, t, d, []), { p: values, t: zero, d: data });
    const run = compileJavaScript(simplify(graph));
    return zero.flatMap(({ data: t }) =>
      Array.from(t, (_, i) => {
        t[i] = 1;
        const rates = run.runSync(namedArrays({ p: values, t: zero, d: data }));
        t[i] = 0;
        return Object.keys(values).flatMap((name) => Array.from(rates[name].data as Float64Array));
      }),
    );
  });
}

const layers =
  (activate: (z: Tensor) => Tensor): Loss =>
  (p, d) =>
    mseLoss(
      linear(
        activate(linear(activate(linear(d.x, { weight: p.w0, bias: p.b0 })), { weight: p.w1, bias: p.b1 })),
        {
          weight: p.w2,
        },
      ),
      d.y,
    );
const perceptron: Shapes = { w0: [3, 2], b0: [3], w1: [4, 3], b1: [4], w2: [2, 4] };

describe("The continuous symmetries that are found", () => {
  it.each<[string, Loss, Shapes, Shapes, number]>([
    [
      "leakyRelu: one for each unit",
      layers((z) => leakyRelu(z, 0.6)),
      perceptron,
      { x: [8, 2], y: [8, 2] },
      3 + 4,
    ],
    ["tanh: none", layers(tanh), perceptron, { x: [8, 2], y: [8, 2] }, 0],
    [
      "no activation and one bias: the linear groups of both layers",
      layers((z) => z),
      { w0: [3, 3], b0: [3], w1: [3, 3], w2: [3, 3] },
      { x: [8, 3], y: [8, 3] },
      9 + 9,
    ],
    [
      "no activation and two biases: the linear groups, and the shift from one bias to the other",
      layers((z) => z),
      { w0: [3, 3], b0: [3], w1: [3, 3], b1: [3], w2: [3, 3] },
      { x: [8, 3], y: [8, 3] },
      9 + 9 + 3,
    ],
    [
      "a log-softmax: the scalings of the units, and the shifts that all classes have in common",
      (p, d) =>
        sum(
          mul(
            d.y,
            logSoftmax(
              linear(leakyRelu(linear(d.x, { weight: p.w0, bias: p.b0 }), 0.6), { weight: p.w1, bias: p.b1 }),
            ),
          ),
        ),
      { w0: [3, 2], b0: [3], w1: [4, 3], b1: [4] },
      { x: [8, 2], y: [8, 4] },
      3 + 3 + 1,
    ],
    [
      "a length: the rotations of the space",
      (p, d) => {
        const h = matmul(d.x, p.u);
        const length = sqrt(add(sum(square(h), { axes: [1], keepDims: true }), 0.5));
        return sum(square(sub(d.y, matmul(div(h, length), p.v))));
      },
      { u: [4, 3], v: [3, 3] },
      { x: [8, 4], y: [8, 3] },
      3,
    ],
    [
      "a factorization: the linear group of the inner space",
      (p, d) => sum(square(sub(d.x, matmul(p.u, p.v)))),
      { u: [4, 2], v: [2, 3] },
      { x: [4, 3] },
      4,
    ],
    [
      "a product of three parameters: two for each element",
      (p, d) => sum(square(sub(d.y, matmul(d.x, reshape(mul(mul(p.u, p.v), p.w), [3, 1]))))),
      { u: [3], v: [3], w: [3] },
      { x: [8, 3], y: [8, 1] },
      6,
    ],
    [
      "a gated unit: two for each unit",
      (p, d) => {
        const both = matmul(d.x, p.w);
        const [a, b] = [0, 3].map((at) => slice(both, { starts: [0, at], ends: [8, at + 3] }));
        return sum(square(sub(matmul(mul(a, leakyRelu(b, 0.2)), p.v), d.y)));
      },
      { w: [2, 6], v: [3, 2] },
      { x: [8, 2], y: [8, 2] },
      6,
    ],
    [
      "attention: the groups of queries and keys and of values and outputs in each head",
      (p, d) =>
        sum(
          square(
            sub(
              multiHeadAttention(d.x, { in_proj_weight: p.w, out_proj: { weight: p.o } }, { heads: 2 }),
              d.y,
            ),
          ),
        ),
      { w: [12, 4], o: [4, 4] },
      { x: [2, 3, 4], y: [2, 3, 4] },
      4 * 4,
    ],
  ])("are all of them with %s", (_, loss, params, data, expected) => {
    expect(directions(loss, params, data)).toEqual({
      kept: expected,
      found: expected,
      described: expected,
    });
  });
});
