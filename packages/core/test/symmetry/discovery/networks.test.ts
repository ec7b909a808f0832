import { segnet } from "isoloss-benchmarks";
import {
  changes,
  describeFound,
  expectKept,
  listing,
  normals,
  randomized,
  type Subject,
  subject,
} from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { ndarray } from "../../../src/array.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import type { Activation } from "../../../src/nn/activation.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { lenet } from "../../../src/nn/models/lenet.js";
import { mlp } from "../../../src/nn/models/mlp.js";
import { resnet18 } from "../../../src/nn/models/resnet18.js";
import { vgg6 } from "../../../src/nn/models/vgg6.js";

const rng = createRng(11);
const float64 = { dtype: "float64" } as const;
const labels = (n: number, classes: number) =>
  ndarray(
    BigInt64Array.from({ length: n }, (_, i) => BigInt(i % classes)),
    [n],
  );

function perceptron(activation: Activation, bias = true, dropout = 0): Subject {
  const model = mlp({ sizes: [3, 4, 5, 2], activation, bias, dropout });
  const { params } = model.init(torchGenerator(0), float64);
  return subject(
    (p, { x, y, seed }) => mseLoss(model.apply(p, x, { training: dropout > 0, seed }).output, y),
    randomized(params, rng),
    { x: normals(rng, [6, 3]), y: normals(rng, [6, 2]), seed: ndarray(new BigInt64Array([3n]), []) },
  );
}

const [w0, b0, w1, b1, w2] = [
  "0.weight[4,3]@0",
  "0.bias[4]@0",
  "1.weight[5,4]@1",
  "1.bias[5]@0",
  "2.weight[2,5]@1",
].map((parameterAxis) => `p.layers.${parameterAxis}`);
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

  it("without biases has no axes of biases", () => {
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

  it.each(["relu6", "sigmoid", "softplus", "elu", "gelu", "silu"] as const)(
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

  it("acts: one parameterAxis alone changes the loss", () => {
    const s = perceptron("relu");
    const alone = { ...s.found, scalings: s.found.scalings.map((g) => ({ ...g, axes: g.axes.slice(1) })) };
    for (const { change } of changes({ ...s, found: { ...alone, permutations: [] } })) {
      expect(change).toBeGreaterThan(1e-4);
    }
  });
});

describe("What is found in a convolutional network", () => {
  it("goes through pooling and flattening, which splits the next layer's inputs", () => {
    const model = lenet({ imageSize: [20, 20], channels: [2, 3], hidden: [4], classes: 5 });
    const s = subject(
      (p, { x, y }) => crossEntropy(model.apply(p, x).output, y),
      randomized(model.init(torchGenerator(0), float64).params, rng),
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
    const { params } = model.init(torchGenerator(0), float64);
    const { found } = subject((p, { x, y }) => crossEntropy(model.apply(p, x).output, y), params, {
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
        const { output } = model.apply(p, x);
        return add(mseLoss(output.depth, depth), crossEntropy(output.classes, y, { axis: 1 }));
      },
      randomized(model.init(torchGenerator(0), float64).params, rng),
      {
        x: normals(rng, [2, 1, 8, 8]),
        depth: normals(rng, [2, 1, 8, 8]),
        y: { ...labels(128, 2), shape: [2, 8, 8] },
      },
    );
    expect(s.found.scalings.map(({ axes }) => axes.length)).toEqual([3, 3, 3, 4]);
    expect(s.found.permutations.map(({ axes }) => axes.length)).toEqual([6, 3, 4]);
    expectKept(s);
  });
});

describe("What is found in a residual network with batch normalization", () => {
  const model = resnet18({ width: 2, classes: 3 });
  const { params, state } = model.init(torchGenerator(0), float64);
  const residual = (training: boolean) =>
    subject(
      (p, { x, y, s }) => crossEntropy(model.apply(p, x, { state: s, training }).output, y),
      randomized(params, rng),
      { x: normals(rng, [3, 3, 16, 16]), y: labels(3, 3), s: state as never },
    );

  it("is a scaling for each of 8 inner layers and 4 streams, and inexactly one for each of 20 convolutions", () => {
    const s = residual(true);
    const exact = s.found.scalings.filter((g) => g.exact);
    expect(exact).toHaveLength(8 + 4);
    const inexact = s.found.scalings.filter((g) => !g.exact);
    expect(inexact).toHaveLength(20);
    expect(inexact.every(({ axes }) => axes.length === 1 && axes[0].path.match(/conv|downsample\.0/))).toBe(
      true,
    );
    expect(s.found.permutations).toHaveLength(8 + 4);
    // A convolution and the scale after it: the normalized value is odd in the convolution.
    expect(s.found.signs).toHaveLength(20);
    expectKept(s);
  });

  it("shares one scaling along the stream of a stage", () => {
    const { scalings } = residual(true).found;
    const stem = scalings.find(({ axes }) => axes[0].path === "p.bn1.weight");
    expect(stem?.axes.map(({ path, power }) => `${path}^${power}`)).toEqual([
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
