import fc from "fast-check";
import { range, uniform } from "isoloss-test-support/graph/ops/op-case";
import { dot, grad, valueAndGrad } from "../../src/graph/autodiff.js";
import type { Graph } from "../../src/graph/graph.js";
import { elu, gelu, leakyRelu, relu, sigmoid, softplus } from "../../src/graph/ops/activation.js";
import { add, div, mul, sub } from "../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../src/graph/ops/conv.js";
import { sin, sqrt, square, tanh } from "../../src/graph/ops/elementary.js";
import { gather } from "../../src/graph/ops/gather.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { avgPool2d, maxPool2d } from "../../src/graph/ops/pool.js";
import { mean, sum, variance } from "../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../src/graph/ops/reshape.js";
import { logSoftmax, softmax } from "../../src/graph/ops/softmax.js";
import { simplify } from "../../src/graph/simplify.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import type { Values } from "../../src/runtime/executable.js";
import { settings } from "../graph/ops/op-table.js";

/** A network: the shapes of its parameters and its loss. */
interface Network {
  readonly label: string;
  readonly shapes: readonly (readonly number[])[];
  loss(parameters: readonly Tensor[]): Tensor;
}

const activations = {
  relu,
  leakyRelu: (x: Tensor) => leakyRelu(x, 0.1),
  sigmoid,
  tanh,
  softplus,
  elu: (x: Tensor) => elu(x, 1.3),
  gelu: (x: Tensor) => gelu(x),
  geluTanh: (x: Tensor) => gelu(x, { approximate: "tanh" }),
  sin,
};

type Activation = keyof typeof activations;

const activation = fc.constantFrom(...(Object.keys(activations) as Activation[]));

/** Inputs are parameters too, so that every derivative is looked at. */
const layer = (x: Tensor, w: Tensor, b: Tensor): Tensor => add(matmul(x, w), b);

/** Subtracts the mean and divides by the root of the variance over some axes. */
function normalize(x: Tensor, axes: number[]): Tensor {
  const centered = sub(x, mean(x, { axes, keepDims: true }));
  return div(centered, sqrt(add(variance(x, { axes, keepDims: true }), 0.1)));
}

const labelsFor = (x: Tensor): Tensor => softmax(mul(3, x));

/** Cross-entropy against soft labels. */
const crossEntropy = (logits: Tensor, target: Tensor): Tensor =>
  mul(-1 / logits.shape[0], sum(mul(labelsFor(target), logSoftmax(logits))));

const mlp = fc
  .record({
    batch: fc.constantFrom(1, 3),
    widths: fc.array(fc.constantFrom(1, 2, 5), { minLength: 2, maxLength: 4 }),
    activation,
  })
  .map(
    ({ batch, widths, activation }): Network => ({
      label: `MLP ${widths} batch ${batch} ${activation}`,
      shapes: [
        [batch, widths[0]],
        [batch, widths[widths.length - 1]],
        ...widths.slice(1).flatMap((n, l) => [[widths[l], n], [n]]),
      ],
      loss([x, y, ...weights]) {
        const layers = range(widths.length - 1);
        const output = layers.reduce((h, l) => {
          const z = layer(h, weights[2 * l], weights[2 * l + 1]);
          return l + 1 < layers.length ? activations[activation](z) : z;
        }, x);
        return mean(square(sub(output, y)));
      },
    }),
  );

const convnet = fc
  .record({
    batch: fc.constantFrom(1, 2),
    channels: fc.constantFrom(1, 3),
    stride: fc.constantFrom(1, 2),
    padding: fc.constantFrom(0, 1),
    pool: fc.constantFrom("max", "overlapping max", "average"),
    activation,
  })
  .map(
    ({ batch, channels, stride, padding, pool, activation }): Network => ({
      label: `convnet batch ${batch} channels ${channels} stride ${stride} padding ${padding} ${pool} ${activation}`,
      shapes: [[batch, 2, 6, 6], [channels, 2, 3, 3], [channels], [2, channels, 2, 2], [2]],
      loss([x, w1, b1, w2, b2]) {
        const first = add(conv2d(x, w1, { stride, padding }), reshape(b1, [channels, 1, 1]));
        const hidden = activations[activation](first);
        const pooled =
          pool === "average"
            ? avgPool2d(hidden, { kernel: 2 })
            : maxPool2d(hidden, { kernel: 2, stride: pool === "max" ? 2 : 1 });
        const second = add(conv2d(pooled, w2, { padding: 1 }), reshape(b2, [1, 2, 1, 1]));
        return crossEntropy(mean(second, { axes: [2, 3] }), mul(0.1, mean(x, { axes: [2, 3] })));
      },
    }),
  );

