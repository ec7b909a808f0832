import { randomCases } from "isoloss-test-support/random-cases";
import {
  combine,
  derivativeOf,
  distance,
  evaluator,
  type Problem,
  randomProblem,
  randomT,
  relative,
  scaledT,
} from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { takeRows } from "../../../src/data/batches.js";
import { OptionError } from "../../../src/errors.js";
import type { Activation } from "../../../src/nn/activation.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import { pseudoInverseAction } from "../../../src/symmetry/hidden/pseudo-inverse-action.js";
import { isRefusal } from "../../../src/symmetry/symmetry.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";
import { flatten } from "../../../src/tree.js";

const activations: readonly Activation[] = ["relu", "leakyRelu", "gelu", "silu", "tanh", "softplus"];
const seeds = Array.from({ length: randomCases(100) }, (_, i) => 7000 + i);
const refusalOf = (value: unknown): string => (isRefusal(value) ? value.refused : "moved");
const wide = /hidden layer's output has rank \d+ for a batch of \d+: the action would change the loss/;

const matrix = (rows: number[][]): NdArray => ({
  shape: [rows.length, rows[0].length],
  data: Float64Array.from(rows.flat()),
});

const numbers = ({ data }: NdArray): number[] => Array.from(data as Float64Array);

/** A random problem with more samples than some hidden layer has units. */
function crowded(seed: number): Problem {
  for (let k = 0; ; k++) {
    const problem = randomProblem(seed + 1000 * k, { activations });
    if (problem.batch.x.shape[0] > Math.min(...problem.sizes.slice(1, -1))) return problem;
  }
}

