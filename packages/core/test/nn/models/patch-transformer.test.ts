import { checkDerivatives, evaluate, expectClose, int64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray, ndarray } from "../../../src/array.js";
import { OptionError, ShapeError } from "../../../src/errors.js";
import { dot, grad } from "../../../src/graph/autodiff.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../../src/math/mt19937.js";
import { erf } from "../../../src/math/special.js";
import { initMultiHeadAttention } from "../../../src/nn/attention.js";
import { normal } from "../../../src/nn/initializers.js";
import { initLinear, type LinearParams } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { type PatchTransformerParams, patchTransformer } from "../../../src/nn/models/patch-transformer.js";
import { initLayerNorm, type NormParams } from "../../../src/nn/norm.js";
import { compile } from "../../../src/runtime/compile.js";
import { flatten, namedArrays, unflatten } from "../../../src/tree.js";

const float64 = { dtype: "float64" } as const;

const small = { imageSize: [4, 6], channels: 2, patch: 2, width: 6, heads: 3, depth: 2, classes: 4 } as const;

/** Start values with the zeros of biases and the ones of norms moved. */
function randomParams(options: Parameters<typeof patchTransformer>[0], seed = 3): PatchTransformerParams {
  const { params } = patchTransformer(options).init(torchGenerator(seed), float64);
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const rng = torchGenerator(seed + 1);
  const moved = leaves.map(({ shape, data }) => {
    const noise = torchRandn(rng, shape, float64).data as Float64Array;
    return ndarray(
      noise.map((v, i) => Number(data[i]) + 0.3 * v),
      shape,
    );
  });
  return unflatten(def, moved) as PatchTransformerParams;
}

type Rows = number[][];

const rowsOf = (a: NdArray): Rows =>
  Array.from({ length: a.shape[0] }, (_, i) =>
    numbers(a).slice((i * a.data.length) / a.shape[0], ((i + 1) * a.data.length) / a.shape[0]),
  );

const affine = (x: Rows, { weight, bias }: LinearParams): Rows => {
  const [w, b] = [rowsOf(weight), numbers(bias as NdArray)];
  return x.map((row) => w.map((out, i) => out.reduce((sum, v, j) => sum + v * row[j], b[i])));
};

const normed = (x: Rows, { weight, bias }: NormParams): Rows => {
  const [w, b] = [numbers(weight), numbers(bias)];
  return x.map((row) => {
    const center = row.reduce((s, v) => s + v, 0) / row.length;
    const spread = row.reduce((s, v) => s + (v - center) ** 2, 0) / row.length;
    return row.map((v, i) => ((v - center) / Math.sqrt(spread + 1e-5)) * w[i] + b[i]);
  });
};

const plus = (a: Rows, b: Rows): Rows => a.map((row, i) => row.map((v, j) => v + b[i][j]));

/** One image by plain loops: pixel(c, i, j). */
function plainLogits(
  p: PatchTransformerParams,
  { imageSize, channels, patch, width, heads }: typeof small,
  act: (z: number) => number,
  pixel: (c: number, i: number, j: number) => number,
): number[] {
  const tokens: Rows = [];
  for (let top = 0; top < imageSize[0]; top += patch) {
    for (let left = 0; left < imageSize[1]; left += patch) {
      const token: number[] = [];
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < patch; i++)
          for (let j = 0; j < patch; j++) token.push(pixel(c, top + i, left + j));
      }
      tokens.push(token);
    }
  }
  let t = plus(affine(tokens, p.patches), rowsOf(p.position));
  const d = width / heads;
  for (const layer of p.layers) {
    const { in_proj_weight: weight, in_proj_bias: bias, out_proj } = layer.self_attn;
    const all = affine(normed(t, layer.norm1), { weight, bias });
    const joined: Rows = all.map(() => []);
    for (let head = 0; head < heads; head++) {
      const part = (which: number) =>
        all.map((row) => row.slice(which * width + head * d, which * width + (head + 1) * d));
      const [q, k, v] = [part(0), part(1), part(2)];
      q.forEach((query, i) => {
        const scores = k.map((key) => Math.exp(query.reduce((s, x, m) => s + x * key[m], 0) / Math.sqrt(d)));
        const mass = scores.reduce((a, b) => a + b, 0);
        for (let m = 0; m < d; m++) joined[i].push(scores.reduce((s, x, j) => s + (x / mass) * v[j][m], 0));
      });
    }
    t = plus(t, affine(joined, out_proj));
    const hidden = affine(normed(t, layer.norm2), layer.linear1).map((row) => row.map(act));
    t = plus(t, affine(hidden, layer.linear2));
  }
  const last = normed(t, p.norm);
  const pooled = last[0].map((_, m) => last.reduce((s, row) => s + row[m], 0) / last.length);
  return affine([pooled], p.head)[0];
}

