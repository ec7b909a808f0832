import fc from "fast-check";
import { describe, it } from "vitest";
import { grad } from "../../../src/graph/autodiff.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { spec, trace } from "../../../src/graph/trace.js";
import { expectSame } from "../expect-same.js";
import { derivatives, expectEqual, inputsOf, layer, tolerance } from "./batch-last-support.js";

describe("pooled convolutions with the batch as the last axis", () => {
  it("do so for random sizes", async () => {
    const size = (min: number, max: number) => fc.integer({ min, max });
    const geometry = fc.record({
      n: fc.oneof(size(8, 11), fc.constantFrom(64, 66, 96)),
      c: size(1, 3),
      o: size(1, 4),
      tile: fc.tuple(size(1, 3), size(1, 3)).filter(([a, b]) => a * b > 1),
      kernel: fc.tuple(size(1, 4), size(1, 4)),
      tiles: fc.tuple(size(1, 3), size(1, 3)),
      padding: fc.tuple(size(0, 2), size(0, 2), size(0, 2), size(0, 2)),
    });
    await fc.assert(
      fc.asyncProperty(geometry, async ({ n, c, o, tile, kernel, tiles, padding }) => {
        const image = [0, 1].map((d) => tiles[d] * tile[d] + kernel[d] - 1 - padding[d] - padding[d + 2]);
        fc.pre(
          image.every((length, d) => length >= 1 && padding[d] < kernel[d] && padding[d + 2] < kernel[d]),
        );
        const growth = [0, 1].reduce((g, d) => (g * (kernel[d] + tile[d] - 1)) / kernel[d], 1);
        fc.pre(growth <= 3);
        const given = { x: [n, c, ...image], w: [o, c, ...kernel], tile, padding };
        // The gradient in the image has conditions of its own: without it every size is taken.
        const loss = (px: Tensor, pb: Tensor) => (w: Tensor) => sum(tanh(layer(px, w, pb, given)));
        const graph = simplify(
          trace(({ x, w, b }) => ({ value: loss(x, b)(w), first: grad(loss(x, b))(w) }), {
            x: spec(given.x),
            w: spec(given.w),
            b: spec([o]),
          }).graph,
        );
        await expectEqual(graph, inputsOf(given));
        await expectSame(
          derivatives(given.x, given.w, ({ x, w, b }) => sum(tanh(layer(x, w, b, given)))),
          inputsOf(given),
          tolerance,
        );
      }),
      { numRuns: 25, seed: 5 },
    );
  });
});
