import { attentionSegnet } from "isoloss-benchmarks";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { flattenFrom } from "../../../src/graph/ops/reshape.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import { convLayer } from "../../../src/nn/conv.js";
import { linear } from "../../../src/nn/linear.js";
import { multiConvnet } from "../../../src/nn/models/multi-convnet.js";
import { multiLenet } from "../../../src/nn/models/multi-lenet.js";
import { multiMlp } from "../../../src/nn/models/multi-mlp.js";
import { multiResnet18 } from "../../../src/nn/models/multi-resnet18.js";
import { jit } from "../../../src/runtime/jit.js";
import { namedArrays } from "../../../src/tree.js";

const model = multiLenet({ heads: { left: 10, right: 3 } });
const params = model.init(torchGenerator(0), { dtype: "float64" });
const rng = createRng(1);
const x: NdArray = { shape: [2, 1, 28, 28], data: Float64Array.from({ length: 2 * 784 }, () => rng.next()) };
type Run = (...args: unknown[]) => Promise<Record<string, NdArray>>;
const compile = async (f: unknown, args: unknown[], options = {}) =>
  (await jit(f as never, args, options)) as unknown as Run;
const numbers = (a: NdArray) => Array.from(a.data as Float64Array);

describe("LeNet as a trunk", () => {
  it("has the parameters of the published model: 21330 shared, 3060 for a head of 10 classes", () => {
    const sizes = Object.entries(namedArrays(params)).map(
      ([path, a]) => [path.split(".").slice(0, 2).join("."), a.data.length] as const,
    );
    const total = (part: string) => sizes.filter(([p]) => p.startsWith(part)).reduce((s, [, n]) => s + n, 0);
    expect([total("shared"), total("heads.left"), total("heads.right")]).toEqual([21330, 3060, 2703]);
  });

  it("is its layers one after another, in evaluation", async () => {
    const f = await compile((p: typeof params, v: never) => model.apply(p as never, v, {}), [params, x]);
    const plain = await compile(
      ({ shared: { conv1, conv2, fc }, heads: { left } }: TensorsOf<typeof params>, v: Tensor) => {
        const a = relu(maxPool2d(convLayer(v, conv1), { kernel: 2 }));
        const b = maxPool2d(relu(convLayer(a, conv2)), { kernel: 2 });
        const z = relu(linear(flattenFrom(b, 1), fc));
        return { left: linear(relu(linear(z, left.fc1)), left.fc2) };
      },
      [params, x],
    );
    const [got, want] = [await f(params, x), await plain(params, x)];
    expect(got.left.shape).toEqual([2, 10]);
    expect(got.right.shape).toEqual([2, 3]);
    expect(numbers(got.left)).toEqual(numbers(want.left).map((v) => expect.closeTo(v, 12)));
  });

  it("draws its dropout from the seed in training", async () => {
    const train = await compile(
      (p: typeof params, v: never, seed: never) => {
        const context = { training: true, seed };
        return model.apply(p as never, v, context);
      },
      [params, x, spec([], "int64")],
    );
    const at = (seed: bigint) => train(params, x, { shape: [], data: BigInt64Array.of(seed) });
    const [first, again, other] = [await at(1n), await at(1n), await at(2n)];
    expect(numbers(again.left)).toEqual(numbers(first.left));
    expect(numbers(other.left)).not.toEqual(numbers(first.left));
  });

  it("drops whole channels before the second pooling, and doubles the others", async () => {
    // As wide as the pooled channels, with a last layer that copies them.
    const wide = multiLenet({ heads: { one: 1 }, features: 320 });
    const drawn = wide.init(torchGenerator(0), { dtype: "float64" });
    const weight = {
      shape: [320, 320],
      data: Float64Array.from({ length: 320 * 320 }, (_, i) => +(i % 321 === 0)),
    };
    const shared = { ...drawn.shared, fc: { weight, bias: { shape: [320], data: new Float64Array(320) } } };
    const f = await compile(
      (p: never, v: never, seed: never) => ({
        trained: wide.trunk(p, v, { training: true, seed }),
        plain: wide.trunk(p, v, {}),
      }),
      [shared, x, spec([], "int64")],
    );
    const { trained, plain } = await f(shared, x, { shape: [], data: BigInt64Array.of(5n) });
    const kept: boolean[] = [];
    for (let at = 0; at < 640; at += 16) {
      const [got, whole] = [trained, plain].map((z) => numbers(z).slice(at, at + 16));
      const isKept = got.some((v) => v !== 0);
      if (whole.some((v) => v > 0)) kept.push(isKept);
      expect(got).toEqual(whole.map((v) => (isKept ? expect.closeTo(2 * v, 12) : 0)));
    }
    expect(new Set(kept).size).toBe(2);
  });

  it("goes on from a representation that is given", async () => {
    const f = await compile(
      (p: typeof params, v: never) => {
        const z = model.trunk(p.shared as never, v, {});
        return {
          a: model.apply(p as never, v, { representation: z }).left,
          b: model.apply(p as never, v, {}).left,
        };
      },
      [params, x],
    );
    const { a, b } = await f(params, x);
    expect(numbers(a)).toEqual(numbers(b));
  });
});

