import { randomT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { astype, isNdArray, type NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { balanced } from "../../../src/entries/moves.js";
import { relu } from "../../../src/graph/ops/activation.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { torchGenerator, torchRand } from "../../../src/math/mt19937.js";
import { linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { type MlpParams, mlp } from "../../../src/nn/models/mlp.js";
import { generalLinear } from "../../../src/symmetry/general-linear.js";
import { hiddenAction } from "../../../src/symmetry/hidden/hidden-action.js";
import { positiveScaling } from "../../../src/symmetry/positive-scaling.js";
import { product } from "../../../src/symmetry/product.js";
import { scaling } from "../../../src/symmetry/scaling.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { isRefusal, type Symmetry } from "../../../src/symmetry/symmetry.js";
import type { GuardOptions } from "../../../src/teleport/guard.js";
import { balance } from "../../../src/teleport/search/balance.js";
import type { SearchFactory } from "../../../src/teleport/search/search.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { flatten } from "../../../src/tree.js";
import { measurer } from "../../problems/support.js";
import { teleportBy } from "./support.js";

const model = mlp({ sizes: [5, 7, 6, 3], activation: "relu" });
const { params } = model.init(torchGenerator(0), { dtype: "float64" });
const rng = torchGenerator(1);
const drawn = (shape: readonly number[]) => astype(torchRand(rng, shape), "float64");
const batch = { x: drawn([8, 5]), y: drawn([8, 3]) };
const loss: BatchLoss<MlpParams, typeof batch> = (p, { x, y }) => mseLoss(model.apply(p, x).output, y);
const symmetry = positiveScaling(params);
const found = symmetriesOf(loss, params, batch).found;

/** A point of the orbit far from balance. */
async function unbalanced<P>(group: Symmetry<P>, from: P, size: number): Promise<P> {
  const moved = await group.act(from, randomT(group.algebra, size, 5), {});
  if (isRefusal(moved)) throw new Error(moved.refused);
  return moved;
}

const flat = (tree: unknown): number[] =>
  flatten<NdArray>(tree, isNdArray).leaves.flatMap(({ data }) => Array.from(data as Float64Array));
const squares = (tree: unknown) => flat(tree).reduce((sum, v) => sum + v * v, 0);

function expectClose(actual: unknown, expected: unknown): void {
  const [a, b] = [flat(actual), flat(expected)];
  const size = Math.hypot(...b);
  expect(Math.hypot(...a.map((v, i) => v - b[i]))).toBeLessThan(1e-9 * size);
}

const problemAt = (start: MlpParams) => ({ loss: loss as BatchLoss<MlpParams>, params: start, batch });

describe("balance", () => {
  it.each(["norm", "range"] as const)(
    "goes where balanced by %s goes, though the objective falls",
    async (by) => {
      const start = await unbalanced(symmetry, params, 2);
      const { params: to, report } = await teleportBy(balance(symmetry, { by }), problemAt(start));
      expectClose(to, await balanced(start, found, { by }));
      expect(report).toMatchObject({
        accepted: true,
        steps: 1,
        search: `positive scaling, balanced by ${by}`,
      });
      expect(report.drift).toBeLessThan(1e-12);
      expect(report.objectiveAfter).toBeLessThan(report.objectiveBefore);
    },
  );

  it("by gradient has the least gradient of the orbit, equal on both sides of each unit", async () => {
    const start = await unbalanced(symmetry, params, 2);
    const { params: to, report } = await teleportBy(
      balance(symmetry, { by: "gradient", tolerance: 1e-9 }),
      problemAt(start),
    );
    const measure = await measurer<MlpParams>({ ...problemAt(start), start });
    const least = (await measure(to)).gradNormSq;
    expect(report.gradNormSqAfter).toBeCloseTo(least, 10);
    expect(report.gradNormSqAfter).toBeLessThan(report.gradNormSqBefore);
    for (let seed = 0; seed < 10; seed++) {
      const near = await symmetry.act(to, randomT(symmetry.algebra, 0.05, seed), batch);
      if (isRefusal(near)) throw new Error(near.refused);
      expect((await measure(near)).gradNormSq).toBeGreaterThan(least);
    }
    const { layers } = (await measure(to)).gradient;
    for (let i = 0; i < 7; i++) {
      const incoming = Array.from(layers[0].weight.data.subarray(5 * i, 5 * i + 5), Number);
      incoming.push(Number(layers[0].bias?.data[i]));
      const outgoing = Array.from({ length: 6 }, (_, k) => Number(layers[1].weight.data[7 * k + i]));
      expect(squaresOf(incoming)).toBeCloseTo(squaresOf(outgoing), 9);
    }
  });

  it.each(["norm", "gradient"] as const)(
    "by %s pushes the gradient forward to the gradient there",
    async (by) => {
      const start = await unbalanced(symmetry, params, 2);
      const { params: to, pushForward } = await teleportBy(balance(symmetry, { by }), problemAt(start));
      const measure = await measurer<MlpParams>({ ...problemAt(start), start });
      const pushed = await pushForward?.((await measure(start)).gradient, 1);
      expectClose(pushed, (await measure(to)).gradient);
    },
  );

  it("balances scalings and linear maps of one model, in any order", async () => {
    const start = { a: drawn([3, 5]), b: drawn([3, 3]), c: drawn([6, 3]), d: drawn([3, 6]) };
    type Start = typeof start;
    const fit: BatchLoss<Start, typeof batch> = (p, { x, y }) => {
      const layer = (h: Tensor, weight: Tensor) => linear(h, { weight });
      return mseLoss(layer(relu(layer(layer(layer(x, p.a), p.b), p.c)), p.d), y);
    };
    const both = symmetriesOf(fit, start, batch).found;
    expect([both.scalings.length, both.linear.length]).toEqual([3, 2]);
    const groups = [scaling<Start>(both.scalings), generalLinear<Start>(both.linear)];
    const to = await balanced(start, both, { tolerance: 1e-9 });
    for (const list of [groups, [...groups].reverse()]) {
      const search = balance(product(list), { tolerance: 1e-9 });
      const { params: moved, report } = await teleportBy(search, {
        loss: fit as BatchLoss<Start>,
        params: start,
        batch,
      });
      expect(report.accepted).toBe(true);
      expect(report.drift).toBeLessThan(1e-10);
      expect(squares(moved)).toBeCloseTo(squares(to), 8);
    }
    const other = await unbalanced(generalLinear<Start>(both.linear), start, 0.3);
    expect(squares(await balanced(other, both, { tolerance: 1e-9 }))).toBeCloseTo(squares(to), 6);
  });

  it("stays where it is balanced, and says so", async () => {
    const start = await balanced(params, found);
    const { params: to, report } = await teleportBy(balance(symmetry), problemAt(start));
    expect(to).toBe(start);
    expect(report).toMatchObject({ accepted: false, reason: "it is balanced by norm already" });
  });

  it("stays and says so where sweeps do not come to an end", async () => {
    const start = await unbalanced(symmetry, params, 2);
    const { report } = await teleportBy(balance(symmetry, { sweeps: 1 }), problemAt(start));
    expect(report.accepted).toBe(false);
    expect(report.reason).toMatch(/^the weights are not balanced after 1 sweeps/);
  });

  it("leaves weights far from 1 to the host", async () => {
    const start = await symmetry.act(params, [filled(7, 120), filled(6, -130)], batch);
    if (isRefusal(start)) throw new Error(start.refused);
    const { params: to, report } = await teleportBy(balance(symmetry), problemAt(start));
    expect(report.accepted).toBe(true);
    expectClose(to, await balanced(start, found));
  });

  it("is judged by the guard: on the loss, on held-out data, and in the race", async () => {
    const start = await unbalanced(symmetry, params, 2);
    // The bias of the first layer is forgotten: the loss changes.
    const broken = scaling<MlpParams>(
      found.scalings.map((generator) => ({
        ...generator,
        axes: generator.axes.filter(({ path }) => path !== "layers.0.bias"),
      })),
    );
    const reasonOf = async (search: SearchFactory<MlpParams>, guard: GuardOptions) => {
      const options = { search, guard: { curvature: 0, ...guard }, allowInexact: true };
      const teleporter = await createTeleporter({ ...problemAt(start), ...options });
      const { report } = await teleporter.teleport(start, batch, { heldOut: batch });
      await teleporter.dispose();
      return report.accepted ? "accepted" : report.reason;
    };
    expect(await reasonOf(balance(broken), {})).toMatch(/^the loss drifts by/);
    expect(await reasonOf(balance(broken), { drift: 1e9 })).toMatch(/^the loss on held-out data drifts by/);
    expect(await reasonOf(balance(symmetry), {})).toBe("accepted");
    const race = { learningRate: 1e-9, steps: 3 };
    expect(await reasonOf(balance(symmetry), { race })).toMatch(/^descent from the new point reaches/);
  });

  it("takes scalings and GL only, and for ranges and powers of two scalings", () => {
    const smooth = mlp({ sizes: [5, 4, 3], activation: "tanh" }).init(torchGenerator(0)).params;
    expect(() => balance(hiddenAction(smooth, { activation: "tanh" }))).toThrow(
      /balance takes scalings, GL, and products of them, .* is no such symmetry/,
    );
    const space = { kind: "linear" as const, size: 2, copies: 1, axes: [] };
    expect(() => balance(generalLinear([space]), { by: "range" })).toThrow(
      /by ranges or in powers of two takes scalings/,
    );
    expect(() => balance(generalLinear([space]), { powersOfTwo: true })).toThrow(/takes scalings/);
    expect(() => balance(symmetry, { by: "size" as never })).toThrow(/norm, range, gradient/);
  });
});

const filled = (size: number, t: number): NdArray => ({
  shape: [size],
  data: new Float64Array(size).fill(t),
});

const squaresOf = (values: readonly number[]) => values.reduce((sum, v) => sum + v * v, 0);
