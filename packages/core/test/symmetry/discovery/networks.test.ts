import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { flattenFrom } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import { Mt19937 } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import type { Activation } from "../../../src/nn/activation.js";
import { initMultiHeadAttention, multiHeadAttention } from "../../../src/nn/attention.js";
import { initLinear, linear } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { lenet } from "../../../src/nn/models/lenet.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { resnet18 } from "../../../src/nn/models/resnet18.js";
import { segnet } from "../../../src/nn/models/segnet.js";
import { vgg6 } from "../../../src/nn/models/vgg6.js";
import { batchNorm, initLayerNorm, layerNorm } from "../../../src/nn/norm.js";
import { changes, describeFound, listing, normals, randomised, type Subject, subject } from "./support.js";

const rng = createRng(11);
const float64 = { dtype: "float64" } as const;
const labels = (n: number, classes: number) =>
  ndarray(
    BigInt64Array.from({ length: n }, (_, i) => BigInt(i % classes)),
    [n],
  );

const expectKept = (s: Subject) => {
  for (const { what, exact, change } of changes(s)) expect(change, what).toBeLessThan(exact ? 1e-10 : 1e-2);
};

function perceptron(activation: Activation, bias = true, dropout = 0): Subject {
  const model = mlp({ sizes: [3, 4, 5, 2], activation, bias, dropout });
  const { params } = model.init(new Mt19937(0), float64);
  return subject(
    (p, { x, y, seed }) => mseLoss(model.apply(p as never, x, { training: dropout > 0, seed }).output, y),
    randomised(params, rng),
    { x: normals(rng, [6, 3]), y: normals(rng, [6, 2]), seed: ndarray(new BigInt64Array([3n]), []) },
  );
}

const [w0, b0, w1, b1, w2] = [
  "0.weight[4,3]@0",
  "0.bias[4]@0",
  "1.weight[5,4]@1",
  "1.bias[5]@0",
  "2.weight[2,5]@1",
].map((leg) => `p.layers.${leg}`);
const w1Out = "p.layers.1.weight[5,4]@0";

describe("What is found in a multilayer perceptron", () => {
  it.each(["relu", "leakyRelu"] as const)(
    "with %s is a scaling and a permutation a hidden layer",
    (activation) => {
      const s = perceptron(activation);
      expect(listing(s.found)).toEqual([
        `scaling 4: ${w0}^1 ${b0}^1 ${w1}^-1`,
        `scaling 5: ${w1Out}^1 ${b1}^1 ${w2}^-1`,
        `permutation 4: ${w0} ${b0} ${w1}`,
        `permutation 5: ${w1Out} ${b1} ${w2}`,
      ]);
      expectKept(s);
    },
  );

  it("without biases has no legs of biases", () => {
    const s = perceptron("relu", false);
    expect(s.found.scalings.map(describeFound)).toEqual([
      `scaling 4: ${w0}^1 ${w1}^-1`,
      `scaling 5: ${w1Out}^1 ${w2}^-1`,
    ]);
    expectKept(s);
  });

  it("with tanh is a flip and a permutation a hidden layer, and no scaling", () => {
    const s = perceptron("tanh");
    expect(listing(s.found)).toEqual([
      `sign 4: ${w0} ${b0} ${w1}`,
      `sign 5: ${w1Out} ${b1} ${w2}`,
      `permutation 4: ${w0} ${b0} ${w1}`,
      `permutation 5: ${w1Out} ${b1} ${w2}`,
    ]);
    expectKept(s);
  });

  it.each(["sigmoid", "softplus", "elu", "gelu", "silu"] as const)(
    "with %s is permutations alone",
    (activation) => {
      const s = perceptron(activation);
      expect(listing(s.found).map((line) => line.split(" ")[0])).toEqual(["permutation", "permutation"]);
      expectKept(s);
    },
  );

  it("without activations is a linear group a hidden layer, biases included", () => {
    const s = perceptron("identity");
    expect(s.found.linear.map(describeFound)).toEqual([
      `linear 4: ${w0}+ ${b0}+ ${w1}-`,
      `linear 5: ${w1Out}+ ${b1}+ ${w2}-`,
    ]);
    expect(s.found.scalings).toHaveLength(2);
    expectKept(s);
  });

  it("with dropout is scalings, but no permutation: the units' masks differ", () => {
    const s = perceptron("relu", true, 0.5);
    expect(s.found.scalings).toHaveLength(2);
    expect(s.found.permutations).toEqual([]);
    expectKept(s);
  });

  it("acts: one leg alone changes the loss", () => {
    const s = perceptron("relu");
    const alone = { ...s.found, scalings: s.found.scalings.map((g) => ({ ...g, legs: g.legs.slice(1) })) };
    for (const { change } of changes({ ...s, found: { ...alone, permutations: [] } })) {
      expect(change).toBeGreaterThan(1e-4);
    }
  });
});