describe("a multilayer perceptron as a trunk", () => {
  it("has an activation after every shared layer and a linear head a task", async () => {
    const mlp = multiMlp({ sizes: [4, 3, 2], heads: { even: 1, prime: 2 }, activation: "tanh" });
    const p = mlp.init(torchGenerator(0), { dtype: "float64" });
    const v: NdArray = { shape: [1, 4], data: Float64Array.of(0.5, -1, 2, 0.25) };
    const f = await compile((q: typeof p, u: never) => mlp.apply(q as never, u, {}), [p, v]);
    const affine = ({ weight, bias }: { weight: NdArray; bias?: NdArray }, h: number[]) =>
      Array.from({ length: weight.shape[0] }, (_, o) =>
        h.reduce((s, y, i) => s + y * Number(weight.data[o * h.length + i]), Number(bias?.data[o])),
      );
    const z = p.shared.layers.reduce((h, layer) => affine(layer, h).map(Math.tanh), numbers(v));
    const { even, prime } = await f(p, v);
    expect(numbers(even)).toEqual(affine(p.heads.even, z).map((y) => expect.closeTo(y, 13)));
    expect(numbers(prime)).toEqual(affine(p.heads.prime, z).map((y) => expect.closeTo(y, 13)));
  });

  it("needs an input and a representation", () => {
    expect(() => multiMlp({ sizes: [4], heads: {} })).toThrow("a list of 2 or more, each an integer >= 1");
  });
});

const sizes = [4, 3];
it.each([
  ["multiLenet", (heads: never) => multiLenet({ heads })],
  ["multiMlp", (heads: never) => multiMlp({ sizes, heads })],
  ["multiConvnet", (heads: never) => multiConvnet({ heads })],
  ["multiResnet18", (heads: never) => multiResnet18({ heads })],
  ["attentionSegnet", (heads: never) => attentionSegnet({ heads })],
])("%s refuses heads that are no sizes by name", (name, make) => {
  for (const heads of [{}, { a: 0 }, { a: 2.5 }, { a: 3, b: "3" }, [3], null]) {
    expect(() => make(heads as never)).toThrow(
      new RegExp(`^${name}: heads must be the .* of each task by its name, integers >= 1; got `),
    );
  }
});

it("models without state are evaluated without a context", () => {
  const [lenet, mlp] = [multiLenet({ heads: { a: 2 } }), multiMlp({ sizes: [784, 3], heads: { a: 2 } })];
  const rng = torchGenerator(0);
  const x = spec([5, 1, 28, 28]);
  for (const { graph } of [
    trace((p, t) => lenet.apply(p, t), [lenet.init(rng), x]),
    trace((p, t) => mlp.apply(p, t), [mlp.init(rng), x]),
  ]) {
    expect(graph.outputs.map(({ tensor }) => tensor.shape)).toEqual([[5, 2]]);
  }
});