describe("patchTransformer", () => {
  it.each([
    ["relu", (z: number) => Math.max(z, 0)],
    ["gelu", (z: number) => (z / 2) * (1 + erf(z / Math.SQRT2))],
  ] as const)("computes what plain loops over patches, heads and units compute: %s", (activation, act) => {
    const model = patchTransformer({ ...small, activation });
    const params = randomParams(small);
    const x = torchRandn(torchGenerator(5), [3, 2, 4, 6], float64);
    const run = (images: NdArray) =>
      evaluate((p: TensorsOf<PatchTransformerParams>, v: Tensor) => model.apply(p, v).output, params, images);
    const logits = run(x);
    expect(logits.shape).toEqual([3, 4]);
    const data = numbers(x);
    for (let n = 0; n < 3; n++) {
      const plain = plainLogits(params, small, act, (c, i, j) => data[((n * 2 + c) * 4 + i) * 6 + j]);
      plain.forEach((v, k) => {
        expect(numbers(logits)[n * 4 + k]).toBeCloseTo(v, 12);
      });
    }
    expect(run({ shape: [3, 48], data: x.data })).toEqual(logits);
  });

  it("has PyTorch's names and start values, drawn in its order: patches, places, blocks, head", () => {
    const { params, state } = patchTransformer(small).init(torchGenerator(5));
    const rng = torchGenerator(5);
    const patches = initLinear(rng, 8, 6);
    const position = normal(rng, [6, 6], { deviation: 0.02 });
    const block = () => ({
      self_attn: initMultiHeadAttention(rng, 6),
      linear1: initLinear(rng, 6, 12),
      linear2: initLinear(rng, 12, 6),
      norm1: initLayerNorm(6),
      norm2: initLayerNorm(6),
    });
    const layers = [block(), block()];
    expect(params).toEqual({
      patches,
      position,
      layers,
      norm: initLayerNorm(6),
      head: initLinear(rng, 6, 4),
    });
    expect(state).toEqual({});
    const { paths } = flatten<NdArray>(params, isNdArray);
    expect(paths.filter((path) => path.startsWith("layers.1"))).toEqual(
      [
        ...["self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight"],
        ...["self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight", "linear2.bias"],
        ...["norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"],
      ].map((name) => `layers.1.${name}`),
    );
  });

  it.each(["relu", "gelu"] as const)(
    "has the gradient and curvature that differences have: %s",
    (activation) => {
      const options = {
        imageSize: [4, 2],
        channels: 1,
        patch: 2,
        width: 4,
        heads: 2,
        depth: 1,
        classes: 3,
        activation,
      } as const;
      const model = patchTransformer(options);
      const x = constant(torchRandn(torchGenerator(8), [3, 1, 4, 2], float64));
      const y = constant(int64([0, 2, 1]));
      checkDerivatives(
        (p: TensorsOf<PatchTransformerParams>) => crossEntropy(model.apply(p, x).output, y),
        randomParams(options),
      );
    },
  );

  it("has in ONNX Runtime the loss, gradient and gradient of ||grad||^2 that it has in JavaScript", async () => {
    const model = patchTransformer({ ...small, activation: "gelu" });
    const { params } = model.init(torchGenerator(1));
    const batch = { x: torchRandn(torchGenerator(2), [3, 2, 4, 6]), y: int64([0, 3, 1]) };
    type P = TensorsOf<PatchTransformerParams>;
    const values = (p: P, { x, y }: TensorsOf<typeof batch>) => {
      const loss = (q: P) => crossEntropy(model.apply(q, x).output, y);
      const normSq = (q: P) => {
        const g = grad(loss)(q);
        return dot(g, g);
      };
      return { loss: loss(p), first: grad(loss)(p), second: grad(normSq)(p) };
    };
    const { graph } = trace(({ p, batch }) => values(p, batch), { p: params, batch });
    const inputs = namedArrays({ p: params, batch });
    const [js, onnx] = await Promise.all(
      (["javascript", "onnx"] as const).map(async (runtime) =>
        (await compile(graph, { runtime })).run(inputs),
      ),
    );
    for (const name of Object.keys(js)) expectClose(onnx[name], js[name], 1e-5);
  });

  it("says what does not fit", () => {
    expect(() => patchTransformer({ imageSize: [8, 9], patch: 4 })).toThrow(/must tile the image.*8 x 9/);
    expect(() => patchTransformer({ width: 30, heads: 4 })).toThrow(/heads must divide the width 30; got 4/);
    expect(() => patchTransformer({ width: 6, heads: 2, mlpRatio: 0.4 })).toThrow(OptionError);
    expect(() => patchTransformer({ depth: -1 })).toThrow(/depth must be an integer >= 0/);
    expect(() => patchTransformer({ activation: "step" as never })).toThrow(OptionError);
    const model = patchTransformer(small);
    const { params } = model.init(torchGenerator(0));
    const at = (shape: number[]) => () =>
      trace((p, x) => model.apply(p, x).output, [params, spec(shape)] as const);
    expect(at([2, 47])).toThrow(ShapeError);
    expect(at([2, 2, 4, 5])).toThrow(/images \[batch, 2, 4, 6\]/);
    expect(at([2, 4, 12])).toThrow(ShapeError);
    expect(at([2, 4, 6, 2])).toThrow(/images \[batch, 2, 4, 6\].*got \[2, 4, 6, 2\]/);
  });
});