describe("What is found in a convolutional network", () => {
  it("goes through pooling and flattening, which splits the next layer's inputs", () => {
    const model = lenet({ imageSize: [20, 20], channels: [2, 3], hidden: [4], classes: 5 });
    const s = subject(
      (p, { x, y }) => crossEntropy(model.apply(p as never, x).output, y),
      randomised(model.init(new Mt19937(0), float64).params, rng),
      { x: normals(rng, [2, 1, 20, 20]), y: labels(2, 5) },
    );
    expect(s.found.scalings.map(describeFound)).toEqual([
      "scaling 2: p.conv1.weight[2,1,5,5]@0^1 p.conv1.bias[2]@0^1 p.conv2.weight[3,2,5,5]@1^-1",
      // 3 channels of 2 x 2 pixels.
      "scaling 3: p.conv2.weight[3,2,5,5]@0^1 p.conv2.bias[3]@0^1 p.fc.0.weight[4,3,4]@1^-1",
      "scaling 4: p.fc.0.weight[4,12]@0^1 p.fc.0.bias[4]@0^1 p.fc.1.weight[5,4]@1^-1",
    ]);
    expect(s.found.permutations.map(({ size }) => size)).toEqual([2, 3, 4]);
    expectKept(s);
  });

  it("is one scaling and one permutation for each of vgg6's convolutions", () => {
    const model = vgg6({ imageSize: [8, 8] });
    const { params } = model.init(new Mt19937(0), float64);
    const { found } = subject((p, { x, y }) => crossEntropy(model.apply(p as never, x).output, y), params, {
      x: normals(rng, [1, 3, 8, 8]),
      y: labels(1, 10),
    });
    expect(found.scalings.map(({ size }) => size)).toEqual([64, 64, 128, 128, 256, 256]);
    expect(found.permutations.map(({ size }) => size)).toEqual([64, 64, 128, 128, 256, 256]);
    expect([...found.signs, ...found.linear]).toEqual([]);
  });

  it("joins segnet's encoder and decoder, which share places of pooling, in permutations but not in scalings", () => {
    const model = segnet({ inputs: 1, channels: [2, 3], classes: 2 });
    const s = subject(
      (p, { x, depth, y }) => {
        const { output } = model.apply(p as never, x);
        return add(mseLoss(output.depth, depth), crossEntropy(output.classes, y, { axis: 1 }));
      },
      randomised(model.init(new Mt19937(0), float64).params, rng),
      {
        x: normals(rng, [2, 1, 8, 8]),
        depth: normals(rng, [2, 1, 8, 8]),
        y: { ...labels(128, 2), shape: [2, 8, 8] },
      },
    );
    expect(s.found.scalings.map(({ legs }) => legs.length)).toEqual([3, 3, 3, 4]);
    expect(s.found.permutations.map(({ legs }) => legs.length)).toEqual([6, 3, 4]);
    expectKept(s);
  });
});

