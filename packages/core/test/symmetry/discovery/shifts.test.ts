import { normals, type Subject, subject, type Values } from "isoloss-test-support/symmetry/discovery/support";
import { randomT, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { astype, type NdArray } from "../../../src/array.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { conv2d } from "../../../src/graph/ops/conv.js";
import { square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { avgPool2d } from "../../../src/graph/ops/pool.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { softmax } from "../../../src/graph/ops/softmax.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng } from "../../../src/math/rng.js";
import { multiHeadAttention } from "../../../src/nn/attention.js";
import { linear } from "../../../src/nn/linear.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { batchNorm, layerNorm } from "../../../src/nn/norm.js";
import type { ShiftGenerator } from "../../../src/symmetry/discovery/descriptors.js";
import { product } from "../../../src/symmetry/product.js";
import { shift } from "../../../src/symmetry/shift.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";

type Shapes = Readonly<Record<string, readonly number[]>>;
type Tensors = Readonly<Record<string, Tensor>>;

const rng = createRng(3);
const draw = (shapes: Shapes): Record<string, NdArray> =>
  Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, normals(rng, shape)]));
const ids: NdArray = { shape: [2, 3], data: BigInt64Array.from([0n, 3n, 1n, 1n, 2n, 0n]) };
const data = {
  x: normals(rng, [4, 3]),
  image: normals(rng, [2, 3, 6, 6]),
  tokens: normals(rng, [2, 3, 4]),
  ids,
  y: { shape: [4], data: BigInt64Array.from([0n, 1n, 1n, 0n]) },
};

/** `p.b0[3]@0 > p.b1`, in brackets the size of T, then along which axes it varies and what absorbs it. */
const described = ({ path, part, size, along, absorbing }: ShiftGenerator): string => {
  const name = (at: { path: string; part?: { start: number; count: number } | undefined }) =>
    at.path.slice(2) + (at.part ? `<${at.part.start}+${at.part.count}>` : "");
  const to = absorbing.map(name).join(" ");
  return `${name({ path, part })}[${size}]@${along.join()}${to ? ` > ${to}` : ""}`;
};

/** A loss as a subject: any function of the output that nothing cancels in. */
function lossOf(f: (p: Tensors, d: Tensors) => Tensor, shapes: Shapes): Subject {
  return subject((p: Tensors, d: Tensors) => sum(square(sub(f(p, d), 0.3))), draw(shapes), data);
}

async function expectShifts(s: Subject, wanted: readonly string[]): Promise<void> {
  const { shifts } = s.found;
  expect(shifts.map(described)).toEqual(wanted);
  if (shifts.length === 0) return;
  const symmetry = shift(s.loss, s.values, data, shifts);
  const to = await symmetry.act(s.values, randomT(symmetry.algebra, 2, 1), {});
  if (isRefusal(to)) throw new Error(to.refused);
  expect(to).not.toEqual(s.values);
  expect(relative(s.evaluate(s.values), s.evaluate(to))).toBeLessThan(1e-10);
}

const layer = (p: Tensors, h: Tensor, k: number): Tensor =>
  linear(h, { weight: p[`w${k}`], bias: p[`b${k}`] });

