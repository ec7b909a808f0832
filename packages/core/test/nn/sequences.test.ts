// Layers over sequences against PyTorch's: bench/torch/golden_nn_sequences.py.

import {
  casesOf,
  checkCase,
  checkDerivatives,
  evaluate,
  expectClose,
  float64,
  type GoldenArray,
  int64,
  numbers,
  readGolden,
} from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../src/array.js";
import { DTypeError, OptionError, ShapeError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { avgPool1d, conv1d, maxPool1d } from "../../src/graph/ops/conv-1d.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { concat } from "../../src/graph/ops/slice.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../src/graph/trace.js";
import { type Mt19937, torchGenerator, torchRandn } from "../../src/math/mt19937.js";
import { initMultiHeadAttention, multiHeadAttention } from "../../src/nn/attention.js";
import { conv1dLayer, initConv1d } from "../../src/nn/conv.js";
import { initRmsNorm, rmsNorm } from "../../src/nn/norm.js";
import { gru, lstm } from "../../src/nn/recurrent.js";
import { type CellParams, initGruCell, initLstmCell } from "../../src/nn/recurrent-cells.js";
import { rotaryEmbedding } from "../../src/nn/rotary.js";
import { flatten } from "../../src/tree.js";

const file = "nn-sequences.json";
const { init } = readGolden<{ init: { name: string; seed: number; params: Record<string, GoldenArray> }[] }>(
  file,
);

const stack = (rng: Mt19937) => {
  // The second layer reads both directions of the first.
  const layers = [3, 3, 4, 4].map((inputs) => initLstmCell(rng, inputs, 2));
  return layers.flatMap((cell) => Object.values(cell));
};

const starts: Record<string, (rng: Mt19937) => unknown> = {
  gru: (rng) => initGruCell(rng, 3, 4),
  lstm: (rng) => initLstmCell(rng, 3, 4),
  "lstm-stack": stack,
  conv1d: (rng) => initConv1d(rng, 2, 4, 3),
  "conv1d-groups": (rng) => initConv1d(rng, 4, 4, 3, { groups: 2 }),
};

describe("Start values", () => {
  it.each(init.map((row): [string, typeof row] => [row.name, row]))(
    "are PyTorch's bit for bit and in its order: %s",
    (name, { seed, params }) => {
      const { leaves } = flatten<NdArray>(starts[name](torchGenerator(seed)), isNdArray);
      const expected = Object.values(params).map(({ shape, data }) => ({ shape, data }));
      expect(leaves.map((leaf) => ({ shape: leaf.shape, data: numbers(leaf) }))).toEqual(expected);
    },
  );
});

describe("conv1dLayer", () => {
  it.each(casesOf("conv1d", file))("equals PyTorch's F.conv1d with its derivatives: %s", (_, golden) => {
    checkCase(golden, ({ input, weight, bias }) => conv1dLayer(input, { weight, bias }, golden.options));
  });

  it("pads each end by its own number", () => {
    const x = float64([1, 2, 3], [1, 1, 3]);
    const w = float64([1, 10], [1, 1, 2]);
    const { both, after } = evaluate(
      (v: Tensor, k: Tensor) => ({
        both: conv1d(v, k, { padding: 1 }),
        after: conv1d(v, k, { padding: [0, 1] }),
      }),
      x,
      w,
    );
    expect(numbers(both)).toEqual([10, 21, 32, 3]);
    expect(numbers(after)).toEqual([21, 32, 3]);
  });

  it("says what does not fit", () => {
    const of = (x: readonly number[], w: readonly number[], options = {}) =>
      trace((v, k) => conv1d(v, k, options), [spec(x), spec(w)]);
    expect(() => of([2, 3, 8, 8], [4, 3, 3])).toThrow(
      /sequences \[batch, channels, length\]; got \[2, 3, 8, 8\]/,
    );
    expect(() => of([2, 3, 8], [4, 3, 3, 3])).toThrow(/weights \[out, in \/ groups, kernel\]/);
    expect(() => of([2, 3, 8], [4, 3, 3], { padding: [1] })).toThrow(OptionError);
    expect(() => of([2, 3, 8], [4, 3, 3], { stride: 0 })).toThrow(
      /stride must be an integer >= 1; got stride 0/,
    );
    expect(() => of([2, 3, 2], [4, 3, 3])).toThrow(ShapeError);
  });
});

describe.each([
  ["max", maxPool1d],
  ["avg", avgPool1d],
] as const)("%sPool1d", (kind, pool) => {
  it.each(casesOf(`${kind}Pool1d`, file))("equals PyTorch's with its derivatives: %s", (_, golden) => {
    const { kernel_size: kernel, ...options } = golden.options;
    checkCase(golden, ({ input }) => pool(input, { kernel, ...options }));
  });

  it("refuses a kernel of no length", () => {
    expect(() => trace((x) => pool(x, { kernel: 0 }), [spec([1, 2, 4])])).toThrow(OptionError);
  });
});

/** [output, last h, last c] as one vector. */
const joined = (parts: readonly Tensor[]): Tensor =>
  concat(
    parts.map((part) => reshape(part, [part.size])),
    { axis: 0 },
  );

describe("gru and lstm", () => {
  const run = {
    gru: (x: Tensor, p: TensorsOf<CellParams>, options: object) => {
      const { output, h } = gru(x, p, options);
      return joined([output, h]);
    },
    lstm: (x: Tensor, p: TensorsOf<CellParams>, options: object) => {
      const { output, h, c } = lstm(x, p, options);
      return joined([output, h, c]);
    },
  };
  const rows = (["gru", "lstm"] as const).flatMap((op) =>
    casesOf(op, file).map(([name, golden]) => [op, name, golden] as const),
  );

  it.each(rows)("equal PyTorch's with their derivatives: %s, %s", (op, _, golden) => {
    const { reverse, lengths } = golden.options;
    checkCase(golden, ({ input, h, c, ...cell }) => {
      const ends = lengths ? { lengths: constant(int64(lengths)) } : {};
      const state = { ...(h ? { h } : {}), ...(c ? { c } : {}) };
      return run[op](input, cell as TensorsOf<CellParams>, { reverse, ...ends, ...state });
    });
  });

  it.each(["gru", "lstm"] as const)("%s has the gradient and curvature that differences have", (op) => {
    const cell = (op === "gru" ? initGruCell : initLstmCell)(torchGenerator(1), 2, 3, { dtype: "float64" });
    const x = constant(torchRandn(torchGenerator(2), [2, 4, 2], { dtype: "float64" }));
    const weights = constant(torchRandn(torchGenerator(3), [2 * 4 * 3], { dtype: "float64" }));
    checkDerivatives((p: TensorsOf<CellParams>) => {
      const { output } = (op === "gru" ? gru : lstm)(x, p, { recompute: 2 });
      return sum(mul(weights, square(reshape(output, [output.size]))));
    }, cell);
  });

  it("say what does not fit", () => {
    const cell = initGruCell(torchGenerator(0), 2, 3);
    const of = (options: object, shape = [2, 4, 2]) =>
      trace((p, x) => gru(x, p, options).h, [cell, spec(shape)] as const);
    expect(() => of({}, [4, 2])).toThrow(/sequences \[batch, length, inputs\]; got \[4, 2\]/);
    expect(() => of({ h: constant(float64([1, 2, 3])) })).toThrow(
      /h must be \[batch, width\], \[2, 3\]; got \[3\]/,
    );
    expect(() => of({ lengths: constant(float64([1, 2])) })).toThrow(DTypeError);
    expect(() => of({ reverse: "no" })).toThrow(OptionError);
  });
});

describe("rmsNorm", () => {
  it.each(casesOf("rmsNorm", file))("equals PyTorch's F.rms_norm with its derivatives: %s", (_, golden) => {
    checkCase(golden, ({ input, weight }) => rmsNorm(input, { weight }, { epsilon: golden.options.eps }));
  });

  it("starts at scale 1, and says which shapes do not fit", () => {
    const params = initRmsNorm(3);
    expect(numbers(params.weight)).toEqual([1, 1, 1]);
    expect(() => trace((x, p) => rmsNorm(x, p), [spec([3, 2]), params] as const)).toThrow(
      /^rmsNorm: the last axes/,
    );
  });
});

describe("rotaryEmbedding", () => {
  it.each(casesOf("rotaryEmbedding", file))(
    "equals complex rotations with its derivatives: %s",
    (_, golden) => {
      checkCase(golden, ({ input }) => rotaryEmbedding(input, golden.options));
    },
  );

  it("makes products of queries and keys depend on the distance of their positions alone", () => {
    const [q, k] = [1, 2].map((seed) => torchRandn(torchGenerator(seed), [1, 8], { dtype: "float64" }));
    const everywhere = (v: Tensor) => concat(Array<Tensor>(6).fill(v), { axis: 0 });
    const products = evaluate(
      (a: Tensor, b: Tensor) =>
        matmul(rotaryEmbedding(everywhere(a)), rotaryEmbedding(everywhere(b)), { transposeB: true }),
      q,
      k,
    );
    const at = (i: number, j: number) => Number(products.data[6 * i + j]);
    for (let i = 0; i < 5; i++) {
      for (let j = 0; j < 5; j++) expect(at(i + 1, j + 1)).toBeCloseTo(at(i, j), 12);
    }
    expect(Math.abs(at(0, 1) - at(1, 0))).toBeGreaterThan(1e-3);
  });

  it("turns the queries and keys of attention", () => {
    const params = initMultiHeadAttention(torchGenerator(1), 8, { dtype: "float64" });
    const x = torchRandn(torchGenerator(2), [1, 3, 8], { dtype: "float64" });
    const swapped = float64(
      [...numbers(x).slice(8, 16), ...numbers(x).slice(0, 8), ...numbers(x).slice(16)],
      [1, 3, 8],
    );
    const f = (v: Tensor, p: TensorsOf<typeof params>) => ({
      with: multiHeadAttention(v, p, { heads: 2, rotary: {} }),
      without: multiHeadAttention(v, p, { heads: 2 }),
    });
    const [here, there] = [evaluate(f, x, params), evaluate(f, swapped, params)];
    const last = (a: NdArray) => float64(numbers(a).slice(16));
    // Without positions, the last element does not see in which order the others stand.
    expectClose(last(here.without), last(there.without));
    expect(Math.abs(numbers(last(here.with))[0] - numbers(last(there.with))[0])).toBeGreaterThan(1e-3);
  });

  it("has a gradient that turns back", () => {
    const x = torchRandn(torchGenerator(1), [4, 6], { dtype: "float64" });
    // Rotations keep lengths: the gradient of |R x|^2 is 2 x.
    const g = evaluate(
      grad((v: Tensor) => sum(square(rotaryEmbedding(v, { interleaved: true })))),
      x,
    );
    expectClose(
      g,
      float64(
        numbers(x).map((v) => 2 * v),
        [4, 6],
      ),
    );
  });

  it("refuses an odd width, a base of 0 and integers", () => {
    expect(() => trace((x) => rotaryEmbedding(x), [spec([4, 6], "int64")])).toThrow(
      "rotaryEmbedding takes floats; got int64[4, 6].",
    );
    expect(() => trace((x) => rotaryEmbedding(x), [spec([4, 5])])).toThrow(/even width; got \[4, 5\]/);
    expect(() => trace((x) => rotaryEmbedding(x, { base: 0 }), [spec([4, 6])])).toThrow(OptionError);
  });
});