const layerNorm = fc.record({ batch: fc.constantFrom(1, 3), width: fc.constantFrom(2, 5), activation }).map(
  ({ batch, width, activation }): Network => ({
    label: `layer norm batch ${batch} width ${width} ${activation}`,
    shapes: [[batch, 3], [3, width], [width], [width], [width], [width, 2], [2]],
    loss([x, w1, b1, gain, shift, w2, b2]) {
      const scaled = add(mul(gain, normalize(layer(x, w1, b1), [-1])), shift);
      return mean(square(layer(activations[activation](scaled), w2, b2)));
    },
  }),
);

const batchNorm = fc
  .record({ batch: fc.constantFrom(2, 3), channels: fc.constantFrom(1, 3), activation })
  .map(
    ({ batch, channels, activation }): Network => ({
      label: `batch norm batch ${batch} channels ${channels} ${activation}`,
      shapes: [
        [batch, 2, 4, 4],
        [channels, 2, 3, 3],
        [channels, 1, 1],
        [channels, 1, 1],
        [channels * 4, 3],
      ],
      loss([x, w, gain, shift, head]) {
        const normalized = add(mul(gain, normalize(conv2d(x, w, { padding: 1 }), [0, 2, 3])), shift);
        const pooled = maxPool2d(activations[activation](normalized), { kernel: 2 });
        return sum(square(matmul(reshape(pooled, [batch, channels * 4]), head)));
      },
    }),
  );

const attention = fc
  .record({
    batch: fc.constantFrom(1, 2),
    length: fc.constantFrom(1, 3),
    heads: fc.constantFrom(1, 2),
    width: fc.constantFrom(1, 3),
  })
  .map(
    ({ batch, length, heads, width }): Network => ({
      label: `attention batch ${batch} length ${length} heads ${heads} width ${width}`,
      shapes: [[batch, length, 4], ...range(3).map(() => [4, heads * width]), [heads * width, 2], [5, 2]],
      loss([x, wq, wk, wv, wo, table]) {
        const split = (w: Tensor) =>
          transpose(reshape(matmul(x, w), [batch, length, heads, width]), [0, 2, 1, 3]);
        const scores = mul(1 / Math.sqrt(width), matmul(split(wq), split(wk), { transposeB: true }));
        const mixed = transpose(matmul(softmax(scores), split(wv)), [0, 2, 1, 3]);
        const output = matmul(reshape(mixed, [batch, length, heads * width]), wo);
        const tokens = {
          shape: [batch, length],
          data: BigInt64Array.from(range(batch * length), (i) => BigInt((3 * i) % 5)),
        };
        return mean(square(sub(output, gather(table, constant(tokens)))));
      },
    }),
  );

export const networks = { MLP: mlp, convnet, "layer norm": layerNorm, "batch norm": batchNorm, attention };

/** Loss, gradient g, slope <g, v>, and the gradient of ||g||^2 with its slope along v. */
export function graphOf({ shapes, loss }: Network, dtype: "float32" | "float64"): Graph {
  const types = shapes.map((shape) => spec(shape, dtype));
  const { graph } = trace(
    ({ p, v }) => {
      const [value, gradient] = valueAndGrad(loss)(p);
      const [squared, second] = valueAndGrad((q: readonly Tensor[]) => {
        const g = grad(loss)(q);
        return dot(g, g);
      })(p);
      return { value, gradient, slope: dot(gradient, v), squared, second, secondSlope: dot(second, v) };
    },
    { p: types as readonly ReturnType<typeof spec>[], v: types },
  );
  return simplify(graph);
}

export const valuesOf = ({ shapes }: Network, seed: number): Values =>
  Object.fromEntries(
    shapes.flatMap((shape, k) => [
      [`p.${k}`, uniform(seed + k, shape, -1, 1)],
      [`v.${k}`, uniform(seed + 100 + k, shape, -1, 1)],
    ]),
  );

export const check = async (
  cases: fc.Arbitrary<Network>,
  runs: number,
  property: (n: Network, seed: number) => Promise<void>,
) => {
  const labeled = cases.map((n) => ({ ...n, [fc.toStringMethod]: () => n.label }));
  await fc.assert(fc.asyncProperty(labeled, fc.nat(1e6), property), settings(runs));
};
