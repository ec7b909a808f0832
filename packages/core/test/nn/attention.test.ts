import { bool, casesOf, checkCase, evaluate, expectClose, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { DTypeError, OptionError, ShapeError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../src/graph/trace.js";
import { torchGenerator, torchRandn } from "../../src/math/mt19937.js";
import {
  type AttentionOptions,
  type AttentionParams,
  initMultiHeadAttention,
  multiHeadAttention,
} from "../../src/nn/attention.js";

const params = initMultiHeadAttention(torchGenerator(1), 8, { dtype: "float64" });
const x = torchRandn(torchGenerator(2), [2, 4, 8], { dtype: "float64" });

const attend = (input: NdArray, options: Omit<AttentionOptions, "mask">, mask?: NdArray) =>
  evaluate(
    (v: Tensor, p: TensorsOf<AttentionParams>) =>
      multiHeadAttention(v, p, mask ? { ...options, mask: constant(mask) } : options),
    input,
    params,
  );

describe("multiHeadAttention", () => {
  it.each(casesOf("multiheadAttention"))(
    "equals PyTorch's nn.MultiheadAttention with its derivatives: %s",
    (_, golden) => {
      const { causal, num_heads: heads, allowed } = golden.options;
      const mask = allowed && constant(bool(allowed.flat(), [4, 4]));
      checkCase(golden, ({ input, memory, in_proj_weight, in_proj_bias, out_proj_weight, out_proj_bias }) => {
        const out_proj = { weight: out_proj_weight, bias: out_proj_bias };
        return multiHeadAttention(
          input,
          { in_proj_weight, in_proj_bias, out_proj },
          { heads, causal, mask, memory },
        );
      });
    },
  );

  it("does not see the future when causal: changing the last position changes only the last output", () => {
    const changed = {
      shape: x.shape,
      data: Float64Array.from(x.data, (v, i) => (Math.floor(i / 8) % 4 === 3 ? -v : v)),
    };
    const [before, after] = [x, changed].map((v) => numbers(attend(v, { heads: 2, causal: true })));
    const moved = before.map((v, i) => v !== after[i]);
    expect(moved).toEqual(moved.map((_, i) => Math.floor(i / 8) % 4 === 3));
  });

  it("combines a causal with an explicit mask, one for each head", () => {
    const lower = (i: number, j: number) => +(j <= i);
    const mine = (head: number, i: number, j: number) => +(head === 0 || i === j);
    const pairs = [0, 1].flatMap((head) =>
      [0, 1, 2, 3].flatMap((i) => [0, 1, 2, 3].map((j) => [head, i, j] as const)),
    );
    const explicit = bool(
      pairs.map(([head, i, j]) => mine(head, i, j)),
      [2, 4, 4],
    );
    const both = bool(
      pairs.map(([head, i, j]) => lower(i, j) * mine(head, i, j)),
      [2, 4, 4],
    );
    expectClose(attend(x, { heads: 2, causal: true }, explicit), attend(x, { heads: 2 }, both));
  });

  it("is finite with a finite gradient for a position that may see nothing: it gets the mean of the values", () => {
    const none = bool(new Array(16).fill(0), [4, 4]);
    const all = bool(new Array(16).fill(1), [4, 4]);
    const zeroScores = { ...params, in_proj_weight: withoutQueries(params.in_proj_weight) };
    const mean = evaluate(
      (v: Tensor, p: TensorsOf<AttentionParams>) =>
        multiHeadAttention(v, p, { heads: 2, mask: constant(all) }),
      x,
      zeroScores,
    );
    expectClose(attend(x, { heads: 2 }, none), mean);
    const gradient = evaluate(
      (v: Tensor, p: TensorsOf<AttentionParams>) =>
        grad((w: Tensor) => sum(multiHeadAttention(w, p, { heads: 2, mask: constant(none) })))(v),
      x,
      params,
    );
    expect(numbers(gradient).every(Number.isFinite)).toBe(true);
  });

  it("refuses heads that do not divide the width, masks that are not bool, and other widths", () => {
    const at = (shape: number[], options: AttentionOptions) => () =>
      trace((v, p) => multiHeadAttention(v, p, options), [spec(shape, "float64"), params] as const);
    expect(at([2, 4, 8], { heads: 3 })).toThrow(OptionError);
    expect(at([2, 4, 8], { heads: 2, mask: constant(1) })).toThrow(DTypeError);
    expect(at([2, 4, 6], { heads: 2 })).toThrow(ShapeError);
    expect(at([4, 8], { heads: 2 })).toThrow(/\[batch, length, 8\]/);
  });
});

/** Projections with queries zero: every score is zero then, and all positions count alike. */
function withoutQueries({ shape, data }: NdArray): NdArray {
  return { shape, data: Float64Array.from(data as Float64Array, (v, i) => (i < 64 ? 0 : v)) };
}
