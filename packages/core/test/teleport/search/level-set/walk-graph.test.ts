import { describe, expect, it } from "vitest";
import { valueAndGrad } from "../../../../src/graph/autodiff.js";
import { bodiesOf, costOf, type Graph, nodesOf } from "../../../../src/graph/graph.js";
import { simplify } from "../../../../src/graph/simplify.js";
import { trace } from "../../../../src/graph/trace.js";
import { gradNormSq } from "../../../../src/teleport/objective/objective.js";
import { traceLevelSetWalk } from "../../../../src/teleport/search/level-set/walk-graph.js";
import { randomProblem } from "../../../symmetry/support.js";
import { problemOf } from "../support.js";

const rule = {
  ...{ steps: 10, rho: 0.1, tolerance: 1e-6, closeness: 1e-10, between: 2.5e-7 },
  ...{ lineSearch: true, sublevel: false, project: true },
};

const bodiesIn = (graph: Graph, op: string): Graph[] =>
  nodesOf(graph).flatMap((node) => (node.op.name === op ? bodiesOf(node) : []));
const products = (graph: Graph): number => nodesOf(graph).filter(({ op }) => op.name === "matmul").length;

describe("a pass of a walk on a level set", () => {
  it.each([70, 71, 72])("evaluates once what loss, gradients and objective share: problem %d", (seed) => {
    const { loss, params, batch } = randomProblem(seed, { activations: ["tanh"] });
    const objective = gradNormSq(loss);
    const [pass] = bodiesIn(simplify(traceLevelSetWalk(problemOf(loss, params, batch), rule)), "whileLoop");
    const [slope, still] = bodiesIn(pass, "cond");
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
