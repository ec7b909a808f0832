// Operations of one step of an ascent, against those of the derivatives that it is made of.
import { expect, it } from "vitest";
import { grad } from "../../../../src/graph/autodiff.js";
import { type Graph, nodesOf } from "../../../../src/graph/graph.js";
import { simplify } from "../../../../src/graph/simplify.js";
import { spec, trace } from "../../../../src/graph/trace.js";
import { mlpRegression } from "../../../../src/problems/mlp-regression.js";
import { invariantsOf } from "../../../../src/runtime/loop-invariants.js";
import { hiddenAction } from "../../../../src/symmetry/hidden/hidden-action.js";
import type { Symmetry } from "../../../../src/symmetry/symmetry.js";
import { gradNormSq } from "../../../../src/teleport/objective/objective.js";
import { traceAscentPass } from "../../../../src/teleport/search/ascent/walk-graph.js";

/** Floating-point operations of a step in which the named inputs change. */
function flopsOf(graph: Graph, isChanging: (name: string) => boolean): number {
  const simplified = simplify(graph);
  const names = simplified.inputs.map(({ name }) => name).filter(isChanging);
  const same = invariantsOf(simplified, { carry: Object.fromEntries(names.map((name) => [name, name])) });
  return nodesOf(simplified)
    .filter((node) => !same.has(node) && node.inputs.length > 0)
    .reduce((sum, node) => sum + (node.op.flops?.(node, node.attrs) ?? node.size), 0);
}

it("a step of eq. 8 on the regression costs little more than a gradient of ||grad L||^2 and an action", () => {
  const { loss, start, batch } = mlpRegression({ seed: 1 });
  const symmetry: Symmetry<typeof start> = hiddenAction(start, { activation: "leakyRelu", slope: 0.1 });
  const act = symmetry.trace as NonNullable<typeof symmetry.trace>;
  const problem = {
    ...({ loss, objective: gradNormSq(loss), params: start, batch, memory: {} } as const),
    ...({ dtype: "float64", compileOptions: {} } as const),
  };
  const region = symmetry.bound;
  const way = { stepSize: 0.02, momentum: 0, normalized: true, region };
  const { graph } = traceAscentPass(symmetry, act, problem, way);
  const isOwn = (name: string) => !name.startsWith("batch.");
  const slope = trace(({ p, batch: b }) => grad(gradNormSq(loss))(p, b, {}), { p: start, batch }).graph;
  const action = trace(({ p, t, batch: b }) => act(p, t, b), {
    p: start,
    t: symmetry.algebra.map((shape) => spec(shape, "float64")),
    batch,
  }).graph;
  const ratio = flopsOf(graph, isOwn) / (flopsOf(slope, isOwn) + flopsOf(action, isOwn));
  expect(ratio).toBeLessThan(1.3);
});
