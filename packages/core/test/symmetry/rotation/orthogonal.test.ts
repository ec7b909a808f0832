import {
  describeFound,
  normals,
  type Subject,
  subject,
} from "isoloss-test-support/symmetry/discovery/support";
import { randomT, relative, scaledT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { add, div, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { sqrt, square, tanh } from "../../../src/graph/ops/elementary.js";
import { gather } from "../../../src/graph/ops/gather.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape, transpose } from "../../../src/graph/ops/reshape.js";
import { softmax } from "../../../src/graph/ops/softmax.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import { multiHeadAttention } from "../../../src/nn/attention.js";
import { layerNorm } from "../../../src/nn/norm.js";
import { jit } from "../../../src/runtime/jit.js";
import { describeDiscovery } from "../../../src/symmetry/discovery/describe.js";
import { firstUnshown } from "../../../src/symmetry/discovery/shown.js";
import { generalLinear } from "../../../src/symmetry/general-linear.js";
import { orthogonal } from "../../../src/symmetry/rotation/orthogonal.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { rmsNorm } from "../discovery/random-network.js";

type Tensors = Readonly<Record<string, Tensor>>;

const rng = createRng(5);
const data = {
  x: normals(rng, [2, 3, 4]),
  ids: { shape: [2, 3], data: BigInt64Array.from([0n, 3n, 1n, 1n, 2n, 0n]) },
};

function subjectOf(
  f: (p: Tensors, d: Tensors) => Tensor,
  shapes: Readonly<Record<string, readonly number[]>>,
) {
  const params = Object.fromEntries(Object.entries(shapes).map(([name, s]) => [name, normals(rng, s)]));
  return subject((p: Tensors, d: Tensors) => sum(square(sub(f(p, d), 0.3))), params, data);
}

async function expectKept({ values, found, evaluate }: Subject): Promise<void> {
  const symmetry = orthogonal<typeof values>(found.orthogonal);
  const T = randomT(symmetry.algebra, 3, 1);
  const to = await symmetry.act(values, T, {});
  if (isRefusal(to)) throw new Error(to.refused);
  const traced = await jit(
    (p: TensorsOf<typeof values>, t: readonly Tensor[]) => symmetry.trace?.(p, t, {}) as typeof p,
    [values, T],
  );
  const compiled = await traced(values, T);
  for (const [name, { data: expected }] of Object.entries(to)) {
    const numbers = Array.from(compiled[name].data, Number);
    expect(Math.hypot(...numbers.map((v, i) => v - Number(expected[i])))).toBeLessThan(1e-12);
  }
  expect(await traced(values, scaledT(T, 0))).toEqual(values);
  await traced.dispose();
  expect(to).not.toEqual(values);
  expect(relative(evaluate(values), evaluate(to))).toBeLessThan(1e-10);
}

/** h + attention(norm(h)), then h + W_2 tanh(W_1 norm(h)), then a head. */
const transformer =
  (norm: (h: Tensor, p: Tensors) => Tensor) =>
  (p: Tensors, d: Tensors): Tensor => {
    const times = (h: Tensor, w: Tensor) => matmul(h, w, { transposeB: true });
    const h = add(gather(p.table, d.ids, { axis: 0 }), p.position);
    const attention = {
      in_proj_weight: p.qkv,
      in_proj_bias: p.b,
      out_proj: { weight: p.out, bias: p.c },
    };
    const k = add(h, multiHeadAttention(norm(h, p), attention, { heads: 2 }));
    const l = add(k, times(tanh(times(norm(k, p), p.up)), p.down));
    return times(norm(l, p), p.head);
  };
const transformerShapes = {
  table: [5, 4],
  position: [3, 4],
  qkv: [12, 4],
  b: [12],
  out: [4, 4],
  c: [4],
  up: [6, 4],
  down: [4, 6],
  head: [2, 4],
};

describe("orthogonal", () => {
  it("turns the residual stream of a transformer that normalizes by length", async () => {
    const s = subjectOf(
      transformer((h) => rmsNorm(h)),
      transformerShapes,
    );
    expect(s.found.orthogonal.map(describeFound)).toEqual([
      "orthogonal 4: p.table[5,4]@1 p.position[3,4]@1 p.qkv[12,4]@1 p.out[4,4]@0 p.c[4]@0 p.up[6,4]@1 p.down[4,6]@0 p.head[2,4]@1",
    ]);
    await expectKept(s);
  });

  it("turns around the gains and with the means that normalizations take, and refuses gains of zero", async () => {
    const scaled = subjectOf(
      transformer((h, p) => mul(rmsNorm(h), p.gain)),
      { ...transformerShapes, gain: [4] },
    );
    const centered = subjectOf(
      transformer((h, p) => layerNorm(h, { weight: p.gain, bias: p.shift })),
      { ...transformerShapes, gain: [4], shift: [4] },
    );
    for (const s of [scaled, centered]) await expectKept(s);
    const [space] = centered.found.orthogonal;
    expect(space.keeps).toBe("sum");
    expect(
      space.axes.filter(({ gains }) => gains).map(({ path, gains }) => [path, gains?.[0].power]),
    ).toEqual([
      ["p.qkv", -1],
      ["p.up", -1],
      ["p.head", -1],
      ["p.shift", 1],
    ]);
    const symmetry = orthogonal<typeof scaled.values>(scaled.found.orthogonal);
    const zero = { ...scaled.values, "p.gain": normals(rng, [4], 0) };
    const refused = {
      refused: expect.stringMatching(/behind a gain of zero, which one of p\.gain may have/),
    };
    expect(await symmetry.act(zero, randomT(symmetry.algebra, 3, 1), {})).toEqual(refused);
  });

  it("is not found where two places see different gains, and they are named", () => {
    const behind = subjectOf(
      (p, { x }) => matmul(rmsNorm(add(matmul(x, p.w), mul(rmsNorm(matmul(x, p.v)), p.gain))), p.head),
      { w: [4, 5], v: [4, 5], gain: [5], head: [5, 2] },
    );
    expect(behind.found.orthogonal).toEqual([]);
    expect(behind.found.blocked).toEqual([{ size: 5, gains: ["p.gain"] }]);
    const weighted = subjectOf(
      (p, { x }) => {
        const h = matmul(x, p.w);
        return div(matmul(h, p.v), sum(mul(mul(h, p.gain), h), { axes: [2], keepDims: true }));
      },
      { w: [4, 5], v: [5, 3], gain: [5] },
    );
    expect(weighted.found.orthogonal).toEqual([]);
  });

  it.each([
    ["heads of one table behind gains", ["t", "u"], ["t", "t"], ["g", "h"], ["t"]],
    ["heads of two tables behind one gain", ["t", "u"], ["t", "u"], ["g", "g"], ["t", "u"]],
  ])(
    "says which weights need copies, and with these turns the stream: %s",
    (_, tables, heads, gains, shared) => {
      const blockedOf = (own: readonly string[]) => {
        const { values, found } = subjectOf(
          (p, { x }) => {
            const h = rmsNorm(tables.map((name) => matmul(x, p[name])).reduce((a, b) => add(a, b)));
            const logits = own.map((name, k) => matmul(mul(h, p[gains[k]]), p[name], { transposeB: true }));
            return add(tanh(logits[0]), mul(logits[1], logits[1]));
          },
          { t: [4, 5], u: [4, 5], c: [4, 5], d: [4, 5], g: [5], h: [5] },
        );
        const sizes = found.orthogonal.map(({ size }) => size);
        return { blocked: describeDiscovery(values, found).blocked, turns: sizes.includes(5) };
      };
      const text = `It would turn if each place that reads ${shared.map((name) => `p.${name}`).join(", ")} had its own copy.`;
      expect(blockedOf(heads)).toEqual({ blocked: [expect.stringContaining(text)], turns: false });
      expect(blockedOf(["c", heads[1]]).turns).toBe(false);
      expect(blockedOf(["c", "d"])).toEqual({ blocked: [], turns: true });
    },
  );

  it("turns queries and keys of each head that are normalized by length, where GL does not act", async () => {
    const heads = (h: Tensor) => transpose(reshape(h, [2, 3, 2, 3]), [0, 2, 1, 3]);
    const s = subjectOf(
      (p, { x }) => {
        const [q, k, v] = [p.q, p.k, p.v].map((w) => heads(matmul(x, w)));
        return matmul(softmax(matmul(rmsNorm(q), rmsNorm(k), { transposeB: true })), v);
      },
      { q: [4, 6], k: [4, 6], v: [4, 6] },
    );
    expect(s.found.linear).toEqual([]);
    expect(s.found.orthogonal.map(describeFound)).toEqual(["orthogonal 3 x2: p.q[4,2,3]@2/1 p.k[4,2,3]@2/1"]);
    expect(orthogonal(s.found.orthogonal).algebra).toEqual([[2, 3]]);
    await expectKept(s);
  });

  it("sees inner products and lengths along any axis", async () => {
    const s = subjectOf(
      (p, { x }) => {
        const h = transpose(matmul(x, p.w), [0, 2, 1]);
        const length = sqrt(add(sum(mul(h, h), { axes: [1], keepDims: true }), 0.1));
        return sum(mul(div(h, length), reshape(p.v, [1, 5, 1])), { axes: [1] });
      },
      { w: [4, 5], v: [5] },
    );
    expect(s.found.orthogonal.map(describeFound)).toEqual(["orthogonal 5: p.w[4,5]@1 p.v[5]@0"]);
    await expectKept(s);
  });

  /** Two independent streams with gains, one of which has a zero. */
  const streams = () => {
    const s = subjectOf(
      (p, { x }) => {
        const stream = (k: number) =>
          matmul(mul(rmsNorm(matmul(x, p[`w${k}`])), p[`gain${k}`]), p[`head${k}`]);
        return add(stream(0), stream(1));
      },
      { w0: [4, 5], gain0: [5], head0: [5, 2], w1: [4, 3], gain1: [3], head1: [3, 2] },
    );
    const gain = { shape: [3], data: Float64Array.of(1, 0, 2) };
    const values: typeof s.values = { ...s.values, "p.gain1": gain };
    return { ...s, values };
  };

  it("turns the other spaces where one has a gain of zero, which it refuses to turn", async () => {
    const { loss, values, found } = streams();
    expect(found.orthogonal.map(({ size }) => size)).toEqual([5, 3]);
    const symmetry = orthogonal<typeof values>(found.orthogonal);
    const [T, still] = [randomT(symmetry.algebra, 3, 1), scaledT(randomT(symmetry.algebra, 3, 1), 0)];
    expect(await symmetry.act(values, still, {})).toEqual(values);
    const one = await symmetry.act(values, [T[0], still[1]], {});
    expect(one).toMatchObject({ "p.head1": values["p.head1"] });
    expect(one).not.toMatchObject({ "p.head0": values["p.head0"] });
    expect(await symmetry.act(values, [still[0], T[1]], {})).toHaveProperty("refused");
    expect(
      Object.values(
        (await symmetry.pushForward?.(values, [T[0], still[1]], 1, values, {})) as typeof values,
      ).every((array) => Array.from(array.data, Number).every(Number.isFinite)),
    ).toBe(true);
    const teleporter = await createTeleporter({ symmetry, loss, params: values, batch: data });
    const { report } = await teleporter.teleport(values, data);
    expect(report).toMatchObject({ accepted: true });
    await teleporter.dispose();
  });

  it("is refused, or tried, where gains or the kept sum are left out of a space", async () => {
    const { loss, values, found } = streams();
    const stripped = found.orthogonal.map((space) => ({
      ...space,
      axes: space.axes.map((axis) => ({ ...axis, gains: undefined })),
    }));
    expect(firstUnshown(found.orthogonal, found)).toBeUndefined();
    expect(firstUnshown(stripped, found)).toBe(stripped[0]);
    expect(firstUnshown([{ ...found.orthogonal[0], keeps: "sum" }], found)).toBeDefined();
    const params = { ...values, "p.gain1": normals(rng, [3]) };
    await expect(
      createTeleporter({ symmetry: orthogonal<typeof values>(stripped), loss, params, batch: data }),
    ).rejects.toThrow(/does not keep this loss/);
  });

  it("says that the norm of T is too large", async () => {
    const s = subjectOf((p, { x }) => matmul(rmsNorm(matmul(x, p.w)), p.head), { w: [4, 3], head: [3, 2] });
    const symmetry = orthogonal<typeof s.values>(s.found.orthogonal);
    expect(await symmetry.act(s.values, scaledT(randomT(symmetry.algebra, 3, 1), 2000), {})).toEqual({
      refused: "rotations are computed up to a norm of T of 1000",
    });
  });

  it.each([
    ["orthogonal", orthogonal],
    ["generalLinear", generalLinear],
  ] as const)("%s returns parameters that it does not move as the same arrays", async (name, make) => {
    const s = subjectOf(
      (p, { x }) => matmul(name === "orthogonal" ? rmsNorm(matmul(x, p.w)) : matmul(x, p.w), p.head),
      {
        w: [4, 3],
        head: [3, 2],
      },
    );
    const values: typeof s.values = {
      ...s.values,
      other: { shape: [1], data: Float32Array.of(0.1) },
      count: { shape: [1], data: BigInt64Array.of(2n ** 60n + 1n) },
    };
    const spaces = s.found[name === "orthogonal" ? "orthogonal" : "linear"];
    const symmetry = make<typeof values>(spaces as never);
    const to = await symmetry.act(values, randomT(symmetry.algebra, 3, 1), {});
    if (isRefusal(to)) throw new Error(to.refused);
    expect(to.other).toBe(values.other);
    expect(to.count).toBe(values.count);
  });
});
