import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { grad } from "../../../src/graph/autodiff.js";
import type { Graph } from "../../../src/graph/graph.js";
import { sigmoid } from "../../../src/graph/ops/activation.js";
import { add, cast, div, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { sqrt, square, tanh } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { mean, sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { slice } from "../../../src/graph/ops/slice.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { batchNorm } from "../../../src/nn/norm.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { type Tile, toLast, toPlain } from "../../../src/runtime/onnx/batch-last/layout.js";
import { emitModel } from "../../../src/runtime/onnx/emit.js";
import { compileOnnx } from "../../../src/runtime/onnx/executable.js";
import { expectSame } from "../expect-same.js";
import { relativeError } from "../relative-error.js";
import {
  type Case,
  derivatives,
  expectEqual,
  inputsOf,
  layer,
  noise,
  type Params,
  tolerance,
  typesOf,
} from "./batch-last-support.js";

const none = [0, 0, 0, 0] as const;

const cases: readonly Case[] = [
  { x: [8, 1, 12, 12], w: [5, 1, 5, 5], tile: [2, 2], padding: none },
  { x: [9, 3, 8, 6], w: [4, 3, 3, 3], tile: [2, 2], padding: [1, 1, 1, 1] },
  { x: [8, 2, 10, 12], w: [5, 2, 3, 5], tile: [2, 2], padding: [0, 2, 2, 0] },
  { x: [8, 2, 9, 9], w: [3, 2, 4, 4], tile: [3, 3], padding: none },
  { x: [8, 2, 9, 8], w: [3, 2, 4, 3], tile: [3, 2], padding: [0, 1, 0, 1] },
  { x: [8, 1, 8, 12], w: [4, 1, 3, 5], tile: [2, 4], padding: none },
  // In two and four parts.
  { x: [64, 2, 6, 8], w: [3, 2, 3, 3], tile: [2, 2], padding: [1, 1, 1, 1] },
  { x: [128, 1, 8, 6], w: [4, 1, 5, 3], tile: [2, 2], padding: none },
];

describe("pooled convolutions with the batch as the last axis", () => {
  it.each(sampledRows(cases))("equal the JavaScript runtime's, with their derivatives: %j", async (given) => {
    const graph = derivatives(given.x, given.w, ({ x, w, b }) => sum(tanh(layer(x, w, b, given))));
    await expectEqual(graph, inputsOf(given));
  });

  it("follow through a normalization and an activation before the pooling", async () => {
    const given = { x: [8, 2, 10, 10], w: [4, 2, 3, 3] };
    const normalized = ({ x, w, b }: Params) => {
      const y = conv2d(x, w);
      const options = { axes: [0, 2, 3], keepDims: true };
      const centered = sub(y, mean(y, options));
      const scaled = div(centered, sqrt(add(mean(square(centered), options), 1e-3)));
      return maxPool2d(sigmoid(mul(scaled, reshape(b, [4, 1, 1]))), { kernel: 2 });
    };
    await expectEqual(
      derivatives(given.x, given.w, (p) => sum(square(normalized(p)))),
      inputsOf(given),
    );
  });

  it.each([8, 64, 128])(
    "follow through batch norm in training, which subtracts the first value of each channel: %i images",
    async (n) => {
      const given = { x: [n, 2, 10, 10], w: [4, 2, 3, 3] };
      const ones = constant({ shape: [4], data: Float32Array.of(1, 1, 1, 1) });
      const running = { running_mean: ones, running_var: ones };
      const loss = ({ x, w, b }: Params) => {
        const y = conv2d(x, w);
        const { output } = batchNorm(y, { weight: b, bias: b }, running, { training: true });
        return {
          loss: sum(square(maxPool2d(output, { kernel: 2 }))),
          first: slice(y, { ends: [1, 4, 1, 1] }),
        };
      };
      const graph = simplify(
        trace((p) => ({ first: loss(p).first, slope: grad((q: Params) => loss(q).loss)(p) }), {
          x: spec(given.x),
          w: spec(given.w),
          b: spec([4]),
        }).graph,
      );
      await expectEqual(graph, inputsOf(given));
      await expectEqual(
        derivatives(given.x, given.w, (p) => loss(p).loss),
        inputsOf(given),
      );
    },
  );

  it("choose the first of equal places", async () => {
    const given = { x: [8, 2, 8, 8], w: [4, 2, 3, 3] };
    const rounded = (a: NdArray): NdArray => ({
      ...a,
      data: Float32Array.from(a.data as Float32Array, Math.round),
    });
    const inputs = Object.fromEntries(Object.entries(inputsOf(given)).map(([name, a]) => [name, rounded(a)]));
    const weights = Float32Array.from({ length: 8 * 4 * 9 }, (_, i) => 1 + (i % 7));
    const loss = ({ x, w, b }: Params) => {
      const y = layer(x, w, b, { tile: [2, 2], padding: none });
      return sum(mul(y, constant({ shape: y.shape, data: weights })));
    };
    const f = (x: Tensor, w: Tensor, b: Tensor) => grad(loss)({ x, w, b });
    const graph = simplify(
      trace(({ x, w, b }) => f(x, w, b), { x: spec(given.x), w: spec(given.w), b: spec([4]) }).graph,
    );
    const executable = await compileOnnx(graph, { provider: "cpu" });
    const actual = await executable.run(inputs);
    await executable.dispose();
    const expected = compileJavaScript(graph).runSync(inputs);
    for (const name of ["x", "w", "b"]) expect(actual[name].data, name).toEqual(expected[name].data);
  });

  it("meet plain images on the way back", async () => {
    const given = { x: [64, 2, 8, 8], w: [4, 2, 3, 3] };
    const f = ({ x, w, b, e }: Record<"x" | "w" | "b" | "e", Tensor>) => {
      const y = add(conv2d(x, w), reshape(b, [4, 1, 1]));
      const sensitivity = grad((q: Tensor) => sum(tanh(maxPool2d(q, { kernel: 2 }))))(y);
      return sum(mul(e, sensitivity), { axes: [0, 2, 3] });
    };
    for (const shape of [[64, 4, 6, 6], [64, 1, 1, 1], [6, 6], [4, 1, 1], [1]]) {
      const { graph } = trace(f, { x: spec(given.x), w: spec(given.w), b: spec([4]), e: spec(shape) });
      await expectEqual(simplify(graph), { ...inputsOf(given), e: noise(4, shape) });
    }
  });

  it.each<Tile>([
    [1, 1],
    [2, 3],
  ])("come back as they were from tiles of %i x %i", (...tile) => {
    const shape = [64, 3, 4, 6];
    const { graph } = trace(({ x }) => toPlain(toLast(x, tile), shape, tile), { x: spec(shape) });
    const x = noise(1, shape);
    expect(compileJavaScript(graph).runSync({ x }).result.data).toEqual(x.data);
  });

  it("let a pixel that is infinite spoil the tile whose window it is in, and no other", async () => {
    const f = (x: Tensor, w: Tensor) => ({
      pooled: maxPool2d(conv2d(x, w), { kernel: 2 }),
      gradient: grad((q: Tensor) => sum(maxPool2d(conv2d(x, q), { kernel: 2 })))(w),
    });
    const shapes = { x: [8, 1, 12, 12], w: [5, 1, 5, 5] };
    const { graph } = trace(({ x, w }) => f(x, w), { x: spec(shapes.x), w: spec(shapes.w) });
    const { x, w } = inputsOf(shapes);
    (x.data as Float32Array)[0] = Infinity;
    const expected = compileJavaScript(simplify(graph)).runSync({ x, w }).pooled;
    const executable = await compileOnnx(simplify(graph), { provider: "cpu" });
    const { pooled } = await executable.run({ x, w });
    await executable.dispose();
    // The first tile of the first image, in each channel.
    const isSpoilt = (i: number) => i < 5 * 16 && i % 16 === 0;
    pooled.data.forEach((value, i) => {
      if (isSpoilt(i)) expect(value).not.toSatisfy(Number.isFinite);
      else expect(value).toBeCloseTo(Number(expected.data[i]), 5);
    });
  });

  it("are pooled again, also by leaving places out", async () => {
    const given = { x: [8, 1, 12, 12], w: [5, 1, 5, 5] };
    const pools = ({ x, w, b }: Params) =>
      maxPool2d(layer(x, w, b, { tile: [2, 2], padding: none }), { kernel: 1, stride: 2 });
    const graph = derivatives(given.x, given.w, (p) => sum(tanh(pools(p))));
    await expectSame(graph, inputsOf(given), tolerance);
  });

  it("run in a loop of steps", async () => {
    const given = cases[1];
    const step = (w: Tensor, x: Tensor, b: Tensor) => {
      const loss = (q: Tensor) => sum(tanh(layer(x, q, b, given)));
      return { w: sub(w, mul(0.01, grad(loss)(w))), loss: loss(w) };
    };
    const { graph } = trace(({ w, x, b }) => step(w, x, b), {
      w: spec(given.w),
      x: spec(given.x),
      b: spec([4]),
    });
    const options = { scan: { carry: { w: "w" } } };
    const simple = simplify(graph);
    const runs = await Promise.all([
      compileJavaScript(simple, options),
      compileOnnx(simple, { ...options, provider: "cpu" }),
    ]);
    const [expected, actual] = await Promise.all(runs.map((run) => run.run(inputsOf(given), { steps: 3 })));
    expect(relativeError(expected.w, actual.w)).toBeLessThan(1e-5);
    expect(relativeError(expected.loss, actual.loss)).toBeLessThan(1e-5);
    await Promise.all(runs.map((run) => run.dispose()));
  });

  describe.each([cases[0], cases[6]])("with gradients of several losses", (given) => {
    const losses = ({ x, w, b }: Params, count: number) => {
      const y = layer(x, w, b, given);
      return Array.from({ length: count }, (_, k) => sum(tanh(mul(k + 1, y))));
    };
    const traced = (f: (x: Tensor, w: Tensor, b: Tensor) => unknown) =>
      simplify(
        trace(({ x, w, b }) => f(x, w, b), { x: spec(given.x), w: spec(given.w), b: spec([given.w[0]]) })
          .graph,
      );
    const gradients = (count: number) =>
      traced((x, w, b) =>
        Array.from({ length: count }, (_, k) => grad((q: Tensor) => losses({ x, w: q, b }, count)[k])(w)),
      );

    it("multiply them with the columns of the image at once", async () => {
      await expectEqual(gradients(3), inputsOf(given));
      const products = (count: number) =>
        typesOf(gradients(count)).filter((type) => /Gemm|MatMul/.test(type)).length;
      // What one more loss adds is the sum over the copies of its kernel.
      expect(products(3) - products(2)).toBe(1);
    });

    const gradientOf = (x: Tensor, w: Tensor, b: Tensor, f: (y: Tensor) => Tensor) =>
      grad((q: Tensor) => f(layer(x, q, b, given)))(w);
    const smooth = (y: Tensor) => sum(tanh(y));

    it("do so for numbers and vectors of channels as gradients", async () => {
      const graph = traced((x, w, b) => [
        gradientOf(x, w, b, (y) => mul(sum(b), sum(y))),
        gradientOf(x, w, b, (y) => mul(sum(w), sum(y))),
        gradientOf(x, w, b, (y) => sum(mul(reshape(b, [-1, 1, 1]), y))),
      ]);
      await expectEqual(graph, inputsOf(given));
    });

    it("do not do so for different kernels, nor activations", async () => {
      const graph = traced((x, w, b) => [
        gradientOf(x, w, b, smooth),
        gradientOf(x, mul(2, square(w)), b, smooth),
        grad((q: Tensor) =>
          smooth(
            maxPool2d(sigmoid(mul(-1, conv2d(x, q, { padding: given.padding }))), { kernel: given.tile }),
          ),
        )(w),
      ]);
      await expectEqual(graph, inputsOf(given));
    });

    it("do not do so where one comes from another", async () => {
      const graph = traced((x, w, b) => {
        const first = sub(w, mul(0.01, gradientOf(x, w, b, smooth)));
        return { first, second: sub(first, mul(0.01, gradientOf(x, first, b, smooth))) };
      });
      await expectEqual(graph, inputsOf(given));
    });

    it("do not wait for each other", async () => {
      const graph = traced((x, w, b) => {
        const [u, v] = [w, square(w)];
        const [a1, b1] = [gradientOf(x, u, b, smooth), gradientOf(mul(2, x), v, b, smooth)];
        const a2 = gradientOf(x, u, b, (y) => smooth(mul(mul(1e-3, sum(b1)), y)));
        const b2 = gradientOf(mul(2, x), v, b, (y) => smooth(mul(mul(1e-3, sum(a1)), y)));
        return [a1, b1, a2, b2];
      });
      await expectEqual(graph, inputsOf(given));
    });

    it("may be deep", () => {
      const chain = (y: Tensor) => {
        let z = y;
        for (let k = 0; k < 4000; k++) z = tanh(add(z, 0.1));
        return sum(z);
      };
      const graph = traced((x, w, b) => [gradientOf(x, w, b, smooth), gradientOf(x, w, b, chain)]);
      expect(typesOf(graph).length).toBeGreaterThan(8000);
    });
  });

  describe("stay as they are", () => {
    const convolves = (graph: Graph, options = { batchLast: true }) =>
      emitModel(graph, options).graph.nodes.some(({ opType }) => opType === "Conv");
    const traced = (
      { x, w }: Pick<Case, "x" | "w">,
      f: (x: Tensor, w: Tensor) => unknown,
      dtype: "float32" | "float64" = "float32",
    ) => simplify(trace(f, [spec(x, dtype), spec(w, dtype)]).graph);
    const gradient = (x: Tensor, w: Tensor) =>
      grad((q: Tensor) => sum(tanh(maxPool2d(conv2d(x, q), { kernel: 2 }))))(w);
    const small = { x: [8, 1, 12, 12], w: [5, 1, 5, 5] };

    it("in few images, in many channels, in float64 and in portable files", () => {
      expect(convolves(traced(small, gradient))).toBe(false);
      expect(convolves(traced({ ...small, x: [7, 1, 12, 12] }, gradient))).toBe(true);
      expect(convolves(traced({ x: [8, 40, 8, 8], w: [40, 40, 3, 3] }, gradient))).toBe(true);
      expect(convolves(traced(small, gradient, "float64"))).toBe(true);
      expect(convolves(traced(small, gradient), { batchLast: true, portable: true } as never)).toBe(true);
    });

    it("without derivatives, where windows overlap, and where more than one pooling reads them", () => {
      const loss = (f: (y: Tensor) => Tensor) => (x: Tensor, w: Tensor) =>
        grad((q: Tensor) => sum(tanh(f(conv2d(x, q)))))(w);
      const pool = (y: Tensor, kernel: number) => maxPool2d(y, { kernel });
      const withImages = (x: Tensor, w: Tensor) => ({
        y: tanh(conv2d(x, w)),
        gradient: loss((y) => pool(tanh(y), 2))(x, w),
      });
      const others = [
        (x: Tensor, w: Tensor) => pool(conv2d(x, w), 2),
        withImages,
        loss((y) => maxPool2d(y, { kernel: 2, stride: 1 })),
        loss((y) => add(sum(y), pool(y, 2))),
        loss((y) => add(sum(pool(y, 4)), pool(y, 2))),
      ];
      const once = loss((y) => pool(y, 2));
      expect(convolves(traced(small, once))).toBe(false);
      expect(others.map((f) => convolves(traced(small, f)))).toEqual(others.map(() => true));
    });

    it("where windows or overlaps would be large", () => {
      const whole = (x: Tensor, w: Tensor) =>
        grad((q: Tensor) => sum(tanh(maxPool2d(conv2d(x, q), { kernel: 8 }))))(w);
      expect(convolves(traced(small, whole))).toBe(true);
      const large = { x: [8, 1, 64, 64], w: [200, 1, 3, 3] };
      const padded = (x: Tensor, w: Tensor) =>
        sum(tanh(maxPool2d(conv2d(x, w, { padding: 1 }), { kernel: 2 })));
      expect(convolves(traced(large, (x, w) => grad((q: Tensor) => padded(x, q))(w)))).toBe(false);
      expect(convolves(traced(large, (x, w) => grad((q: Tensor) => padded(q, w))(x)))).toBe(true);
    });

    it("where a derivative is in float64", () => {
      const f = (x: Tensor, w: Tensor, u: Tensor) => {
        const y = cast(conv2d(x, w), "float64");
        const s = grad((q: Tensor) => sum(tanh(maxPool2d(q, { kernel: 2 }))))(y);
        return grad((q: Tensor) => sum(mul(conv2d(cast(x, "float64"), q), s)))(u);
      };
      const specs = [spec(small.x), spec(small.w), spec(small.w, "float64")];
      expect(convolves(simplify(trace(f, specs).graph))).toBe(true);
    });
  });
});
