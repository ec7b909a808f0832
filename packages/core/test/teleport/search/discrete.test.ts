import { sampledRows } from "isoloss-test-support/random-cases";
import { combine, distance, randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { OptionError } from "../../../src/errors.js";
import { add, neg, sub } from "../../../src/graph/ops/arithmetic.js";
import { greater, where } from "../../../src/graph/ops/compare.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { isTensor, type Tensor } from "../../../src/graph/tensor.js";
import { createRng } from "../../../src/math/rng.js";
import type { MlpParams } from "../../../src/nn/models/mlp.js";
import type { DiscreteSymmetry } from "../../../src/symmetry/discrete/discrete.js";
import { permutations } from "../../../src/symmetry/discrete/permutations.js";
import { signFlips } from "../../../src/symmetry/discrete/sign-flips.js";
import { gradNormSq, type Objective } from "../../../src/teleport/objective/objective.js";
import { type DiscreteSearchOptions, discreteSearch } from "../../../src/teleport/search/discrete.js";
import type { SearchFactory } from "../../../src/teleport/search/search.js";
import { createTeleporter, type TeleporterOptions } from "../../../src/teleport/teleporter.js";
import { flatten } from "../../../src/tree.js";
import { gradientOf, hiddenUnits, leavesOf } from "../../symmetry/units.js";
import { teleportBy } from "./support.js";

/** -|w - target|^2: largest where the parameters agree with others, as in the matching of two networks. */
const closenessTo =
  (target: MlpParams): Objective =>
  () =>
  (p) => {
    const goals: NdArray[] = leavesOf(target);
    const terms = flatten<Tensor>(p, isTensor).leaves.map((w, i) => sum(square(sub(w, constant(goals[i])))));
    return neg(terms.reduce(add));
  };

const problem = randomProblem(8003, { activations: ["tanh"] });
const flips = signFlips(problem.params, hiddenUnits(problem.params));
const swaps = permutations(problem.params, hiddenUnits(problem.params));

describe("discreteSearch", () => {
  it("finds the flips that take a network back to itself, and the loss stays", async () => {
    const target = flips.act(problem.params, flips.random(createRng(3)));
    const { params, report } = await teleportBy(
      discreteSearch(flips, { tries: 500 }),
      problem,
      closenessTo(target),
    );
    expect(params).toEqual(target);
    expect(report).toMatchObject({ accepted: true, search: "sign flips" });
    expect(report.objectiveAfter).toBeCloseTo(0, 14);
    expect(report.drift).toBeLessThan(1e-14);
    expect(report.reason).toMatch(new RegExp(`none of the ${flips.moves} moves raises the objective`));
  });

  it("gets closer by swaps, and pushes gradients forward through all of them", async () => {
    const target = swaps.act(problem.params, swaps.random(createRng(5)));
    const { params, report, pushForward } = await teleportBy(
      discreteSearch(swaps, { tries: 500, starts: 3, seed: 1 }),
      problem,
      closenessTo(target),
    );
    expect(report.accepted).toBe(true);
    expect(report.objectiveAfter).toBeGreaterThan(report.objectiveBefore);
    const [before, after] = [await gradientOf(problem, problem.params), await gradientOf(problem, params)];
    expect(distance(after, (await pushForward?.(before, 1)) as MlpParams)).toBeLessThan(1e-12);
    const squared = (g: MlpParams) => combine((a, b) => a * b, g, g);
    expect(distance(squared(after), (await pushForward?.(squared(before), 2)) as MlpParams)).toBeLessThan(
      1e-12,
    );
  });

  it("reports that orthogonal moves do not raise the gradient, whatever rounding says", async () => {
    for (const symmetry of [flips, swaps]) {
      const { params, report } = await teleportBy(
        discreteSearch(symmetry, { tries: 500 }),
        problem,
        gradNormSq,
      );
      expect(params).toBe(problem.params);
      expect(report.accepted).toBe(false);
      expect(report.reason).toMatch(/none of the \d+ moves raises the objective/);
    }
  });

  it("tries no more moves than it may", async () => {
    const { report } = await teleportBy(discreteSearch(flips, { tries: 1 }), problem, gradNormSq);
    expect(report.reason).toBe("1 moves were tried");
    const none = await teleportBy(discreteSearch(flips, { tries: 0 }), problem, gradNormSq);
    expect(none.report.accepted).toBe(false);
  });

  /** Takes the steps in one program, or one by one. */
  async function taken(
    symmetry: DiscreteSymmetry<MlpParams>,
    { tries, ...options }: Partial<TeleporterOptions<MlpParams>> & { readonly tries: number },
    isAsked: boolean,
  ) {
    const { loss, params, batch } = problem;
    const search: SearchFactory<MlpParams> = async (of) => {
      const found = await discreteSearch(symmetry, { tries })(of);
      return {
        ...found,
        async run(start, setting, limits) {
          const whyNot = async () => undefined;
          return found.run?.(start, setting, limits, isAsked ? { whyNot } : {}) as never;
        },
      };
    };
    const objective = closenessTo(symmetry.act(params, symmetry.random(createRng(11))));
    const teleporter = await createTeleporter<MlpParams>({
      search,
      loss,
      params,
      batch,
      objective,
      runtime: "javascript",
      ...options,
      guard: { curvature: 0, ...options.guard },
    });
    const { params: to, report, pushForward } = await teleporter.teleport(params, batch);
    await teleporter.dispose();
    return { to, report: { ...report, seconds: 0 }, pushed: await pushForward?.(params, 1) };
  }

  // The last generator flips what leads out of a unit alone, which the guard refuses.
  const half = hiddenUnits(problem.params)[0];
  const broken = signFlips(problem.params, [
    ...hiddenUnits(problem.params),
    { ...half, axes: half.axes.slice(-1) },
  ]);
  const cases = {
    "sign flips": [flips, { tries: 500 }],
    permutations: [swaps, { tries: 500 }],
    "few tries": [swaps, { tries: 9 }],
    "refused by the guard": [broken, { tries: 60, allowInexact: true }],
    "refused more often than it may be": [broken, { tries: 400, allowInexact: true, guard: { halvings: 1 } }],
    "without a guard": [broken, { tries: 60, allowInexact: true, guard: { drift: 1e9 } }],
    "in ONNX Runtime": [swaps, { tries: 60, runtime: "onnx" }],
    "refused in ONNX Runtime": [broken, { tries: 60, allowInexact: true, runtime: "onnx" }],
  } as const satisfies Record<string, readonly [DiscreteSymmetry<MlpParams>, Parameters<typeof taken>[1]]>;
  it.each(sampledRows(Object.keys(cases)))(
    "does the same where the host is asked at each move: %s",
    async (name) => {
      const [symmetry, options] = cases[name as keyof typeof cases];
      const whole = await taken(symmetry, options, false);
      const asked = await taken(symmetry, options, true);
      expect(whole.report.steps).toBeGreaterThan(0);
      expect(whole.report.halvings > 0).toBe(name.startsWith("refused"));
      expect(distance(whole.to, asked.to)).toBe(0);
      expect(whole.pushed).toEqual(asked.pushed);
      const { reason, steps, halvings, accepted } = asked.report;
      expect(whole.report).toMatchObject({ reason, steps, halvings, accepted });
      for (const key of ["lossAfter", "objectiveAfter", "gradNormSqAfter", "objectiveBefore"] as const) {
        expect(whole.report[key]).toBeCloseTo(asked.report[key], 10);
      }
    },
  );

  it("climbs from each of its starts where the host decides, too, with data held out", async () => {
    const { loss, params, batch } = problem;
    const objective = closenessTo(swaps.act(params, swaps.random(createRng(5))));
    const reached = async (seed: number, starts: number, isHosted: boolean) => {
      const search: SearchFactory<MlpParams> = async (of) => {
        const found = await discreteSearch(swaps, { tries: 500, starts, seed })(of);
        return {
          ...found,
          // As where data held out refuse the end of the program's walks.
          run: (...given) =>
            isHosted && given[3]?.whyNot === undefined
              ? Promise.resolve({ params, steps: 0, points: [], reason: "" })
              : found.run(...given),
        };
      };
      const guard = { curvature: 0 };
      const teleporter = await createTeleporter({ search, loss, params, batch, objective, guard });
      const { params: to, report } = await teleporter.teleport(params, batch, { heldOut: batch });
      await teleporter.dispose();
      const { objectiveAfter, steps, halvings } = report;
      return { to, objectiveAfter, steps, halvings };
    };
    const [alone, whole] = [await reached(3, 1, false), await reached(3, 4, false)];
    expect(whole.objectiveAfter).toBeGreaterThan(alone.objectiveAfter);
    expect(await reached(3, 4, true)).toEqual(whole);
  });

  it("passes over moves whose objective is not finite, without asking the guard", async () => {
    const target = flips.act(problem.params, flips.random(createRng(3)));
    const closeness = closenessTo(target);
    const overflowing: Objective = (loss) => (p, batch, memory) => {
      const value = closeness(loss)(p, batch, memory);
      return where(greater(value, -1e-9), Infinity, value);
    };
    const { report } = await teleportBy(discreteSearch(flips, { tries: 500 }), problem, overflowing);
    expect(report).toMatchObject({ accepted: true, halvings: 0 });
    expect(report.reason).toMatch(/none of the \d+ moves raises the objective/);
  });

  it.each<DiscreteSearchOptions>([{ tries: -1 }, { starts: 0 }, { seed: 0.5 }])("refuses %j", (options) => {
    expect(() => discreteSearch(flips, options)).toThrow(OptionError);
  });
});
