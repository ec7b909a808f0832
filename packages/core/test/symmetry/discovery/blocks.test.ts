import {
  describeFound,
  expectKept,
  normals,
  randomized,
  subject,
} from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { flattenFrom, reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import { initMultiHeadAttention, multiHeadAttention } from "../../../src/nn/attention.js";
import { initLinear, linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { batchNorm, initLayerNorm, layerNorm } from "../../../src/nn/norm.js";

const rng = createRng(11);
const float64 = { dtype: "float64" } as const;

describe("What is found in a transformer block", () => {
  const block = {
    embed: initLinear(torchGenerator(1), 3, 6, float64),
    norm: initLayerNorm(6, float64),
    attention: initMultiHeadAttention(torchGenerator(2), 6, float64),
    norm2: initLayerNorm(6, float64),
    up: initLinear(torchGenerator(3), 6, 5, float64),
    down: initLinear(torchGenerator(4), 5, 6, float64),
    last: initLayerNorm(6, float64),
    head: initLinear(torchGenerator(5), 6, 2, float64),
  };
  const s = subject(
    (p, { x, y }) => {
      let h = linear(x, p.embed);
      h = add(h, multiHeadAttention(layerNorm(h, p.norm), p.attention, { heads: 3, causal: true }));
      h = add(h, linear(relu(linear(layerNorm(h, p.norm2), p.up)), p.down));
      return mseLoss(linear(layerNorm(h, p.last), p.head), y);
    },
    randomized(block, rng),
    { x: normals(rng, [2, 4, 3]), y: normals(rng, [2, 4, 2]) },
  );

  it("keeps the loss", () => {
    expectKept(s);
  });

  it("is a linear group for each head's queries and keys, and for its values and outputs", () => {
    const part = (name: string, k: number, view: string) =>
      `p.attention.in_proj_${name}<0:${6 * k}+6>${view}`;
    const [weight, bias] = ["[3,2,6]@1/0", "[3,2]@1/0"];
    expect(s.found.linear.map(describeFound)).toEqual([
      `linear 2 x3: ${part("weight", 0, weight)}+ ${part("weight", 1, weight)}- ${part("bias", 0, bias)}+ ${part("bias", 1, bias)}-`,
      `linear 2 x3: ${part("weight", 2, weight)}+ ${part("bias", 2, bias)}+ p.attention.out_proj.weight[6,3,2]@2/1-`,
    ]);
  });

  it("is a scaling of each normalization against what reads it, and inexactly one of all that the stream adds up", () => {
    const exact = s.found.scalings.filter((g) => g.exact && g.size === 6);
    expect(
      exact.map(({ axes }) => axes.map(({ path, power }) => `${path.slice(2)}^${power}`).join(" ")),
    ).toEqual([
      "norm.weight^1 norm.bias^1 attention.in_proj_weight^-1",
      "norm2.weight^1 norm2.bias^1 up.weight^-1",
      "last.weight^1 last.bias^1 head.weight^-1",
    ]);
    const [stream, ...others] = s.found.scalings.filter((g) => !g.exact);
    expect(others).toEqual([]);
    expect(new Set(stream.axes.map(({ path, power }) => `${path}^${power}`))).toEqual(
      new Set(
        [
          "embed.weight",
          "embed.bias",
          "attention.out_proj.weight",
          "attention.out_proj.bias",
          "down.weight",
          "down.bias",
        ].map((path) => `p.${path}^1`),
      ),
    );
  });

  it("permutes heads", () => {
    const heads = s.found.permutations.find(({ size }) => size === 3);
    expect(heads?.axes).toHaveLength(3 + 3 + 1);
  });
});

describe("What is found in a gated unit", () => {
  it("takes the halves of its weight apart", () => {
    const s = subject(
      (p, { x }) => {
        const both = matmul(x, p.w);
        const [a, b] = [0, 4].map((start) => slice(both, { starts: [0, start], ends: [5, start + 4] }));
        return sum(mul(matmul(mul(a, relu(b)), p.v), 0.5));
      },
      { w: normals(rng, [3, 8]), v: normals(rng, [4, 2]) },
      { x: normals(rng, [5, 3]) },
    );
    expect(s.found.scalings.map(describeFound)).toEqual([
      "scaling 4: p.w<1:0+4>[3,4]@1^1 p.w<1:4+4>[3,4]@1^-1",
      "scaling 4: p.w<1:0+4>[3,4]@1^1 p.v[4,2]@0^-1",
    ]);
    expectKept(s);
  });
});

describe("What is found where values are joined", () => {
  it("gives each piece its part of the next weight", () => {
    const s = subject(
      (p, { x }) => {
        const first = relu(matmul(x, p.w));
        const second = relu(matmul(first, p.u));
        return sum(square(matmul(concat([first, second, x], { axis: 1 }), p.v)));
      },
      { w: normals(rng, [3, 4]), u: normals(rng, [4, 5]), v: normals(rng, [12, 2]) },
      { x: normals(rng, [6, 3]) },
    );
    expect(s.found.scalings.map(describeFound)).toEqual([
      "scaling 4: p.w[3,4]@1^1 p.u[4,5]@0^-1 p.v<0:0+4>[4,2]@0^-1",
      "scaling 5: p.u[4,5]@1^1 p.v<0:4+5>[5,2]@0^-1",
    ]);
    expect(s.found.permutations.map(({ size }) => size)).toEqual([4, 5, 2]);
    expectKept(s);
  });

  it("follows channels through normalization, activation, pooling and flattening", () => {
    const conv = (outputs: number, inputs: number) => normals(rng, [outputs, inputs, 3, 3]);
    const norm = { weight: normals(rng, [5]), bias: normals(rng, [5]) };
    const state = { running_mean: constant(0, "float64"), running_var: constant(1, "float64") };
    const s = subject(
      (p, { x }) => {
        const [a, b] = [relu(conv2d(x, p.a)), relu(conv2d(x, p.b))];
        const h = relu(batchNorm(concat([a, b], { axis: 1 }), p.norm, state, { training: true }).output);
        const pooled = maxPool2d(relu(conv2d(concat([h, a], { axis: 1 }), p.c)), { kernel: 2 });
        return sum(square(matmul(flattenFrom(pooled, 1), p.v)));
      },
      { a: conv(2, 1), b: conv(3, 1), norm, c: conv(4, 7), v: normals(rng, [16, 2]) },
      { x: normals(rng, [2, 1, 8, 8]) },
    );
    const lines = s.found.scalings.map(describeFound);
    expect(lines).toContain(
      "scaling 2: p.norm.weight<0:0+2>[2]@0^1 p.norm.bias<0:0+2>[2]@0^1 p.c<1:0+2>[4,2,3,3]@1^-1",
    );
    expect(lines).toContain(
      "scaling 3: p.norm.weight<0:2+3>[3]@0^1 p.norm.bias<0:2+3>[3]@0^1 p.c<1:2+3>[4,3,3,3]@1^-1",
    );
    expect(s.found.permutations.map(({ size, axes }) => [size, axes.length])).toEqual([
      [2, 5],
      [3, 4],
      [4, 2],
      [2, 1],
    ]);
    expectKept(s);
  });
});

describe("What is found of heads", () => {
  const params = { w: normals(rng, [3, 6]), v: normals(rng, [6, 4]) };
  const withHeads = (apart: (h: Tensor) => Tensor) =>
    subject(
      (p, { x }) => {
        const values = transpose(apart(matmul(x, p.w)), [0, 2, 1, 3]);
        return sum(square(matmul(values, reshape(p.v, [1, 2, 3, 4]))));
      },
      params,
      { x: normals(rng, [2, 5, 3]) },
    );

  it("is the same where a reshape is undone by the next one", () => {
    const direct = withHeads((h) => reshape(h, [2, 5, 2, 3]));
    const joined = withHeads((h) => reshape(reshape(h, [4, 15]), [2, 5, 2, 3]));
    expect(direct.found.linear.map(({ size }) => size)).toEqual([3]);
    expect(joined.found.linear.map(describeFound)).toEqual(direct.found.linear.map(describeFound));
    expectKept(joined);
  });
});
