import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../../src/array.js";
import { isNdArray, ndarray } from "../../../../src/array.js";
import { grad } from "../../../../src/graph/autodiff.js";
import { trace } from "../../../../src/graph/trace.js";
import { pinv } from "../../../../src/math/linalg.js";
import { namedArrays } from "../../../../src/named-arrays.js";
import { sgd } from "../../../../src/optim/sgd.js";
import { compile, type RuntimeName } from "../../../../src/runtime/compile.js";
import type { GuardOptions } from "../../../../src/teleport/guard.js";
import { decrease } from "../../../../src/teleport/objective/decrease.js";
import { gradNormSq, minimized, type Objective } from "../../../../src/teleport/objective/objective.js";
import { type NullSpaceOptions, nullSpace } from "../../../../src/teleport/search/null-space/null-space.js";
import type { SearchFactory } from "../../../../src/teleport/search/search.js";
import { createTeleporter } from "../../../../src/teleport/teleporter.js";
import { flatten } from "../../../../src/tree.js";
import { numbers } from "../../../nn/support.js";
import { images, network } from "../networks.js";

type Any = ReturnType<typeof network>;

interface Case extends NullSpaceOptions {
  readonly guard?: GuardOptions | false;
  readonly objective?: Objective;
}

const optimizer = sgd();

/** The same search with its steps taken one by one. */
const stepwise =
  <P>(factory: SearchFactory<P>): SearchFactory<P> =>
  async (problem) => {
    const { compiledWalk: _, ...search } = await factory(problem);
    return search;
  };

async function teleport(
  { loss, params, batch }: Any,
  { guard = {}, objective = gradNormSq, ...options }: Case,
  { runtime, isStepwise }: { readonly runtime: RuntimeName; readonly isStepwise: boolean },
) {
  const search = nullSpace<Any["params"]>(options);
  const memory = { optimizer: optimizer.init(params), learningRate: ndarray(Float64Array.of(0.05), []) };
  const teleporter = await createTeleporter<Any["params"], Any["batch"]>({
    ...{ loss, params, batch, runtime, objective, memory },
    search: isStepwise ? stepwise(search) : search,
    guard: guard && { curvature: 0, ...guard },
  });
  const result = await teleporter.teleport(params, batch, { memory });
  await teleporter.dispose();
  return result;
}

const distance = (a: unknown, b: unknown): number => {
  const [x, y] = [a, b].map((tree) => flatten<NdArray>(tree, isNdArray).leaves.flatMap(numbers));
  return Math.hypot(...x.map((v, i) => v - y[i])) / Math.hypot(...y);
};

const problems: Readonly<Record<string, Any>> = {
  "an mlp": network([3, 6, 8, 2], 4),
  "an mlp without biases": network([4, 7, 5, 3], 3, { seed: 20, bias: false }),
  "a convolutional network": images(2) as unknown as Any,
};

const cases: readonly Case[] = [
  {},
  { steps: 3, stepSize: 1, guard: { halvings: 0 } },
  { steps: 6, stepSize: 2, objective: decrease({ optimizer }), guard: { halvings: 6 } },
  { steps: 8, stepSize: 0.3, objective: minimized(gradNormSq) },
  { normalized: false, stepSize: 1e-3 },
  { stepSize: 0.5, guard: false },
];

describe("an ascent in null spaces as one loop", () => {
  const compare = async (problem: Any, options: Case, runtime: RuntimeName) => {
    const compiled = await teleport(problem, options, { runtime, isStepwise: false });
    const walk = await teleport(problem, options, { runtime, isStepwise: true });
    expect(compiled.report.reason).toBe(walk.report.reason);
    expect(compiled.report.steps).toBe(walk.report.steps);
    expect(compiled.report.halvings).toBe(walk.report.halvings);
    expect(compiled.report.objectiveBefore / walk.report.objectiveBefore).toBeCloseTo(1, 12);
    expect(compiled.report.objectiveAfter / walk.report.objectiveAfter).toBeCloseTo(1, 8);
    expect(distance(compiled.params, walk.params)).toBeLessThan(1e-8);
  };

  it.each(cases)("leads where steps one by one lead: %j", (options) =>
    compare(problems["an mlp"], options, "javascript"),
  );

  it.each(Object.keys(problems))("leads where steps one by one lead for %s", (name) =>
    compare(problems[name], cases[2], "javascript"),
  );

  it.each(cases.slice(1, 3))("leads there in ONNX Runtime: %j", (options) =>
    compare(problems["an mlp"], options, "onnx"),
  );

  it("steps along the whole gradient's part in the null space, with biases, which move along", async () => {
    const problem = network([3, 6, 8, 2], 4);
    const eta = 1e-6;
    const options = { steps: 1, stepSize: eta, normalized: false, layers: ["layers.2.weight"] };
    const { params } = await teleport(
      problem,
      { ...options, guard: false },
      { runtime: "javascript", isStepwise: false },
    );
    const { loss, batch, model } = problem;
    const { graph } = trace(
      ({ p, b }) => ({
        g: grad(gradNormSq(loss))(p, b, {}).layers[2],
        h: model.apply({ layers: p.layers.slice(0, 2) } as never, b.x).output,
      }),
      { p: problem.params, b: batch },
    );
    const results = await (await compile(graph)).run(namedArrays({ p: problem.params, b: batch }));
    // The last layer of the first two as a network of their own is linear: tanh is missing.
    const h = numbers(results.h).map(Math.tanh);
    const H = ndarray(
      Float64Array.from({ length: 4 * 9 }, (_, i) => (i % 9 === 8 ? 1 : h[Math.floor(i / 9) * 8 + (i % 9)])),
      [4, 9],
    );
    const plus = numbers(pinv(H).pinv);
    const [gw, gb] = [numbers(results["g.weight"]), numbers(results["g.bias"])];
    for (let row = 0; row < 2; row++) {
      const g = [...gw.slice(8 * row, 8 * row + 8), gb[row]];
      const Hg = Array.from({ length: 4 }, (_, s) =>
        g.reduce((total, v, j) => total + v * Number(H.data[9 * s + j]), 0),
      );
      const expected = g.map((v, j) => v - Hg.reduce((total, y, s) => total + y * plus[4 * j + s], 0));
      const size = Math.hypot(...expected);
      const rowsOf = ({ layers }: Any["params"]) => [
        ...numbers(layers[2].weight).slice(8 * row, 8 * row + 8),
        numbers(layers[2].bias as NdArray)[row],
      ];
      const [before, after] = [rowsOf(problem.params), rowsOf(params)];
      after.forEach((v, j) => {
        expect((v - before[j]) / eta / size).toBeCloseTo(expected[j] / size, 6);
      });
    }
  });
});
