import { normals } from "isoloss-test-support/symmetry/discovery/support";
import { expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { trace } from "../../../src/graph/trace.js";
import { createRng } from "../../../src/math/rng.js";
import { balancedScales, scaledParams } from "../../../src/moves/balance/scales.js";
import { tracedScales } from "../../../src/moves/balance/traced-scales.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import type { ScalingGenerator } from "../../../src/symmetry/discovery/descriptors.js";
import { scaling } from "../../../src/symmetry/scaling.js";

const rng = createRng(2);
const values = { into: normals(rng, [2, 3, 4]), from: normals(rng, [5, 3, 2]) };
/** Two units in each of three copies, which are behind the units in one parameter. */
const generator: ScalingGenerator = {
  kind: "scaling",
  size: 6,
  exact: true,
  axes: [
    { path: "into", view: [2, 3, 4], axis: 0, copyAxes: [1], power: 1 },
    { path: "from", view: [5, 3, 2], axis: 2, copyAxes: [1], power: -1 },
  ],
};

it("Units are numbered by the copies first, also where these are behind the units", async () => {
  const T = { shape: [6], data: Float64Array.from({ length: 6 }, () => rng.normal()) };
  const to = (await scaling<typeof values>([generator]).act(values, [T], {})) as typeof values;
  const expected = scaledParams(values, [generator], [T]);
  expect(to.into.data[12]).toBeCloseTo((values.into.data[12] as number) * Math.exp(T.data[1]), 12);
  for (const name of ["into", "from"] as const) expectClose(to[name], expected[name]);
});

it.each(["norm", "range"] as const)("A program balances such units as the host does, by %s", async (by) => {
  const settings = { tolerance: 1e-9, most: 100 };
  const { T } = balancedScales(new Map(Object.entries(values)), [generator], by, settings);
  const { graph } = trace((p) => tracedScales(new Map(Object.entries(p)), [generator], by, settings), values);
  const results = await compileJavaScript(graph).run(values);
  expectClose(results["T.0"], T[0]);
});

function expectClose(a: NdArray, b: NdArray): void {
  expect(a.shape).toEqual(b.shape);
  for (const [i, v] of a.data.entries()) expect(v).toBeCloseTo(Number(b.data[i]), 9);
}
