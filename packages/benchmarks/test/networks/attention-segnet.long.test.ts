// Expected numbers: a forward pass of the architecture's definition in PyTorch, float64, with the weights that `filled` gives
// (the project's golden values for SegNet with attention).

import type { Tensor, TensorsOf } from "isoloss";
import { type NdArray, namedArrays, ndarray, sizeOf, torchGenerator } from "isoloss";
import type { ConvParams, NormParams } from "isoloss/nn";
import { exp, log, sub, sum } from "isoloss/ops";
import { evaluate, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { attentionSegnet } from "../../src/networks/attention-segnet.js";
import type { AttentionSegnetParams, ConvBatchParams } from "../../src/networks/attention-segnet-params.js";

const channels = [2, 3, 4, 5, 5];
const heads = { semantic: 7, depth: 1 };
const tasks = ["semantic", "depth"] as const;

/** Numbers of the tensors by their place in the list of all: weights of convolutions, biases, scales and shifts. */
function filled(params: AttentionSegnetParams): AttentionSegnetParams {
  let p = 0;
  const of = ({ shape }: NdArray, value: (p: number, e: number) => number): NdArray => {
    const data = Float64Array.from({ length: sizeOf(shape) }, (_, e) => value(p, e));
    p += 1;
    return ndarray(data, shape);
  };
  const conv = ({ weight, bias }: ConvParams): ConvParams => ({
    weight: of(weight, (t, e) => 0.4 * Math.sin(0.7 * t + 1.3 * e + 0.1)),
    bias: of(bias as NdArray, (t, e) => 0.05 * Math.cos(t + e)),
  });
  const norm = ({ weight, bias }: NormParams): NormParams => ({
    weight: of(weight, (t, e) => 1 + 0.1 * Math.sin(t + e)),
    bias: of(bias, (t, e) => 0.05 * Math.sin(2 * t + e)),
  });
  const cl = ([c, n]: ConvBatchParams): ConvBatchParams => [conv(c), norm(n)];
  const { shared, heads: own } = params;
  const attention = shared.attention as Required<typeof shared>["attention"];
  const att = ([a, b]: (typeof attention)[string]["encoder_att"][number]) => [cl(a), cl(b)] as const;
  const encoder_block = shared.encoder_block.map(cl);
  const decoder_block = shared.decoder_block.map(cl);
  const conv_block_enc = shared.conv_block_enc.map((several) => several.map(cl));
  const conv_block_dec = shared.conv_block_dec.map((several) => several.map(cl));
  const encoders = tasks.map((task) => attention[task]?.encoder_att.map(att) ?? []);
  const decoders = tasks.map((task) => attention[task]?.decoder_att.map(att) ?? []);
  const masks = tasks.map((task, k) => [task, { encoder_att: encoders[k], decoder_att: decoders[k] }]);
  const encoder_block_att = shared.encoder_block_att?.map(cl) ?? [];
  const decoder_block_att = shared.decoder_block_att?.map(cl) ?? [];
  const ends = tasks.map((task) => [task, (own[task] ?? []).map(conv)]);
  expect(p).toBe(312);
  return {
    shared: {
      encoder_block,
      decoder_block,
      conv_block_enc,
      conv_block_dec,
      encoder_block_att,
      decoder_block_att,
      attention: Object.fromEntries(masks),
    },
    heads: Object.fromEntries(ends),
  };
}

const images = (() => {
  const data = Float64Array.from({ length: 2 * 3 * 64 * 64 }, (_, i) => {
    const [n, c, y, x] = [Math.floor(i / 12288), Math.floor(i / 4096) % 3, Math.floor(i / 64) % 64, i % 64];
    return 0.5 + 0.5 * Math.sin(0.9 * n + 1.7 * c + 0.13 * y + 0.29 * x);
  });
  return ndarray(data, [2, 3, 64, 64]);
})();

const count = (tree: unknown): number =>
  Object.values(namedArrays(tree)).reduce((total, { shape }) => total + sizeOf(shape), 0);

const pixel = ({ shape, data }: NdArray, n: number, c: number, y: number, x: number): number =>
  Number(data[((n * (shape[1] ?? 0) + c) * (shape[2] ?? 0) + y) * (shape[3] ?? 0) + x]);

const total = (array: NdArray): number => numbers(array).reduce((a, b) => a + b, 0);

describe("SegNet with attention", () => {
  const model = attentionSegnet({ heads, channels });
  const first = model.init(torchGenerator(0), { dtype: "float64" });
  const params = filled(first.params);

  it("computes what the definition in PyTorch does, with the batch's statistics", () => {
    const logSoftmax = (z: Tensor) => sub(z, log(sum(exp(z), { axes: [1], keepDims: true })));
    const { semantic, depth } = evaluate(
      (p: TensorsOf<typeof params>, s: TensorsOf<typeof first.state>, x: Tensor) => {
        const { output } = model.apply(p, x, { state: s, training: true });
        return { semantic: logSoftmax(output.semantic as Tensor), depth: output.depth as Tensor };
      },
      params,
      first.state,
      images,
    );
    const expected = [
      ...[-1.8757523775, -1.9261621832, -1.9303700974, -1.9510168491],
      ...[-2.0452058165, -1.9294363163, -1.9715096576],
    ];
    expected.forEach((value, c) => {
      expect(pixel(semantic, 0, c, 5, 7)).toBeCloseTo(value, 9);
    });
    expect(total(semantic)).toBeCloseTo(-112079.3844090717, 5);
    expect(pixel(depth, 0, 0, 5, 7)).toBeCloseTo(-0.0019912583022, 10);
    expect(pixel(depth, 1, 0, 40, 63)).toBeCloseTo(-0.1081217405244, 10);
    expect(total(depth)).toBeCloseTo(-531.8858753394, 7);
  });

  it("without attention is SegNet with several heads", () => {
    const split = attentionSegnet({ heads, channels, attention: false });
    const { state } = split.init(torchGenerator(0), { dtype: "float64" });
    const { attention: _, encoder_block_att: _e, decoder_block_att: _d, ...shared } = params.shared;
    const p = { ...params, shared };
    const { output } = evaluate(
      (q: TensorsOf<typeof p>, s: TensorsOf<typeof state>, x: Tensor) => ({
        output: split.apply(q as TensorsOf<AttentionSegnetParams>, x, { state: s, training: true }).output,
      }),
      p,
      state,
      images,
    ) as { output: Record<string, NdArray> };
    expect(total(output.depth as NdArray)).toBeCloseTo(-734.2023865317, 7);
    expect(pixel(output.semantic as NdArray, 1, 3, 10, 20)).toBeCloseTo(-0.1611158167514, 10);
  });

  it("keeps running statistics of every norm, the tasks' shared ones after all tasks", () => {
    const { next } = evaluate(
      (p: TensorsOf<typeof params>, s: TensorsOf<typeof first.state>, x: Tensor) => ({
        next: model.apply(p, x, { state: s, training: true }).state,
      }),
      params,
      first.state,
      images,
    );
    const [before, after] = [namedArrays(first.state), namedArrays(next)];
    expect(Object.keys(after)).toEqual(Object.keys(before));
    for (const [name, array] of Object.entries(after)) {
      expect(numbers(array), name).not.toEqual(numbers(before[name] as NdArray));
    }
  });
});

describe("parameters at the size of the papers", () => {
  it("are as many as published", () => {
    const split = attentionSegnet({ heads: { semantic: 13 }, attention: false }).init(
      torchGenerator(0),
    ).params;
    expect(count(split.shared)).toBe(24_943_296);
    expect(count(split)).toBe(24_981_069);
    const { shared } = attentionSegnet({ heads: { semantic: 7, depth: 1 } }).init(torchGenerator(0)).params;
    // As many more for the third task of NYUv2.
    const each = 2_984_576;
    expect(count(shared)).toBe(41_132_608);
    expect(count(shared.attention?.depth)).toBe(each);
    expect(count(shared) + each).toBe(44_117_184);
  });
});
