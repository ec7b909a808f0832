// Bytes of results that are alive at once, counted by hand.
import { describe, expect, it } from "vitest";
import { relu } from "../../src/graph/ops/activation.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { peakBytes } from "../../src/graph/peak-bytes.js";
import { spec, trace } from "../../src/graph/trace.js";

describe("peakBytes", () => {
  it("frees each result after its last use, and keeps outputs", () => {
    // x [1, 100] -> a [1, 50] -> b [1, 20] -> c [1, 10], in float32; a is freed when b is there.
    const shapes = { x: spec([1, 100]), u: spec([100, 50]), v: spec([50, 20]), w: spec([20, 10]) };
    const { graph } = trace(({ x, u, v, w }) => ({ c: matmul(matmul(matmul(x, u), v), w) }), shapes);
    expect(peakBytes(graph)).toBe(4 * (50 + 20));
    const both = trace(({ x, u, v, w }) => {
      const a = matmul(x, u);
      return { a, c: matmul(relu(matmul(a, v)), w) };
    }, shapes);
    expect(peakBytes(both.graph)).toBe(4 * (50 + 20 + 20));
  });
});
