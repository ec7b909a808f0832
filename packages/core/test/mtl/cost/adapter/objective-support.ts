import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { array, isNdArray, item, type NdArray } from "../../../../src/array.js";
import { valueAndGrad } from "../../../../src/graph/autodiff.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { spec, trace } from "../../../../src/graph/trace.js";
import { createRng } from "../../../../src/math/rng.js";
import { createAdapter, type Factors } from "../../../../src/mtl/cost/adapter/adapter.js";
import { type ImproveOptions, improveOf } from "../../../../src/mtl/cost/adapter/improve.js";
import { costObjective, type ObjectiveInputs } from "../../../../src/mtl/cost/adapter/inner-loop.js";
import { partsOf, sharedLosses } from "../../../../src/mtl/cost/shared-losses.js";
import { compileJavaScript } from "../../../../src/runtime/javascript/executable.js";
import { flatten, namedArrays, unflatten } from "../../../../src/tree.js";
import { netData, netLosses, type SmallNet, smallNet } from "../support.js";

export interface Evaluated {
  readonly value: number;
  readonly preserve: number;
  readonly improve: number;
  readonly gradient: Float64Array;
}

const joined = (tree: unknown): Float64Array =>
  Float64Array.from(flatten<NdArray>(tree, isNdArray).leaves.flatMap(({ data }) => Array.from(data, Number)));

/** The objective and its gradient at factors away from B = 0, with frozen losses off the current ones. */
export function objectiveOf(tasks: number, improve: ImproveOptions, weight = 1) {
  const params = smallNet(tasks);
  const batch = netData(6, tasks);
  const conflicting = netData(6, tasks, "float64", 9);
  const adapter = createAdapter(params.shared, { kind: "low-rank", rank: 2 });
  const losses = sharedLosses<SmallNet>({ losses: netLosses(tasks) });
  const objective = costObjective(losses, adapter, {
    weight,
    improve: improveOf(improve),
    dtype: "float64",
  });
  const f = (factors: readonly Factors<Tensor>[], inputs: ObjectiveInputs) => {
    const [, g] = valueAndGrad((x: readonly Factors<Tensor>[]) => objective(x, inputs).value)(factors);
    return { ...objective(factors, inputs), g };
  };
  const example = adapter.init(1);
  const inputs = {
    parts: partsOf(params),
    batch,
    conflicting,
    frozen: array(
      Array.from({ length: tasks }, (_, k) => (k % 2 ? 0.2 : 30)),
      "float64",
    ),
    balance: array(
      Array.from({ length: tasks }, (_, k) => 0.5 + k),
      "float64",
    ),
    seed: spec([], "int64"),
  };
  const { graph } = trace(({ factors, inputs }) => f(factors, inputs), { factors: example, inputs });
  const run = compileJavaScript(graph);
  const fixed = { ...namedArrays({ inputs: { ...inputs, seed: array(7, "int64") } }) };
  const rng = createRng(5);
  const { leaves, def } = flatten<NdArray>(example, isNdArray);
  const start = Float64Array.from({ length: joined(example).length }, () => 0.1 * rng.normal());
  const treeOf = (x: Float64Array): unknown => {
    let at = 0;
    return unflatten(
      def,
      leaves.map(({ shape, data }) => {
        at += data.length;
        return { shape, data: x.slice(at - data.length, at) };
      }),
    );
  };
  const evaluate = (x: Float64Array): Evaluated => {
    const results = run.runSync({ ...fixed, ...namedArrays({ factors: treeOf(x) }) });
    const g = Object.keys(namedArrays({ g: example })).map((name) => results[name]);
    return {
      value: item(results.value),
      preserve: item(results.preserve),
      improve: item(results.improve),
      gradient: joined(g),
    };
  };
  return { evaluate, start, zero: joined(example) };
}

/** Largest error of directional derivatives against central differences, relative to the gradient's length. */
export function errorOf({ evaluate, start }: ReturnType<typeof objectiveOf>, step = 1e-6): number {
  const { gradient } = evaluate(start);
  const length = Math.hypot(...gradient);
  expect(length).toBeGreaterThan(1e-3);
  const rng = createRng(11);
  let worst = 0;
  for (let trial = 0; trial < 5; trial++) {
    const v = start.map(() => rng.normal());
    const size = Math.hypot(...v);
    const along = (h: number) => evaluate(start.map((x, i) => x + (h * v[i]) / size)).value;
    const difference = (along(step) - along(-step)) / (2 * step);
    const derivative = gradient.reduce((sum, g, i) => sum + (g * v[i]) / size, 0);
    worst = Math.max(worst, Math.abs(difference - derivative) / length);
  }
  return worst;
}

export const sharpness = { kind: "sharpness", weight: 0.3, radius: 0.05, samples: 3 } as const;

export const kinds: [string, ImproveOptions][] = [
  ["the cosine", { kind: "cosine", weight: 0.7, cap: 1 }],
  ["sampled sharpness", sharpness],
  ["sampled sharpness over all tensors", { ...sharpness, scale: "global" }],
  ["the change of sharpness", { ...sharpness, form: "change" }],
  ["no L_g", { kind: "none" }],
];

export const taskCounts = [2, 8];

export function expectDerivatives(rows: typeof taskCounts): void {
  describe.each(rows)("with %i tasks", (tasks) => {
    it.each(sampledRows(kinds))(
      "has the derivative of difference quotients in both terms: L_t and %s",
      (_, improve) => {
        expect(errorOf(objectiveOf(tasks, improve))).toBeLessThan(1e-6);
      },
    );
  });
}