describe("pseudoInverseAction", () => {
  // By hand: one sample x = 1, z = (1, 2), s = relu, W_2 = (1, 1), output 3. g = [[1, 0], [1, 1]] takes z to (1, 3);
  // S_g^+ = (1, 3)'/10 and S - S_g = (0, -1), so that W_2' becomes (1, 1)' - (1, 3)'/10 = (0.9, 0.7)': 0.9 + 2.1 = 3.
  it("moves a network as by hand", async () => {
    const params = { layers: [{ weight: matrix([[1], [2]]) }, { weight: matrix([[1, 1]]) }] };
    const symmetry = pseudoInverseAction(params);
    const T = matrix([
      [0, 0],
      [1, 0],
    ]);
    const { layers } = (await symmetry.act(params, [T], { x: matrix([[1]]) })) as MlpParams;
    expect(numbers(layers[0].weight)).toEqual([1, 3]);
    expect(layers[1].weight.data[0]).toBeCloseTo(0.9, 14);
    expect(layers[1].weight.data[1]).toBeCloseTo(0.7, 14);
  });

  it("is said to be computed too inaccurately by a search where arrays have the pseudo-inverse, of samples that nearly coincide", async () => {
    const { params, loss, sizes } = randomProblem(7, { activations: ["tanh"], size: "few" });
    const row = Array.from({ length: sizes[0] }, (_, k) => Math.cos(k + 1));
    const y = Array<number>(sizes[sizes.length - 1]).fill(0);
    const batch = { x: matrix([row, row.map((v, k) => v + (k === 0 ? 1e-5 : 0))]), y: matrix([y, y]) };
    const symmetry = pseudoInverseAction(params, { activation: "tanh" });
    const teleporter = await createTeleporter({ symmetry, loss, params, batch });
    expect(await symmetry.context?.(params, batch)).not.toHaveProperty("refused");
    const { report } = await teleporter.teleport(params, batch);
    expect(report).toMatchObject({
      reason: expect.stringContaining(
        'the search computes what "pseudo-inverse action" needs at this point too inaccurately',
      ),
    });
    await teleporter.dispose();
  });

  it("keeps the loss of random networks on a batch of one sample for every unit that relu may leave on", async () => {
    let acted = 0;
    for (const seed of seeds) {
      const problem = randomProblem(seed, { activations: ["relu"], size: "few" });
      const { params, batch, loss, activation, label } = problem;
      const symmetry = pseudoInverseAction(params, activation);
      const moved = await symmetry.act(params, randomT(symmetry.algebra, 0.05, seed), batch);
      if (isRefusal(moved)) {
        // Units that are off for all samples, or samples that no unit is on for.
        expect(moved.refused, label).toMatch(wide);
        continue;
      }
      const lossOf = evaluator(loss, problem);
      expect(relative(lossOf(params, batch), lossOf(moved, batch)), label).toBeLessThan(1e-10);
      expect(distance(params, moved), label).toBeGreaterThan(1e-4);
      acted++;
    }
    expect(acted).toBeGreaterThan(0.4 * seeds.length);
  });

  it("refuses a batch larger than a hidden layer, and moves the loss when told to act", async () => {
    let moves = 0;
    for (const seed of seeds) {
      const problem = crowded(seed);
      const { params, batch, loss, activation, label } = problem;
      const careful = pseudoInverseAction(params, activation);
      const T = randomT(careful.algebra, 0.3, seed);
      expect(careful.exact).toBe("batch");
      expect(refusalOf(await careful.context?.(params, batch)), label).toMatch(wide);
      expect(refusalOf(await careful.act(params, T, batch)), label).toMatch(wide);
      const careless = pseudoInverseAction(params, { ...activation, allowInexact: true });
      expect(careless.exact).toBe("no");
      const moved = (await careless.act(params, T, batch)) as MlpParams;
      const lossOf = evaluator(loss, problem);
      if (relative(lossOf(params, batch), lossOf(moved, batch)) > 1e-6) moves++;
      const still = (await careless.act(params, scaledT(T, 0), batch)) as MlpParams;
      expect(distance(params, still), label).toBeLessThan(1e-9);
    }
    // Where no unit is near its bend relu is linear, and the loss is kept all the same.
    expect(moves).toBeGreaterThan(0.9 * seeds.length);
  });

  it("changes the function elsewhere: the loss on other data moves", async () => {
    const problem = randomProblem(7003, { activations: ["tanh"], size: "few" });
    const { params, batch, loss, activation } = problem;
    const symmetry = pseudoInverseAction(params, activation);
    const moved = (await symmetry.act(params, randomT(symmetry.algebra, 0.3, 3), batch)) as MlpParams;
    const lossOf = evaluator(loss, problem);
    const other = { x: { ...batch.x, data: Float64Array.from(numbers(batch.x), (v) => -2 * v) }, y: batch.y };
    expect(relative(lossOf(params, batch), lossOf(moved, batch))).toBeLessThan(1e-12);
    expect(relative(lossOf(params, other), lossOf(moved, other))).toBeGreaterThan(1e-4);
  });

  it("is the paper's W_next' <- S_g^+ S W_next' but for what the batch does not see", async () => {
    const params = { layers: [{ weight: matrix([[1], [2]]) }, { weight: matrix([[1, 1]]) }] };
    const moved = async (t: number) => {
      const T = matrix([
        [0, 0],
        [t, 0],
      ]);
      return (await pseudoInverseAction(params).act(params, [T], { x: matrix([[1]]) })) as MlpParams;
    };
    // S^+ S (1, 1)' = (1, 2)' 3/5 for g = I, where the paper's form would move; this one stays.
    expect(await moved(0)).toEqual(params);
    // The paper's (1, 3)' 3/10 for g, and its own part across (1, 3), (0.6, -0.2): together (0.9, 0.7).
    const { weight } = (await moved(1)).layers[1];
    const along = (Number(weight.data[0]) + 3 * Number(weight.data[1])) / 10;
    expect(along).toBeCloseTo(0.3, 14);
    expect(Number(weight.data[0]) - along).toBeCloseTo(0.6, 14);
    expect(Number(weight.data[1]) - 3 * along).toBeCloseTo(-0.2, 14);
  });

  it("is the least-squares fit on a batch that is larger than the layer", async () => {
    const params = {
      layers: [{ weight: matrix([[1], [-1]]) }, { weight: matrix([[2, 3]]) }],
    };
    // s = softplus on three samples; W_next' minimizes |S_g W' - S W_next'|, so that the residual is orthogonal to S_g.
    const x = matrix([[-1], [0.5], [2]]);
    const symmetry = pseudoInverseAction(params, { activation: "softplus", allowInexact: true });
    const T = matrix([
      [0.2, 0.1],
      [-0.3, 0.1],
    ]);
    const { layers } = (await symmetry.act(params, [T], { x })) as MlpParams;
    const softplus = (z: number) => Math.log1p(Math.exp(z));
    const outputs = (weight: NdArray) => numbers(x).map((v) => numbers(weight).map((w) => softplus(w * v)));
    const [S, Sg] = [params.layers[0].weight, layers[0].weight].map(outputs);
    const times = (rows: number[][], w: NdArray) =>
      rows.map((row) => row.reduce((sum, v, i) => sum + v * Number(w.data[i]), 0));
    const [wanted, given] = [times(S, params.layers[1].weight), times(Sg, layers[1].weight)];
    const residual = wanted.map((v, i) => v - given[i]);
    expect(Math.hypot(...residual)).toBeGreaterThan(1e-3);
    for (const unit of [0, 1]) {
      expect(residual.reduce((sum, r, i) => sum + r * Sg[i][unit], 0)).toBeCloseTo(0, 12);
    }
  });

  it("has the derivative of the inexact action, too, on a batch that is larger than a layer", async () => {
    const h = 1e-6;
    for (const seed of seeds.slice(0, 20)) {
      const problem = randomProblem(seed, { activations: ["tanh", "softplus", "gelu"], size: "wide" });
      const { params, batch, activation, label } = problem;
      const symmetry = pseudoInverseAction(params, { ...activation, allowInexact: true });
      const T = randomT(symmetry.algebra, 1, seed);
      const [up, down] = [h, -h].map((t) => symmetry.act(params, scaledT(T, t), batch));
      const difference = combine(
        (a, b) => (a - b) / (2 * h),
        (await up) as MlpParams,
        (await down) as MlpParams,
      );
      const slope = await derivativeOf(symmetry, problem, T);
      expect(distance(difference, slope), label).toBeLessThan(1e-5);
    }
  });

  it("refuses repeated samples, singular elements and parameters that are not finite, as values", async () => {
    const { params, batch, activation } = randomProblem(7001, { activations: ["tanh"], size: "few" });
    const symmetry = pseudoInverseAction(params, activation);
    const T = randomT(symmetry.algebra, 0.05, 1);
    const twice = { x: takeRows(batch.x, [0, 0]) };
    expect(refusalOf(await symmetry.act(params, T, twice))).toMatch(
      /rank 1 for a batch of 2.*repeated samples/,
    );
    const minusIdentity = symmetry.algebra.map(([n]) =>
      matrix(Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_v, j) => (i === j ? -1 : 0)))),
    );
    expect(refusalOf(await symmetry.act(params, minusIdentity, batch))).not.toBe("moved");
    for (const { data } of flatten<NdArray>(params, isNdArray).leaves) data.fill(Number.NaN as never);
    expect(refusalOf(await symmetry.act(params, T, batch))).toMatch(/output cannot be inverted/);
  });

  it("teleports a network of relu at the same loss", async () => {
    const problem = randomProblem(7014, { activations: ["relu"], size: "few" });
    const { params, batch, loss } = problem;
    const teleporter = await createTeleporter({ symmetry: pseudoInverseAction(params), loss, params, batch });
    const { report } = await teleporter.teleport(params, batch);
    await teleporter.dispose();
    expect(report.accepted, report.reason).toBe(true);
    expect(report.drift).toBeLessThan(1e-10);
    expect(report.gradNormSqAfter).toBeGreaterThan(report.gradNormSqBefore);
  });

  it("throws for an unknown activation and for a network without hidden layers", () => {
    const { params } = randomProblem(0, { activations });
    expect(() => pseudoInverseAction(params, { activation: "step" as never })).toThrow(OptionError);
    const single = { layers: params.layers.slice(0, 1) };
    expect(() => pseudoInverseAction(single)).toThrow(/pseudoInverseAction.*at least 2 layers; got 1/);
  });
});
