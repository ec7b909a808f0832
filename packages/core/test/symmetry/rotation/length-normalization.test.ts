import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { add, sub } from "../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { createRng, type Rng } from "../../../src/math/rng.js";
import { namedArrays } from "../../../src/named-arrays.js";
import { multiHeadAttention } from "../../../src/nn/attention.js";
import { linear } from "../../../src/nn/linear.js";
import { layerNorm } from "../../../src/nn/norm.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { normalizeByLength } from "../../../src/symmetry/rotation/length-normalization.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { describeFound, normals } from "../discovery/support.js";
import { randomT, relative } from "../support.js";

type Params = Readonly<Record<string, NdArray>>;
type Tensors = Readonly<Record<string, Tensor>>;
type Loss = (p: Tensors, d: Tensors) => Tensor;

const ids = { shape: [2, 3], data: BigInt64Array.from([0n, 3n, 1n, 1n, 2n, 0n]) };

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

function lossAt(loss: Loss, params: Params): number {
  const { graph } = trace(({ p, d }) => loss(p, d), { p: params, d: { ids } });
  return Number(
    compileJavaScript(simplify(graph)).runSync(namedArrays({ p: params, d: { ids } })).result.data[0],
  );
}

describe("normalizeByLength", () => {
  it("keeps the loss of 100 random transformers, whose streams can then be rotated", async () => {
    for (let seed = 0; seed < 100; seed++) {
      const { loss, params, norms } = transformer(createRng(seed));
      expect(symmetriesOf(loss, params, { ids }).orthogonal, `${seed}`).toBeUndefined();
      const prepared = await normalizeByLength(loss, params, { ids });
      expect([prepared.replaced, prepared.left, prepared.gains.length], `${seed}`).toEqual([norms, 0, norms]);
      const before = lossAt(loss, params);
      const own = prepared.loss as unknown as Loss;
      expect(relative(before, lossAt(loss, prepared.params)), `${seed}`).toBeLessThan(1e-10);
      expect(relative(before, lossAt(own, prepared.params)), `${seed}`).toBeLessThan(1e-10);
      const { orthogonal } = symmetriesOf(own, prepared.params, { ids });
      expect(orthogonal?.paths, `${seed}`).toContain("table");
      const to = await orthogonal?.act(prepared.params, randomT(orthogonal.algebra, 3, seed), {});
      if (to === undefined || isRefusal(to)) throw new Error(`${seed}: not moved`);
      expect(relative(before, lossAt(own, to)), `${seed}`).toBeLessThan(1e-10);
    }
  });

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
