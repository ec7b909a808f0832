import { float64, numbers } from "isoloss-test-support/nn/support";
import { normals } from "isoloss-test-support/symmetry/discovery/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../../src/array.js";
import { OptionError } from "../../../../src/errors.js";
import { scan } from "../../../../src/graph/control/scan.js";
import { add, mul, sub } from "../../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../../src/graph/ops/elementary.js";
import { matmul } from "../../../../src/graph/ops/matmul.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { trace } from "../../../../src/graph/trace.js";
import { createRng } from "../../../../src/math/rng.js";
import type { MlpParams } from "../../../../src/nn/models/mlp.js";
import { compile } from "../../../../src/runtime/compile.js";
import { gradNormSq, minimized } from "../../../../src/teleport/objective/objective.js";
import { type NullSpaceOptions, nullSpace } from "../../../../src/teleport/search/null-space/null-space.js";
import { flatten, namedArrays } from "../../../../src/tree.js";
import { attention, images, network } from "../networks.js";
import { everyProposal, problemOf, teleportBy } from "../support.js";

/** Paths of what differs. */
const moved = (before: unknown, after: unknown): string[] => {
  const [a, b] = [before, after].map((tree) => flatten<NdArray>(tree, isNdArray));
  return a.paths.filter((_, i) => numbers(a.leaves[i]).some((v, k) => v !== numbers(b.leaves[i])[k]));
};

/** Copies of the leading rows below them: more samples, of no larger rank. */
const repeated = ({ shape: [m, n], data }: NdArray, times: number): NdArray =>
  float64(
    Array.from({ length: times }, () =>
      numbers({ shape: [m, n], data: Array.from(data as Float64Array) }),
    ).flat(),
    [m * times, n],
  );

