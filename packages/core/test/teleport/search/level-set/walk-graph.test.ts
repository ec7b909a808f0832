import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { BatchLoss } from "../../../../src/batch.js";
import { valueAndGrad } from "../../../../src/graph/autodiff.js";
import { bodiesOf, costOf, type Graph, nodesOf } from "../../../../src/graph/graph.js";
import { simplify } from "../../../../src/graph/simplify.js";
import { trace } from "../../../../src/graph/trace.js";
import { torchGenerator } from "../../../../src/math/mt19937.js";
import { crossEntropy } from "../../../../src/nn/losses/cross-entropy.js";
import { mlp } from "../../../../src/nn/models/mlp.js";
import { gradNormSq } from "../../../../src/teleport/objective/objective.js";
import { levelSetSteps } from "../../../../src/teleport/search/level-set/level-set.js";
import { traceWalk } from "../../../../src/teleport/search/walk.js";
import { problemOf } from "../support.js";

const rule = {
  steps: 10,
  rho: 0.1,
  tolerance: 1e-6,
  closeness: 1e-10,
  between: 2.5e-7,
  lineSearch: true,
  sublevel: false,
  project: true,
};

const bodiesIn = (graph: Graph, op: string): Graph[] =>
  nodesOf(graph).flatMap((node) => (node.op.name === op ? bodiesOf(node) : []));
const products = (graph: Graph): number => nodesOf(graph).filter(({ op }) => op.name === "matmul").length;

/** A classifier, whose loss prepares its labels outside of the walk. */
function classifier() {
  const model = mlp({ sizes: [5, 4, 3], activation: "tanh" });
  const loss: BatchLoss<typeof params, typeof batch> = (p, { x, y }) =>
    crossEntropy(model.apply(p, x).output, y);
  const { params } = model.init(torchGenerator(1), { dtype: "float64" });
  const batch = {
    x: uniform(2, [6, 5]),
    y: { shape: [6], data: BigInt64Array.from([0n, 2n, 1n, 1n, 0n, 2n]) },
  };
  return { loss, params, batch };
}

describe("a pass of a walk on a level set", () => {
  it.each([
    ["random network 70", () => randomProblem(70, { activations: ["tanh"] })],
    ["random network 71", () => randomProblem(71, { activations: ["tanh"] })],
    ["random network 72", () => randomProblem(72, { activations: ["tanh"] })],
    ["classifier", classifier],
  ])("evaluates once what loss, gradients and objective share: %s", (_, problem) => {
    const { loss, params, batch } = problem() as ReturnType<typeof randomProblem>;
    const objective = gradNormSq(loss);
    const of = problemOf(loss, params, batch);
    const [pass] = bodiesIn(simplify(traceWalk(of, levelSetSteps(of, rule))), "whileLoop");
    const branches = bodiesIn(pass, "cond");
    const [slope, still] = branches.slice(branches.findIndex((branch) => products(branch) > 0));
    const first = simplify(trace(({ p, b }) => valueAndGrad(loss)(p, b), { p: params, b: batch }).graph);
    const both = simplify(
      trace(({ p, b }) => [valueAndGrad(loss)(p, b), valueAndGrad(objective)(p, b)], { p: params, b: batch })
        .graph,
    );
    expect(products(pass)).toBe(products(first));
    expect(products(pass) + products(slope)).toBeLessThanOrEqual(products(both));
    expect(costOf(still).flops).toBe(0);
  });
});
