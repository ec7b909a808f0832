import { describeFound, normals } from "isoloss-test-support/symmetry/discovery/support";
import { relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { add, sub } from "../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng } from "../../../src/math/rng.js";
import { linear } from "../../../src/nn/linear.js";
import { layerNorm } from "../../../src/nn/norm.js";
import { normalizeByLength } from "../../../src/symmetry/rotation/length-normalization.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { ids, type Loss, lossAt } from "./length-normalization-support.js";

describe("normalizeByLength", () => {
  it("leaves normalizations whose result is the stream", async () => {
    const rng = createRng(1);
    const params = {
      table: normals(rng, [5, 4]),
      gain: normals(rng, [4]),
      shift: normals(rng, [4]),
      head: normals(rng, [2, 4]),
    };
    const loss: Loss = (p, d) => {
      const norm = (h: Tensor) => layerNorm(h, { weight: p.gain, bias: p.shift });
      const h = norm(gather(p.table, d.ids, { axis: 0 }));
      return sum(square(sub(linear(norm(add(h, tanh(h))), { weight: p.head }), 0.3)));
    };
    const prepared = await normalizeByLength(loss, params, { ids });
    expect([prepared.replaced, prepared.left, prepared.gains]).toEqual([1, 1, []]);
    const own = prepared.loss as unknown as Loss;
    expect(relative(lossAt(loss, params), lossAt(own, prepared.params))).toBeLessThan(1e-10);
    expect(symmetriesOf(own, prepared.params, { ids }).found.orthogonal.map(describeFound)).toEqual([]);
  });
});
