import { beforeAll, describe, expect, it } from "vitest";
import type { NdArray } from "../../../../src/array.js";
import { array, isNdArray, item } from "../../../../src/array.js";
import { valueAndGrad } from "../../../../src/graph/autodiff.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { spec, trace } from "../../../../src/graph/trace.js";
import { createRng } from "../../../../src/math/rng.js";
import { createAdapter, type Factors } from "../../../../src/mtl/cost/adapter/adapter.js";
import { type ImproveOptions, improveOf } from "../../../../src/mtl/cost/adapter/improve.js";
import { costObjective, type ObjectiveInputs } from "../../../../src/mtl/cost/adapter/objective.js";
import { partsOf, sharedLosses } from "../../../../src/mtl/cost/shared-losses.js";
import { namedArrays } from "../../../../src/named-arrays.js";
import { compileJavaScript } from "../../../../src/runtime/javascript/executable.js";
import { flatten, unflatten } from "../../../../src/tree.js";
import { contextFor, netData, netLosses, type SmallNet, smallNet, taskNames } from "../support.js";

interface Evaluated {
  readonly value: number;
  readonly preserve: number;
  readonly improve: number;
  readonly gradient: Float64Array;
}

const joined = (tree: unknown): Float64Array =>
  Float64Array.from(flatten<NdArray>(tree, isNdArray).leaves.flatMap(({ data }) => Array.from(data, Number)));

/** The objective and its gradient at factors away from B = 0, with frozen losses off the current ones. */
function objectiveOf(tasks: number, improve: ImproveOptions, weight = 1) {
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
function errorOf({ evaluate, start }: ReturnType<typeof objectiveOf>, step = 1e-6): number {
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

const sharpness = { kind: "sharpness", weight: 0.3, radius: 0.05, samples: 3 } as const;
const kinds: [string, ImproveOptions][] = [
  ["the cosine", { kind: "cosine", weight: 0.7, cap: 1 }],
  ["sampled sharpness", sharpness],
  ["sampled sharpness over all tensors", { ...sharpness, scale: "global" }],
  ["the change of sharpness", { ...sharpness, form: "change" }],
  ["no L_g", { kind: "none" }],
];

describe("the objective of COST", () => {
  describe.each([2, 8])("with %i tasks", (tasks) => {
    it.each(kinds)("has the derivative of difference quotients in both terms: L_t and %s", (_, improve) => {
      expect(errorOf(objectiveOf(tasks, improve))).toBeLessThan(1e-6);
    });
  });

  it.each(kinds.slice(0, 4))("lets the gradient flow through L_g alone: %s", (_, improve) => {
    expect(errorOf(objectiveOf(2, improve, 0))).toBeLessThan(1e-6);
  });

  it("takes the direction of ascent for a constant, which errs by O(delta^2)", () => {
    const at = (radius: number) => errorOf(objectiveOf(2, { ...sharpness, radius, direction: "ascent" }, 0));
    // Small enough to stay on one side of every kink of the ReLUs.
    const [coarse, fine] = [at(2e-3), at(1e-3)];
    expect(fine).toBeLessThan(1e-4);
    expect(fine).toBeLessThan(coarse / 3);
  });

  it("finds with the direction of ascent more than with samples", () => {
    const [sampled, ascent] = (["sampled", "ascent"] as const).map((direction) => {
      const { evaluate, start } = objectiveOf(2, { ...sharpness, direction, scale: "global" });
      return evaluate(start).improve;
    });
    expect(ascent).toBeGreaterThan(sampled);
  });

  it("is weight L_t - gamma L_g, with L_t the mean absolute change of the losses", async () => {
    const { evaluate, start, zero } = objectiveOf(2, { kind: "cosine", weight: 0.7, cap: 1 }, 3);
    const { value, preserve, improve } = evaluate(start);
    expect(value).toBeCloseTo(3 * preserve - 0.7 * improve, 12);
    const { context } = await contextFor<SmallNet>({
      taskLosses: netLosses(2),
      tasks: taskNames(2),
      params: smallNet(2),
      batch: netData(6, 2),
    });
    const [first, second] = await context.losses();
    const still = evaluate(zero);
    expect(still.preserve).toBeCloseTo((Math.abs(first - 30) + Math.abs(second - 0.2)) / 2, 9);
    // The cosine is that of the batch on which the conflict showed.
    const elsewhere = await contextFor<SmallNet>({
      taskLosses: netLosses(2),
      tasks: taskNames(2),
      params: smallNet(2),
      batch: netData(6, 2, "float64", 9),
    });
    expect(still.improve).toBeCloseTo((await elsewhere.context.conflict()).cosines.data[1], 12);
  });

  it("caps the cosine", () => {
    const { evaluate, start } = objectiveOf(2, { kind: "cosine", cap: -1 }, 0);
    const { improve, gradient } = evaluate(start);
    expect(improve).toBe(-1);
    expect(Math.hypot(...gradient)).toBe(0);
  });

  describe("as in the authors' program", () => {
    let released: Evaluated;
    let proper: Evaluated;
    beforeAll(() => {
      const [a, b] = [false, true].map((differentiated) =>
        objectiveOf(2, { ...sharpness, form: "change", radius: 1e-4, differentiated }, 0),
      );
      released = a.evaluate(a.start);
      proper = b.evaluate(b.start);
    });

    it("has the same value without the flow of gradients through the perturbed copy", () => {
      expect(released.value).toBe(proper.value);
    });

    it("keeps a gradient about 1 / delta times too large", () => {
      expect(Math.hypot(...released.gradient)).toBeGreaterThan(100 * Math.hypot(...proper.gradient));
    });

    it("keeps no gradient at all in the paper's form", () => {
      const { evaluate, start } = objectiveOf(2, { ...sharpness, differentiated: false }, 0);
      expect(Math.hypot(...evaluate(start).gradient)).toBe(0);
    });
  });

  it("rejects options that do not fit", () => {
    expect(() => improveOf({ kind: "flatness" as never })).toThrow("cosine, sharpness or none");
    expect(() => improveOf({ kind: "cosine", cap: 2 })).toThrow("cap must be a number in [-1, 1]");
    expect(() => improveOf({ kind: "sharpness", samples: 0 })).toThrow("samples must be an integer >= 1");
    expect(() => improveOf({ kind: "sharpness", weight: -1 })).toThrow("weight must be");
    expect(() => improveOf({ kind: "cosine", radius: 1 } as never)).toThrow('no option "radius"');
    expect(() => objectiveOf(1, { kind: "cosine" })).toThrow("two tasks or more");
  });
});