describe("Shifts", () => {
  it("move from one linear layer's bias to the next one's, b_2 - W_2 T", async () => {
    const s = lossOf((p, { x }) => layer(p, layer(p, x, 0), 1), { w0: [2, 3], b0: [2], w1: [2, 2], b1: [2] });
    await expectShifts(s, ["b0[2]@0 > b1"]);
    const symmetry = shift(s.loss, s.values, data, s.found.shifts);
    const T = [{ shape: [2], data: Float64Array.of(1, -2) }];
    const to = (await symmetry.act(s.values, T, {})) as Values;
    const [w, before, after] = [s.values["p.w1"], s.values["p.b1"], to["p.b1"]].map(({ data: v }) => v);
    for (const i of [0, 1]) {
      const expected = Number(before[i]) - Number(w[2 * i]) + 2 * Number(w[2 * i + 1]);
      expect(Number(after[i])).toBeCloseTo(expected, 12);
      expect(Number(to["p.b0"].data[i])).toBeCloseTo(Number(s.values["p.b0"].data[i]) + [1, -2][i], 12);
    }
  });

  it("end at activations, and at outputs", async () => {
    for (const f of [relu, tanh]) {
      const shapes = { w0: [2, 3], b0: [2], w1: [2, 2], b1: [2] };
      await expectShifts(
        lossOf((p, { x }) => layer(p, f(layer(p, x, 0)), 1), shapes),
        [],
      );
    }
  });

  it("go to all readers of a residual stream, and between its writers", async () => {
    const block = (p: Tensors, h: Tensor, k: number) => add(h, layer(p, relu(layer(p, h, k)), k + 1));
    const shapes = {
      w0: [4, 3],
      b0: [4],
      w1: [5, 4],
      b1: [5],
      w2: [4, 5],
      b2: [4],
      w3: [5, 4],
      b3: [5],
      w4: [4, 5],
      b4: [4],
      w5: [2, 4],
      b5: [2],
    };
    await expectShifts(
      lossOf((p, { x }) => layer(p, block(p, block(p, layer(p, x, 0), 1), 3), 5), shapes),
      ["b0[4]@0 > b1 b2", "b2[4]@0 > b3 b4", "b4[4]@0 > b5"],
    );
  });

  it("pass convolutions that do not pad, and average poolings", async () => {
    const bias = (b: Tensor) => reshape(b, [1, b.size, 1, 1]);
    const shapes = { w0: [4, 3, 3, 3], b0: [4], w1: [2, 4, 3, 3], b1: [2], w2: [2, 2, 1, 1], b2: [2] };
    const network =
      (padding: number) =>
      (p: Tensors, { image }: Tensors) => {
        const first = add(conv2d(image, p.w0, { padding: 1 }), bias(p.b0));
        const second = add(conv2d(first, p.w1, { padding }), bias(p.b1));
        return add(conv2d(avgPool2d(second, { kernel: 2 }), p.w2), bias(p.b2));
      };
    await expectShifts(lossOf(network(0), shapes), ["b0[4]@0 > b1", "b1[2]@0 > b2"]);
    await expectShifts(lossOf(network(1), shapes), ["b1[2]@0 > b2"]);
  });

  it("vanish in means that are subtracted: equal ones over the units, all of them over the batch", async () => {
    const shapes = { w0: [4, 3], b0: [4], g: [4], c: [4] };
    const norm = (p: Tensors) => ({ weight: p.g, bias: p.c });
    await expectShifts(
      lossOf((p, { x }) => tanh(layerNorm(layer(p, x, 0), norm(p))), shapes),
      ["b0[1]@", "w0[3]@1"],
    );
    const state = (h: Tensor) => ({ running_mean: h, running_var: h });
    await expectShifts(
      lossOf(
        (p, { x }) => tanh(batchNorm(layer(p, x, 0), norm(p), state(p.g), { training: true }).output),
        shapes,
      ),
      ["b0[4]@0"],
    );
  });

  it("of keys vanish in the softmax, and of values go to the output's bias", async () => {
    const shapes = { w: [12, 4], b: [12], o: [4, 4], c: [4] };
    await expectShifts(
      lossOf((p, { tokens }) => {
        const attention = { in_proj_weight: p.w, in_proj_bias: p.b, out_proj: { weight: p.o, bias: p.c } };
        return tanh(multiHeadAttention(tokens, attention, { heads: 2 }));
      }, shapes),
      ["b<4+4>[4]@0", "b<8+4>[4]@0 > c"],
    );
  });

  it("of all classes' scores vanish in the cross entropy", async () => {
    const s = subject(
      (p: Tensors, { x, y }: Tensors) => crossEntropy(layer(p, relu(layer(p, x, 0)), 1), y),
      draw({ w0: [4, 3], b0: [4], w1: [2, 4], b1: [2] }),
      data,
    );
    await expectShifts(s, ["b1[1]@", "w1[4]@1"]);
  });

  it("move between embeddings and positions", async () => {
    const shapes = { table: [5, 4], position: [3, 4], w0: [2, 4] };
    await expectShifts(
      lossOf(
        (p, { ids: tokens }) =>
          tanh(matmul(add(gather(p.table, tokens, { axis: 0 }), p.position), p.w0, { transposeB: true })),
        shapes,
      ),
      ["table[4]@1 > position"],
    );
  });

  it("are checked in a product with a symmetry of one's own, of a network in float32", async () => {
    const s = lossOf((p, { x }) => layer(p, layer(p, x, 0), 1), { w0: [2, 3], b0: [2], w1: [2, 2], b1: [2] });
    const single = (tree: Values): Values =>
      Object.fromEntries(Object.entries(tree).map(([name, v]) => [name, astype(v, "float32")]));
    const [values, batch] = [single(s.values), { x: astype(data.x, "float32") }];
    const { generators, ...own } = shift(s.loss, values, batch, s.found.shifts);
    expect(generators).toHaveLength(1);
    const symmetry = product([shift(s.loss, values, batch, s.found.shifts), own]);
    const teleporter = await createTeleporter({ symmetry, loss: s.loss, params: values, batch });
    expect(teleporter.exact).toBe("everywhere");
    await teleporter.dispose();
  });

  it("go with the elements that are picked from, or averaged over, what is shifted unevenly", async () => {
    const picked = { shape: [2], data: BigInt64Array.of(2n, 0n) };
    await expectShifts(
      lossOf((p, { x }) => add(matmul(gather(add(x, p.a), constant(picked), { axis: 1 }), p.w), p.b), {
        a: [3],
        w: [2, 2],
        b: [2],
      }),
      ["a[3]@0 > b"],
    );
    await expectShifts(
      lossOf((p, { x }) => tanh(add(matmul(softmax(p.s, { axis: 1 }), add(x, p.c)), p.b)), {
        s: [2, 4],
        c: [4, 3],
        b: [2, 3],
      }),
      ["s[2]@0", "c[12]@0,1 > b"],
    );
  });

  it("keep away from parameters that other shifts are multiplied by", async () => {
    // The gain is added somewhere, too: the shift of b0 depends on it.
    const shapes = { w0: [3, 3], b0: [3], g: [3], b1: [3] };
    await expectShifts(
      lossOf((p, { x }) => add(add(mul(layer(p, x, 0), p.g), p.b1), mul(p.g, 2)), shapes),
      ["b0[3]@0 > b1"],
    );
  });
});
