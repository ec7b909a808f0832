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
import { limitsOf } from "../../../../src/teleport/guard.js";
import { gradNormSq } from "../../../../src/teleport/objective/objective.js";
import { gradientAscent } from "../../../../src/teleport/search/gradient-ascent.js";
import { problemOf } from "../support.js";

/** Floating-point operations of a step in which the named inputs change. */
function flopsOf(graph: Graph, isChanging: (name: string) => boolean): number {
  const simplified = simplify(graph);
  const names = simplified.inputs.map(({ name }) => name).filter(isChanging);
  const same = invariantsOf(simplified, { carry: Object.fromEntries(names.map((name) => [name, name])) });
  return nodesOf(simplified)
    .filter((node) => !same.has(node) && node.inputs.length > 0)
    .reduce((sum, node) => sum + (node.op.flops?.(node, node.attrs) ?? node.size), 0);
}

it("a step of eq. 8 on the regression costs little more than a gradient of ||grad L||^2 and an action", async () => {
  const { loss, start, batch } = mlpRegression({ seed: 1 });
  const symmetry: Symmetry<typeof start> = hiddenAction(start, { activation: "leakyRelu", slope: 0.1 });
  const act = symmetry.trace as NonNullable<typeof symmetry.trace>;
  const { tracedWalk, dispose } = await gradientAscent(symmetry, { steps: 1, stepSize: 0.02 })(
    problemOf(loss, start, batch),
  );
  const isOwn = (name: string) => !name.startsWith("batch.");
  const walk = trace(
    ({ p, batch: b }) =>
      tracedWalk?.trace(p, { batch: b, memory: {}, race: {} }, limitsOf({}, "float64")).params as typeof p,
    { p: start, batch },
  ).graph;
  const [loop] = nodesOf(simplify(walk)).filter(({ op }) => op.name === "whileLoop");
  const { body, carries } = loop.attrs as { readonly body: Graph; readonly carries: number };
  const carried = new Set(body.inputs.slice(0, carries).map(({ name }) => name));
  const slope = trace(({ p, batch: b }) => grad(gradNormSq(loss))(p, b, {}), { p: start, batch }).graph;
  const action = trace(({ p, t, batch: b }) => act(p, t, b), {
    p: start,
    t: symmetry.algebra.map((shape) => spec(shape, "float64")),
    batch,
  }).graph;
  const ratio = flopsOf(body, (name) => carried.has(name)) / (flopsOf(slope, isOwn) + flopsOf(action, isOwn));
  await dispose();
  // Two tests that parameters are finite are counted, one of which runs.
  expect(ratio).toBeLessThan(1.35);
});
