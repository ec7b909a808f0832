import { randomCases } from "isoloss-test-support/random-cases";
import {
  expectKept,
  listing,
  normals,
  randomized,
  subject,
} from "isoloss-test-support/symmetry/discovery/support";
import { randomT, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { cond } from "../../../src/graph/control/cond.js";
import { scan } from "../../../src/graph/control/scan.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater } from "../../../src/graph/ops/compare.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng, type Rng } from "../../../src/math/rng.js";
import { linear } from "../../../src/nn/linear.js";
import { shift } from "../../../src/symmetry/shift.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";

type Tensors = Readonly<Record<string, Tensor>>;
/** Makes values [steps, samples, width] from such values and parameters. */
type Layer = (h: Tensor, p: { readonly w: Tensor; readonly b: Tensor }) => Tensor;

const width = 4;
const steps = 3;

const layers: readonly Layer[] = [
  (h, { w, b }) => linear(h, { weight: w, bias: b }),
  (h, { w, b }) => relu(linear(h, { weight: w, bias: b })),
  (h, { w, b }) => tanh(linear(h, { weight: w, bias: b })),
];

const loops: readonly Layer[] = [
  (h, { w, b }) => {
    const start = reshape(slice(h, { ends: [1, ...h.shape.slice(1)] }), h.shape.slice(1));
    return scan(
      (c: Tensor, x: Tensor): [Tensor, Tensor] => {
        const next = tanh(add(add(matmul(c, w), x), b));
        return [next, next];
      },
      start,
      h,
    )[1];
  },
  (h, { w, b }) =>
    scan((_: Tensor[], x: Tensor): [Tensor[], Tensor] => [[], add(matmul(x, transpose(w)), b)], [], h)[1],
  (h) =>
    scan((c: Tensor, x: Tensor): [Tensor, Tensor] => [add(c, x), c], mul(0, sum(h, { axes: [0] })), h)[1],
  (h, { w, b }) =>
    cond(
      greater(sum(b), 0),
      () => linear(h, { weight: w, bias: b }),
      () => relu(add(h, b)),
    ),
];

/** Layers, one or two loops or branches, and layers. */
function randomLayers(rng: Rng): Layer[] {
  const some = (list: readonly Layer[], count: number) =>
    Array.from({ length: count }, () => list[rng.int(list.length)]);
  return [...some(layers, 3), ...some(loops, 1 + rng.int(2)), ...some(layers, 3)];
}

const count = randomCases(40);
const found = { shifts: 0, others: 0 };

describe("What is found in networks with loops and branches", () => {
  it.each(Array.from({ length: count }, (_, k) => k))("keeps the loss of number %i", async (seed) => {
    const rng = createRng(seed);
    const chosen = randomLayers(rng);
    const params = chosen.map(() => ({ w: normals(rng, [width, width]), b: normals(rng, [width]) }));
    const data = { x: normals(rng, [steps, 5, width]), y: normals(rng, [steps, 5, width]) };
    const loss = (p: readonly { readonly w: Tensor; readonly b: Tensor }[], { x, y }: Tensors) =>
      sum(
        square(
          sub(
            chosen.reduce((h, layer, k) => layer(h, p[k]), x),
            y,
          ),
        ),
      );
    const s = subject(loss, randomized(params, rng), data);
    expectKept(s);
    found.others += listing(s.found).length;
    const { shifts } = s.found;
    found.shifts += shifts.length;
    if (shifts.length === 0) return;
    const symmetry = shift(s.loss, s.values, data, shifts);
    const to = await symmetry.act(s.values, randomT(symmetry.algebra, 2, 1), {});
    if (isRefusal(to)) throw new Error(to.refused);
    expect(relative(s.evaluate(s.values), s.evaluate(to))).toBeLessThan(1e-10);
  });

  it("is of several kinds", () => {
    expect(found.shifts).toBeGreaterThan(count / 2);
    expect(found.others).toBeGreaterThan(2.5 * count);
  });
});
