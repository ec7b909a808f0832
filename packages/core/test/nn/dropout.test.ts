import { compiled, float64, int64, numbers } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { OptionError } from "../../src/errors.js";
import { grad } from "../../src/graph/autodiff.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { spec, trace } from "../../src/graph/trace.js";
import { dropout } from "../../src/nn/dropout.js";

const size = 100_000;
const ones = float64(new Array(size).fill(1), [100, 1000]);
const seeded = (seed: number) => int64([seed], []);

/** The function x -> dropout(x) of one stream, for any seed. */
const masker = (rate: number, stream: number) =>
  compiled(
    (x: Tensor, seed: Tensor) => dropout(x, { rate, stream, training: true, seed }),
    [ones, seeded(0)],
  );

const correlation = (a: NdArray, b: NdArray): number => {
  const [x, y] = [a, b].map((m) => {
    const kept = numbers(m).map((v) => (v === 0 ? 0 : 1));
    const mean = kept.reduce((s: number, v) => s + v, 0) / size;
    return kept.map((v) => (v - mean) / Math.sqrt(mean * (1 - mean)));
  });
  return x.reduce((s, v, i) => s + v * y[i], 0) / size;
};

describe("dropout", () => {
  it.each([0.1, 0.5, 0.9])(
    "drops a share %d of the elements and keeps the mean, within five standard deviations",
    (rate) => {
      const values = numbers(masker(rate, 0)(ones, seeded(7)));
      const dropped = values.filter((v) => v === 0).length / size;
      expect(Math.abs(dropped - rate)).toBeLessThan(5 * Math.sqrt((rate * (1 - rate)) / size));
      expect(values.filter((v) => v !== 0).every((v) => Math.abs(v - 1 / (1 - rate)) < 1e-12)).toBe(true);
      const mean = values.reduce((a, b) => a + b, 0) / size;
      expect(Math.abs(mean - 1)).toBeLessThan(5 * Math.sqrt(rate / (1 - rate) / size));
    },
  );

  it("gives equal masks for equal seeds and independent ones for other seeds and streams", () => {
    const [first, second] = [masker(0.5, 0), masker(0.5, 1)];
    expect(first(ones, seeded(3))).toEqual(first(ones, seeded(3)));
    // The correlation of independent masks has the standard deviation 1 / sqrt(100000) = 0.0032.
    const bound = 5 / Math.sqrt(size);
    expect(Math.abs(correlation(first(ones, seeded(3)), first(ones, seeded(4))))).toBeLessThan(bound);
    expect(Math.abs(correlation(first(ones, seeded(3)), second(ones, seeded(3))))).toBeLessThan(bound);
    // Not even with the next step's mask of the stream before.
    expect(Math.abs(correlation(first(ones, seeded(4)), second(ones, seeded(3))))).toBeLessThan(bound);
  });

  it("passes the gradient through the mask of the forward pass", () => {
    const x = float64([0.5, -1, 2, 3, -4, 5, 6, -7]);
    const f = compiled(
      (v: Tensor, seed: Tensor) => {
        const drop = (w: Tensor) => dropout(w, { rate: 0.25, stream: 2, training: true, seed });
        return { output: drop(v), gradient: grad((w: Tensor) => sum(mul(drop(w), 3)))(v) };
      },
      [x, seeded(0)],
    );
    const { output, gradient } = f(x, seeded(11));
    expect(new Set(numbers(gradient))).toEqual(new Set([0, 4]));
    numbers(output).forEach((y, i) => {
      expect(y * 3).toBeCloseTo(numbers(gradient)[i] * numbers(x)[i], 12);
    });
  });

  it("is the identity in evaluation, in training at rate 0, and by default", () => {
    const { graph } = trace(
      (x, seed) => [
        dropout(x, { stream: 0, training: false, seed }),
        dropout(x, { stream: 0, rate: 0, training: true, seed }),
        dropout(x, { stream: 0 }),
      ],
      [spec([4]), spec([], "int64")] as const,
    );
    for (const { tensor } of graph.outputs) expect(tensor).toBe(graph.inputs[0].tensor);
  });

  it("asks for a seed in training, and for a rate below 1", () => {
    expect(() => trace((x) => dropout(x, { stream: 0, training: true }), [spec([4])] as const)).toThrow(
      /needs a seed/,
    );
    expect(() => trace((x) => dropout(x, { stream: 0, rate: 1 }), [spec([4])] as const)).toThrow(OptionError);
  });

  it("asks for a stream, without which all masks of a model would be one", () => {
    const given = { rate: 0.5, training: true } as never;
    expect(() => trace((x) => dropout(x, given), [spec([4])] as const)).toThrow(
      "dropout: stream must be an integer of its own for each use in a model",
    );
  });
});
