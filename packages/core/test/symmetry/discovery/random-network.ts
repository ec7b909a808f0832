import { randomized, type Subject, subject } from "isoloss-test-support/symmetry/discovery/support";
import { type NdArray, ndarray } from "../../../src/array.js";
import { add, div, mul } from "../../../src/graph/ops/arithmetic.js";
import { conv2d, convTranspose2d } from "../../../src/graph/ops/conv.js";
import { abs, sqrt, square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { avgPool2d, maxPool2d } from "../../../src/graph/ops/pool.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import { flattenFrom, reshape } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng, type Rng } from "../../../src/math/rng.js";
import { type Activation, activation } from "../../../src/nn/activation.js";
import { multiHeadAttention } from "../../../src/nn/attention.js";
import { linear } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { batchNorm, groupNorm, layerNorm } from "../../../src/nn/norm.js";

const activations: readonly (Activation | "abs" | "square")[] = [
  ...(["relu", "relu", "relu", "leakyRelu", "leakyRelu", "tanh", "tanh", "identity", "identity"] as const),
  ...(["relu6", "sigmoid", "gelu", "elu", "softplus", "silu", "abs", "square"] as const),
];

const pick = <T>(rng: Rng, list: readonly T[]): T => list[rng.int(list.length)];

/** A network in the making: its random choices, and its parameters by name. */
class Builder {
  private count = 0;

  constructor(
    readonly rng: Rng,
    private readonly read: (name: string, shape: readonly number[]) => Tensor,
  ) {}

  /** The first parameter, which a penalty may read, too. */
  first: Tensor | undefined;

  parameter(...shape: number[]): Tensor {
    const made = this.read(`w${this.count++}`, shape);
    this.first ??= made;
    return made;
  }

  activate(h: Tensor): Tensor {
    const name = pick(this.rng, activations);
    if (name === "abs") return abs(h);
    return name === "square" ? square(h) : activation(name, { slope: 0.3 })(h);
  }

  affine(h: Tensor, outputs: number): Tensor {
    const weight = this.parameter(outputs, h.shape[h.rank - 1]);
    return linear(h, { weight, bias: this.rng.int(2) === 0 ? undefined : this.parameter(outputs) });
  }

  norm(shape: number) {
    return { weight: this.parameter(shape), bias: this.parameter(shape) };
  }

  batchNorm(h: Tensor): Tensor {
    const state = { running_mean: constant(0, h.dtype), running_var: constant(1, h.dtype) };
    return batchNorm(h, this.norm(h.shape[1]), state, { training: true }).output;
  }

  /** The next value of [batch, units]. */
  vectors(h: Tensor, earlier: Tensor): Tensor {
    const n = h.shape[1];
    const m = 2 + this.rng.int(4);
    switch (this.rng.int(12)) {
      case 0:
        return add(h, this.affine(this.activate(this.affine(h, m)), n));
      case 1:
        return layerNorm(h, this.norm(n));
      case 2:
        return this.batchNorm(h);
      case 3: {
        const both = this.affine(h, 2 * m);
        const [a, b] = [0, 1].map((k) =>
          slice(both, { starts: [0, k * m], ends: [h.shape[0], (k + 1) * m] }),
        );
        return mul(a, this.activate(b));
      }
      case 4:
        return mul(h, this.parameter(n));
      case 5:
        return mul(this.affine(h, m), this.affine(earlier, m));
      case 6:
        return mul(
          h,
          constant(
            ndarray(
              Float64Array.from({ length: n }, (_, i) => (i % 2) + 0.5),
              [n],
            ),
          ),
        );
      case 7:
        return concat([h, earlier], { axis: 1 });
      case 8: {
        const width = n - (n % 2);
        return width < 2 ? h : this.attention(slice(h, { ends: [h.shape[0], width] }));
      }
      default:
        return this.activate(this.affine(h, m));
    }
  }

  /** A residual stream of [batch, units] after the next block, which reads it normalized by its length. */
  stream(h: Tensor): Tensor {
    const n = h.shape[1];
    const m = 2 + this.rng.int(3);
    const read = rmsNorm(h);
    switch (this.rng.int(4)) {
      case 0:
        return add(h, this.attention(read));
      case 1:
        return add(h, this.affine(mul(this.affine(read, m), this.activate(this.affine(read, m))), n));
      default:
        return add(h, this.affine(this.activate(this.affine(read, m)), n));
    }
  }

  /** Of [batch, units], an even number of units, as two sequences: two heads. */
  attention(h: Tensor): Tensor {
    const width = h.shape[1];
    const parameters = {
      in_proj_weight: this.parameter(3 * width, width),
      in_proj_bias: this.parameter(3 * width),
      out_proj: { weight: this.parameter(width, width) },
    };
    const tokens = reshape(h, [2, h.shape[0] / 2, width]);
    return reshape(multiHeadAttention(tokens, parameters, { heads: 2 }), h.shape);
  }

  /** The next value of [batch, channels, height, width]. */
  images(h: Tensor): Tensor {
    const channels = h.shape[1];
    const m = 2 * (1 + this.rng.int(2));
    const bias = () => reshape(this.parameter(m), [1, m, 1, 1]);
    switch (this.rng.int(10)) {
      case 0:
        return h.shape[2] > 3 ? maxPool2d(h, { kernel: 2 }) : h;
      case 1:
        return h.shape[2] > 3 ? avgPool2d(h, { kernel: 2 }) : h;
      case 2:
        return this.batchNorm(h);
      case 3:
        return channels % 2 === 0 ? groupNorm(h, this.norm(channels), { groups: 2 }) : h;
      case 4:
        return conv2d(h, this.parameter(2 * channels, 1, 3, 3), { groups: channels, padding: 1 });
      case 5: {
        const inner = this.activate(conv2d(h, this.parameter(m, channels, 3, 3), { padding: 1 }));
        return add(h, conv2d(inner, this.parameter(channels, m, 1, 1)));
      }
      case 6:
        return channels % 2 === 0
          ? convTranspose2d(h, this.parameter(channels, 2, 3, 3), { padding: 1, groups: 2 })
          : h;
      case 7:
        return concat([h, this.activate(conv2d(h, this.parameter(m, channels, 1, 1)))], { axis: 1 });
      case 8:
        return avgPool2d(h, { kernel: 3, stride: 1, padding: 1, countPadding: this.rng.int(2) === 0 });
      default:
        return this.activate(add(conv2d(h, this.parameter(m, channels, 3, 3), { padding: 1 }), bias()));
    }
  }
}

/** x / sqrt(mean x^2 + epsilon) */
export const rmsNorm = (x: Tensor): Tensor =>
  div(x, sqrt(add(mean(square(x), { axes: [x.rank - 1], keepDims: true }), 1e-6)));

const batch = 4;
const side = 4;

export type NetworkKind = "vectors" | "images" | "attention" | "stream";

/**
 * Random network number `seed`, with random data: a few blocks for vectors or images and a loss; `attention` begins with
 * attention, whose two heads have two units or more; `stream` is a transformer with normalizations by length before its
 * blocks.
 */
export function randomNetwork(
  seed: number,
  kind: NetworkKind = seed % 3 === 0 ? "images" : "vectors",
): Subject {
  const isImage = kind === "images";
  const classes = 3;
  const loss = (
    read: (name: string, shape: readonly number[]) => Tensor,
    { x, y, labels }: { x: Tensor; y: Tensor; labels: Tensor },
  ): Tensor => {
    const b = new Builder(createRng(seed), read);
    let [h, earlier] = [x, x];
    if (kind === "stream") h = b.affine(x, 4 + 2 * b.rng.int(2));
    if (kind === "attention") h = b.attention(b.affine(x, 4 + 2 * b.rng.int(3)));
    const depth = 2 + b.rng.int(4);
    for (let k = 0; k < depth; k++) {
      const next = isImage ? b.images(h) : kind === "stream" ? b.stream(h) : b.vectors(h, earlier);
      [h, earlier] = [next, h];
    }
    if (isImage) h = b.rng.int(2) === 0 ? flattenFrom(h, 1) : mean(h, { axes: [2, 3] });
    const output = b.affine(kind === "stream" ? rmsNorm(h) : h, classes);
    const fit = b.rng.int(2) === 0 ? mseLoss(output, y) : crossEntropy(output, labels);
    return b.first && b.rng.int(4) === 0 ? add(fit, mul(0.01, sum(square(b.first)))) : fit;
  };
  const rng = createRng(seed).fork("values");
  const drawn: Record<string, NdArray> = {};
  const numbers = (...shape: number[]): NdArray =>
    randomized([{ shape, data: new Float64Array(shape.reduce((a, n) => a * n, 1)) }], rng)[0];
  const data = {
    x: isImage ? numbers(batch, 2, side, side) : numbers(batch, 3),
    y: numbers(batch, classes),
    labels: ndarray(BigInt64Array.from([0n, 2n, 1n, 2n]), [batch]),
  };
  // A first run tells which parameters there are.
  const draw = (name: string, shape: readonly number[]): Tensor => {
    drawn[name] ??= numbers(...shape);
    return constant(drawn[name]);
  };
  loss(draw, { x: constant(data.x), y: constant(data.y), labels: constant(data.labels) });
  return subject((p, d) => loss((name) => (p as Record<string, Tensor>)[name], d), drawn, data);
}