describe("nullSpace", () => {
  it.each([
    [
      "an mlp",
      network([3, 6, 8, 2], 4),
      ["layers.1.weight", "layers.1.bias", "layers.2.weight", "layers.2.bias"],
    ],
    [
      "a convolutional network",
      images(2),
      ["convs.1.weight", "convs.1.bias", "linear.weight", "linear.bias"],
    ],
  ])("raises the gradient at the same loss for %s; its first layer stays", async (_, problem, paths) => {
    const { loss, params, batch } = problem as ReturnType<typeof network>;
    const { params: after, report } = await teleportBy(nullSpace({ steps: 5 }), { loss, params, batch });
    expect(report).toMatchObject({ accepted: true, search: "null space" });
    expect(report.drift).toBeLessThan(1e-10);
    expect(report.gradNormSqAfter).toBeGreaterThan(1.05 * report.gradNormSqBefore);
    expect(moved(params, after)).toEqual(paths);
  });

  it("raises the gradient at the same loss for two layers of attention", async () => {
    const { loss, params, batch } = attention();
    const { params: after, report } = await teleportBy(nullSpace({ steps: 5 }), { loss, params, batch });
    expect(report.accepted).toBe(true);
    expect(report.drift).toBeLessThan(1e-10);
    expect(report.gradNormSqAfter).toBeGreaterThan(1.05 * report.gradNormSqBefore);
    expect(moved(params, after)).toContain("second.in_proj_weight");
    expect(moved(params, after)).toContain("first.out_proj.weight");
  });

  it("raises the gradient at the same loss for a layer after a loop", async () => {
    const rng = createRng(5);
    const params = { w: normals(rng, [3, 3]), wide: normals(rng, [6, 3]), last: normals(rng, [1, 6]) };
    const batch = { x: normals(rng, [4, 2, 3]) };
    type P = Readonly<Record<keyof typeof params, Tensor>>;
    const loss = ({ w, wide, last }: P, { x }: Readonly<Record<string, Tensor>>) => {
      const step = (h: Tensor, part: Tensor): [Tensor, Tensor[]] => [tanh(add(matmul(h, w), part)), []];
      const [h] = scan(step, mul(0, sum(x, { axes: [0] })), x);
      const times = (y: Tensor, v: Tensor) => matmul(y, v, { transposeB: true });
      return sum(square(sub(times(tanh(times(h, wide)), last), 1)));
    };
    const { params: after, report } = await teleportBy(nullSpace({ steps: 5 }), { loss, params, batch });
    expect(report).toMatchObject({ accepted: true });
    expect(report.drift).toBeLessThan(1e-10);
    expect(report.gradNormSqAfter).toBeGreaterThan(1.05 * report.gradNormSqBefore);
    expect(moved(params, after)).toEqual(["wide", "last"]);
  });

  it("keeps every output, not the mean loss alone, and changes them on other data", async () => {
    const problem = network([3, 6, 8, 2], 4);
    const { params } = await teleportBy(nullSpace({ steps: 5 }), problem);
    const outputs = async (p: MlpParams, x: NdArray) => {
      const run = await compile(trace((at) => problem.model.apply(at.p, at.x).output, { p, x }).graph);
      return numbers((await run.run(namedArrays({ p, x }))).result);
    };
    const difference = async (x: NdArray) => {
      const [before, after] = [await outputs(problem.params, x), await outputs(params, x)];
      return Math.max(...before.map((v, i) => Math.abs(v - after[i])));
    };
    expect(await difference(problem.batch.x)).toBeLessThan(1e-12);
    expect(await difference(network([3, 6, 8, 2], 4, { seed: 50 }).batch.x)).toBeGreaterThan(1e-3);
  });

  it("projects the gradient: a step of eta times it leaves no component along the inputs", async () => {
    const problem = network([2, 4, 1], 2, { bias: false });
    const eta = 1e-3;
    const search = nullSpace<MlpParams>({ normalized: false, stepSize: eta, layers: ["layers.1.weight"] });
    const { points } = await everyProposal(search, problemOf(problem.loss, problem.params, problem.batch), 1);
    const [[w0, w1], [, next]] = points.map(({ layers }) => layers.map(({ weight }) => numbers(weight)));
    const x = numbers(problem.batch.x);
    const h = [0, 1].map((s) =>
      [0, 1, 2, 3].map((j) => Math.tanh(w0[2 * j] * x[2 * s] + w0[2 * j + 1] * x[2 * s + 1])),
    );
    const step = next.map((v, j) => v - w1[j]);
    for (const row of h)
      expect(Math.abs(row.reduce((total, v, j) => total + v * step[j], 0))).toBeLessThan(1e-15);
    // ||g||^2 along the step: its slope is ||projected gradient||^2 = ||step||^2 / eta^2.
    const norm = (w: number[]) => {
      const out = h.map((row) => row.reduce((total, v, j) => total + v * w[j], 0));
      const d = out.map((o, s) => o - numbers(problem.batch.y)[s]);
      let total = 0;
      for (let j = 0; j < 4; j++) {
        total += (d[0] * h[0][j] + d[1] * h[1][j]) ** 2;
        for (let i = 0; i < 2; i++) {
          total += d.reduce((t, e, s) => t + e * w[j] * (1 - h[s][j] ** 2) * x[2 * s + i], 0) ** 2;
        }
      }
      return total;
    };
    const slope = step.reduce((total, v) => total + v * v, 0) / eta ** 2;
    const t = 1e-4;
    const along = (s: number) => norm(w1.map((v, j) => v + (s * step[j]) / eta));
    expect((along(t) - along(-t)) / (2 * t) / slope).toBeCloseTo(1, 6);
  });

  // 12 samples of rank 4 for 8 + 1 inputs: by way of the Gram matrix.
  it("is exact where there are more samples than inputs, but of lower rank", async () => {
    const { loss, params, batch } = network([3, 8, 8, 2], 4);
    const wide = { x: repeated(batch.x, 3), y: repeated(batch.y, 3) };
    const { report } = await teleportBy(nullSpace({ steps: 5 }), { loss, params, batch: wide });
    expect(report.accepted).toBe(true);
    expect(report.drift).toBeLessThan(1e-12);
  });

  it("sees directions that a Gram matrix alone would lose: inputs of 1e-9 beside those of 1", async () => {
    const { loss, params, batch } = network([2, 8, 3, 2], 20);
    // Hidden units of a nearly linear layer: the second order of tanh is all there is beyond three directions.
    const [first, ...rest] = params.layers;
    const flat = {
      weight: float64(
        numbers(first.weight).map((v) => 2e-4 * v),
        first.weight.shape,
      ),
      bias: float64(new Array(8).fill(0)),
    };
    const { report } = await teleportBy(nullSpace({ steps: 5, stepSize: 1 }), {
      loss,
      params: { layers: [flat, ...rest] },
      batch,
    });
    expect(report.drift).toBeLessThan(1e-13);
  });

  it("says that nothing can move where every layer's inputs have full rank, with layers and ranks", async () => {
    const { loss, params, batch } = network([3, 4, 5, 2], 40);
    const { params: same, report } = await teleportBy(nullSpace(), { loss, params, batch });
    expect(same).toBe(params);
    expect(report.reason).toBe(
      "nothing can move at the same outputs: null space of layers.0.weight is empty: rank 4 of 4; " +
        "null space of layers.1.weight is empty: rank 5 of 5; null space of layers.2.weight is empty: rank 6 of 6",
    );
  });

  it("says that the objective is stationary in the first layer's null space", async () => {
    const { loss, params, batch } = network([9, 4, 2], 5);
    const { report } = await teleportBy(nullSpace({ layers: ["layers.0.weight"] }), { loss, params, batch });
    expect(report.accepted).toBe(false);
    expect(report.reason).toMatch(
      /in the null space of layers.0.weight \(rank 5 of 10\) the objective is stationary/,
    );
  });

  it("moves more and lets the loss drift with a threshold below 1", async () => {
    const { loss, params, batch } = network([3, 4, 5, 2], 40);
    const problem = problemOf(loss, params, batch);
    const { points } = await everyProposal(
      nullSpace<MlpParams>({ threshold: 0.9, stepSize: 0.01 }),
      problem,
      2,
    );
    expect(points).toHaveLength(3);
    const { report } = await teleportBy(nullSpace({ threshold: 0.9, stepSize: 0.01 }), problem);
    expect(report.accepted).toBe(false);
    expect(report.reason).toMatch(/the loss drifts/);
  });

  it("moves only the layers asked for, for any objective", async () => {
    const problem = network([3, 6, 8, 2], 4);
    const search = nullSpace<MlpParams>({ layers: ["layers.2.weight"], stepSize: 0.01 });
    const { params, report } = await teleportBy(search, problem, minimized(gradNormSq));
    expect(report.accepted).toBe(true);
    expect(moved(problem.params, params)).toEqual(["layers.2.weight", "layers.2.bias"]);
  });

  it("stays within float32's drift in float32", async () => {
    const problem = network([3, 6, 8, 2], 4, { dtype: "float32" });
    const { params, report } = await teleportBy(nullSpace({ steps: 5 }), problem);
    expect(report.accepted).toBe(true);
    expect(report.drift).toBeLessThan(1e-5);
    expect(flatten<NdArray>(params, isNdArray).leaves.every(({ data }) => data instanceof Float32Array)).toBe(
      true,
    );
  });

  it.each<NullSpaceOptions>([
    { steps: -1 },
    { stepSize: 0 },
    { threshold: 0 },
    { threshold: 1.1 },
    { layers: "layers.0.weight" as never },
  ])("refuses %j", (options) => {
    expect(() => nullSpace(options)).toThrow(OptionError);
  });

  it("refuses layers that the loss does not have, and losses without any, and says why", async () => {
    const { loss, params, batch } = network([3, 4, 2], 2);
    await expect(
      teleportBy(nullSpace({ layers: ["layers.7.weight"] }), { loss, params, batch }),
    ).rejects.toThrow(/"layers.7.weight" is no weight.*there are layers.0.weight, layers.1.weight/);
    const squares = ({ w }: { w: Tensor }) => sum(mul(w, w));
    const plain = { loss: squares, params: { w: float64([1, 2]) }, batch: {} };
    await expect(teleportBy(nullSpace(), plain)).rejects.toThrow(/there are none, but w is used in mul/);
  });
});
