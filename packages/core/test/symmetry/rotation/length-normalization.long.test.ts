import { normals } from "isoloss-test-support/symmetry/discovery/support";
import { randomT, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { add, sub } from "../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng, type Rng } from "../../../src/math/rng.js";
import { multiHeadAttention } from "../../../src/nn/attention.js";
import { linear } from "../../../src/nn/linear.js";
import { layerNorm } from "../../../src/nn/norm.js";
import { normalizeByLength } from "../../../src/symmetry/rotation/length-normalization.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { ids, type Loss, lossAt, type Params, type Tensors } from "./length-normalization-support.js";

/** A transformer of random width, depth and blocks that normalizes before each block and at its end. */
function transformer(rng: Rng): { loss: Loss; params: Params; norms: number } {
  const width = 4 + 2 * rng.int(2);
  const shapes: Record<string, readonly number[]> = { table: [5, width], position: [3, width] };
  const steps: ((p: Tensors, h: Tensor) => Tensor)[] = [];
  const norm = (name: string) => {
    shapes[`${name}.gain`] = [width];
    shapes[`${name}.shift`] = [width];
    return (p: Tensors, h: Tensor) => layerNorm(h, { weight: p[`${name}.gain`], bias: p[`${name}.shift`] });
  };
  const depth = 1 + rng.int(3);
  for (let k = 0; k < depth; k++) {
    const normed = norm(`norm${k}`);
    const of = (name: string, ...shape: number[]) => {
      shapes[`${name}${k}`] = shape;
      return (p: Tensors) => p[`${name}${k}`];
    };
    if (rng.int(2) === 0) {
      const [qkv, b, out, c] = [
        of("qkv", 3 * width, width),
        of("b", 3 * width),
        of("out", width, width),
        of("c", width),
      ];
      steps.push((p, h) => {
        const attention = {
          in_proj_weight: qkv(p),
          in_proj_bias: b(p),
          out_proj: { weight: out(p), bias: c(p) },
        };
        return add(h, multiHeadAttention(normed(p, h), attention, { heads: 2 }));
      });
    } else {
      const [up, a, down] = [of("up", 5, width), of("a", 5), of("down", width, 5)];
      steps.push((p, h) =>
        add(h, linear(tanh(linear(normed(p, h), { weight: up(p), bias: a(p) })), { weight: down(p) })),
      );
    }
  }
  const last = norm("last");
  shapes.head = [2, width];
  const loss: Loss = (p, d) => {
    const h = steps.reduce((x, step) => step(p, x), add(gather(p.table, d.ids, { axis: 0 }), p.position));
    return sum(square(sub(linear(last(p, h), { weight: p.head }), 0.3)));
  };
  const params = Object.fromEntries(Object.entries(shapes).map(([name, s]) => [name, normals(rng, s)]));
  return { loss, params, norms: depth + 1 };
}

describe("normalizeByLength", () => {
  it("keeps the loss of 100 random transformers, whose streams can then be rotated", async () => {
    for (let seed = 0; seed < 100; seed++) {
      const { loss, params, norms } = transformer(createRng(seed));
      // With the means that norms take, rotations keep the sum: one dimension less.
      expect(symmetriesOf(loss, params, { ids }).found.orthogonal, `${seed}`).toMatchObject([
        { keeps: "sum" },
      ]);
      const prepared = await normalizeByLength(loss, params, { ids });
      expect([prepared.replaced, prepared.left, prepared.gains.length], `${seed}`).toEqual([norms, 0, norms]);
      const before = lossAt(loss, params);
      const own = prepared.loss as unknown as Loss;
      expect(relative(before, lossAt(loss, prepared.params)), `${seed}`).toBeLessThan(1e-10);
      expect(relative(before, lossAt(own, prepared.params)), `${seed}`).toBeLessThan(1e-10);
      const { orthogonal, found } = symmetriesOf(own, prepared.params, { ids });
      expect(found.orthogonal[0].keeps, `${seed}`).toBeUndefined();
      expect(orthogonal?.paths, `${seed}`).toContain("table");
      const to = await orthogonal?.act(prepared.params, randomT(orthogonal.algebra, 3, seed), {});
      if (to === undefined || isRefusal(to)) throw new Error(`${seed}: not moved`);
      expect(relative(before, lossAt(own, to)), `${seed}`).toBeLessThan(1e-10);
    }
  });
});
