import { fromGolden, type GoldenArray, numbers, readGolden } from "isoloss-test-support/nn/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { beforeAll, describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../../../src/array.js";
import { valueAndGrad } from "../../../../src/graph/autodiff.js";
import { add, mul, sub } from "../../../../src/graph/ops/arithmetic.js";
import { square, tanh } from "../../../../src/graph/ops/elementary.js";
import { constant } from "../../../../src/graph/ops/leaf.js";
import { mean } from "../../../../src/graph/ops/reduce.js";
import { slice } from "../../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { trace } from "../../../../src/graph/trace.js";
import { createAdapter } from "../../../../src/mtl/cost/adapter/adapter.js";
import { improveOf } from "../../../../src/mtl/cost/adapter/improve.js";
import { costObjective } from "../../../../src/mtl/cost/adapter/inner-loop.js";
import { balancedSharpness } from "../../../../src/mtl/cost/adapter/sharpness.js";
import { costPresets } from "../../../../src/mtl/cost/presets.js";
import type { SharedLosses } from "../../../../src/mtl/cost/shared-losses.js";
import { linear } from "../../../../src/nn/linear.js";
import { compileJavaScript } from "../../../../src/runtime/javascript/executable.js";
import { namedArrays } from "../../../../src/tree.js";
import { contextFor, netData, netLosses, type SmallNet, smallNet, taskNames } from "../support.js";
import {
  type Evaluated,
  errorOf,
  expectDerivatives,
  kinds,
  objectiveOf,
  sharpness,
  taskCounts,
} from "./objective-support.js";

type Values = Record<"value" | "preserve" | "improve", number> & Record<"A" | "B", GoldenArray>;
const golden = readGolden<{
  readonly seed: number;
  readonly samples: number;
  readonly alpha: number;
  readonly cases: readonly (Record<string, GoldenArray | Values> & Record<"paper" | "released", Values>)[];
}>("cost.json");

/** Squared errors of two linear heads on a linear layer with tanh. */
const goldenLosses: SharedLosses = (parts, { x, y }) => {
  type Linear = { readonly weight: Tensor; readonly bias: Tensor };
  const { shared, rest } = parts as unknown as {
    shared: Linear;
    rest: { heads: Record<"first" | "second", Linear> };
  };
  const h = tanh(linear(x as Tensor, shared));
  return (["first", "second"] as const).map((name, k) => {
    const target = slice(y as Tensor, { starts: [0, k], ends: [5, k + 1] });
    return mean(square(sub(linear(h, rest.heads[name]), target)));
  });
};

describe("the objective of COST", () => {
  expectDerivatives(taskCounts.slice(0, 1));

  it.each(sampledRows(kinds.slice(0, 4)))("lets the gradient flow through L_g alone: %s", (_, improve) => {
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

  it.each(["sampled", "ascent"] as const)("perturbs the trained leaves alone: %s", (direction) => {
    const sharpnessAt = balancedSharpness({ direction, radius: 0.25 });
    type Leaves = { readonly held: Tensor; readonly free: Tensor };
    const losses = ({ held, free }: Leaves) => [add(mul(1000, held), free)];
    const value = (shared: Leaves) =>
      sharpnessAt(shared, {
        losses: losses as (shared: unknown) => readonly Tensor[],
        conflicting: losses as (shared: unknown) => readonly Tensor[],
        heads: {},
        balance: constant(array([1], "float64")),
        seed: constant(7, "int64"),
        trained: [1],
      });
    const point = { held: array(3, "float64"), free: array(2, "float64") };
    const { graph } = trace((p: Leaves) => ({ value: value(p) }), point);
    // 1000 * 3 + 2, and the perturbation.
    expect(compileJavaScript(graph).runSync(point).value.data[0]).toBeCloseTo(3002.25, 12);
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

  // A second implementation, in PyTorch: bench/torch/golden_cost.py. `released` follows github.com/zzpustc/COST, commit 28172e7,
  // methods/teleportation.py: noise on all parameters, lines 103-109; the largest change of each task over the samples, then the
  // mean over tasks, lines 113-117, on the batch with the conflict, lines 96 and 173; L_t without a dead band, line 170.
  describe.each(["paper", "released"] as const)("with the settings of %s", (preset) => {
    it.each(golden.cases.map((c, i) => [i, c] as const))(
      "has PyTorch's value and gradient: case %i",
      (_, c) => {
        const array = (name: string) => fromGolden(c[name] as GoldenArray);
        const linear = (name: string) => ({ weight: array(`${name}Weight`), bias: array(`${name}Bias`) });
        const shared = { weight: array("weight"), bias: array("bias") };
        const rest = { heads: { first: linear("first"), second: linear("second") } };
        const batchOf = (name: string) => ({ x: array(`${name}X`), y: array(`${name}Y`) });
        const { preserve, improve } = costPresets[preset];
        const radius = preset === "paper" ? 1e-2 : improve.radius;
        const adapter = createAdapter(shared, {
          kind: "low-rank",
          rank: 2,
          alpha: golden.alpha,
          layers: ["weight"],
        });
        const objective = costObjective(goldenLosses, adapter, {
          ...preserve,
          improve: improveOf({ ...improve, radius, samples: golden.samples }),
          dtype: "float64",
        });
        const given = {
          factors: [{ A: array("A"), B: array("B") }],
          inputs: {
            parts: { shared, rest, state: {} },
            batch: batchOf("inner"),
            conflicting: batchOf("conflict"),
            frozen: array("frozen"),
            balance: array("balance"),
            seed: ndarray(BigInt64Array.of(BigInt(golden.seed)), []),
          },
        };
        const { graph } = trace(({ factors, inputs }) => {
          const [, g] = valueAndGrad((f: typeof factors) => objective(f, inputs as never).value)(factors);
          return { ...objective(factors, inputs as never), g };
        }, given);
        const results = compileJavaScript(graph).runSync(namedArrays(given));
        const expected = c[preset];
        for (const name of ["value", "preserve", "improve"] as const) {
          expect(results[name]?.data[0] as number).toBeCloseTo(expected[name], 9);
        }
        for (const name of ["A", "B"] as const) {
          const size = Math.max(...expected[name].data.map(Math.abs));
          expect(numbers(results[`g.0.${name}`] as NdArray).map((v) => v / size)).toEqual(
            expected[name].data.map((v) => expect.closeTo(v / size, 9)),
          );
        }
      },
    );
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