describe("What is found in a residual network with batch normalisation", () => {
  const model = resnet18({ width: 2, classes: 3 });
  const { params, state } = model.init(new Mt19937(0), float64);
  const residual = (training: boolean) =>
    subject(
      (p, { x, y, s }) => crossEntropy(model.apply(p as never, x, { state: s as never, training }).output, y),
      randomised(params, rng),
      { x: normals(rng, [3, 3, 16, 16]), y: labels(3, 3), s: state as never },
    );

  it("is a scaling for each of 8 inner layers and 4 streams, and inexactly one for each of 20 convolutions", () => {
    const s = residual(true);
    const exact = s.found.scalings.filter((g) => g.exact);
    expect(exact).toHaveLength(8 + 4);
    const inexact = s.found.scalings.filter((g) => !g.exact);
    expect(inexact).toHaveLength(20);
    expect(inexact.every(({ legs }) => legs.length === 1 && legs[0].path.match(/conv|downsample\.0/))).toBe(
      true,
    );
    expect(s.found.permutations).toHaveLength(8 + 4);
    // A convolution and the scale after it: the normalised value is odd in the convolution.
    expect(s.found.signs).toHaveLength(20);
    expectKept(s);
  });

  it("shares one scaling along the stream of a stage", () => {
    const { scalings } = residual(true).found;
    const stem = scalings.find(({ legs }) => legs[0].path === "p.bn1.weight");
    expect(stem?.legs.map(({ path, power }) => `${path}^${power}`)).toEqual([
      ...["p.bn1.weight^1", "p.bn1.bias^1"],
      ...["p.layer1.0.conv1.weight^-1", "p.layer1.0.bn2.weight^1", "p.layer1.0.bn2.bias^1"],
      ...["p.layer1.1.conv1.weight^-1", "p.layer1.1.bn2.weight^1", "p.layer1.1.bn2.bias^1"],
      ...["p.layer2.0.conv1.weight^-1", "p.layer2.0.downsample.0.weight^-1"],
    ]);
  });

  it("is exact alone with running statistics, whose mean holds a convolution to its scale", () => {
    const s = residual(false);
    expect(s.found.scalings.map(({ exact }) => exact)).toEqual(Array(8 + 4).fill(true));
    expect(s.found.signs).toEqual([]);
    expectKept(s);
  });
});

describe("What is found in a transformer block", () => {
  const block = {
    embed: initLinear(new Mt19937(1), 3, 6, float64),
    norm: initLayerNorm(6, float64),
    attention: initMultiHeadAttention(new Mt19937(2), 6, float64),
    norm2: initLayerNorm(6, float64),
    up: initLinear(new Mt19937(3), 6, 5, float64),
    down: initLinear(new Mt19937(4), 5, 6, float64),
    last: initLayerNorm(6, float64),
    head: initLinear(new Mt19937(5), 6, 2, float64),
  };
  const s = subject(
    (p, { x, y }) => {
      let h = linear(x, p.embed);
      h = add(h, multiHeadAttention(layerNorm(h, p.norm), p.attention, { heads: 3, causal: true }));
      h = add(h, linear(relu(linear(layerNorm(h, p.norm2), p.up)), p.down));
      return mseLoss(linear(layerNorm(h, p.last), p.head), y);
    },
    randomised(block, rng),
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

  it("is a scaling of each normalisation against what reads it, and inexactly one of all that the stream adds up", () => {
    const exact = s.found.scalings.filter((g) => g.exact && g.size === 6);
    expect(
      exact.map(({ legs }) => legs.map(({ path, power }) => `${path.slice(2)}^${power}`).join(" ")),
    ).toEqual([
      "norm.weight^1 norm.bias^1 attention.in_proj_weight^-1",
      "norm2.weight^1 norm2.bias^1 up.weight^-1",
      "last.weight^1 last.bias^1 head.weight^-1",
    ]);
    const [stream, ...others] = s.found.scalings.filter((g) => !g.exact);
    expect(others).toEqual([]);
    expect(new Set(stream.legs.map(({ path, power }) => `${path}^${power}`))).toEqual(
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
    expect(heads?.legs).toHaveLength(3 + 3 + 1);
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

  it("follows channels through normalisation, activation, pooling and flattening", () => {
    const conv = (outputs: number, inputs: number) => normals(rng, [outputs, inputs, 3, 3]);
    const norm = { weight: normals(rng, [5]), bias: normals(rng, [5]) };
    const state = { running_mean: constant(0, "float64"), running_var: constant(1, "float64") };
    const s = subject(
      (p, { x }) => {
        const [a, b] = [relu(conv2d(x, p.a)), relu(conv2d(x, p.b))];
        const h = relu(batchNorm(concat([a, b], { axis: 1 }), p.norm, state, { training: true }).output);
        const pooled = maxPool2d(relu(conv2d(concat([h, a], { axis: 1 }), p.c)), { kernel: 2 });
        const both = concat([pooled, slice(h, { ends: [2, 5, 1, 1] })].slice(0, 1), { axis: 1 });
        return sum(square(matmul(flattenFrom(both, 1), p.v)));
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
    expect(s.found.permutations.map(({ size, legs }) => [size, legs.length])).toEqual([
      [2, 5],
      [3, 4],
      [4, 2],
      [2, 1],
    ]);
    expectKept(s);
  });
});
