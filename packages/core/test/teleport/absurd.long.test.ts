// Whatever the settings and the numbers: parameters stay finite, losses stay, and there is always a reason.

import { evaluator, type Problem, randomProblem } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { copyArray, isNdArray, type NdArray } from "../../src/array.js";
import { createRng, type Rng } from "../../src/math/rng.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { flatten, unflatten } from "../../src/tree.js";

const pick = <V>(rng: Rng, values: readonly V[]): V => values[rng.int(values.length)];
const leavesOf = (params: MlpParams): NdArray[] => flatten<NdArray>(params, isNdArray).leaves;
const isFiniteTree = (params: MlpParams): boolean =>
  leavesOf(params).every(({ data }) => (data as Float64Array).every(Number.isFinite));

const spoilers: Readonly<Record<string, (a: NdArray) => void>> = {
  "as they are": () => {},
  zero: ({ data }) => data.fill(0 as never),
  huge: ({ data }) =>
    (data as Float64Array).forEach((v, i) => {
      data[i] = v * 1e30;
    }),
  tiny: ({ data }) =>
    (data as Float64Array).forEach((v, i) => {
      data[i] = v * 1e-30;
    }),
  "NaN in one place": ({ data }) => {
    data[0] = Number.NaN;
  },
  "infinite in one place": ({ data }) => {
    data[data.length - 1] = Infinity;
  },
};

interface Absurdity {
  readonly problem: Problem;
  readonly label: string;
  readonly useScaling: boolean;
  readonly settings: {
    bound?: number;
    stepSize?: number;
    steps: number;
    drift?: number;
    race?: { learningRate: number };
  };
}

function absurdity(seed: number): Absurdity {
  const rng = createRng(seed).fork("absurd");
  const useScaling = rng.int(2) === 0;
  const problem = randomProblem(seed, {
    activations: useScaling
      ? ["relu", "leakyRelu"]
      : ["leakyRelu", "elu", "tanh", "sigmoid", "softplus", "identity"],
    dtype: pick(rng, ["float32", "float64"] as const),
    ...(rng.int(2) === 0 ? { size: "narrow" as const } : {}),
  });
  const sizes = [undefined, undefined, undefined, undefined, 1e-300, 1e-9, 0.1, 3, 1e4, 1e150, 1e300];
  const settings = {
    ...optional("bound", pick(rng, sizes)),
    ...optional("stepSize", pick(rng, sizes)),
    ...optional("drift", pick(rng, [undefined, undefined, undefined, 0, 1e-9, 0.5])),
    ...optional("race", pick(rng, [undefined, undefined, { learningRate: 1e-3 }, { learningRate: 1e30 }])),
    steps: pick(rng, [1, 4]),
  };
  const kinds = Object.keys(spoilers);
  const spoiler = () => (rng.int(3) === 0 ? pick(rng, kinds) : "as they are");
  const spoilt = { weights: spoiler(), inputs: spoiler() };
  const { leaves, def } = flatten<NdArray>(problem.params, isNdArray);
  for (const leaf of leaves) if (rng.int(2) === 0) spoilers[spoilt.weights](leaf);
  spoilers[spoilt.inputs](problem.batch.x);
  return {
    problem: { ...problem, params: unflatten(def, leaves) as MlpParams },
    label: `${problem.label}; ${JSON.stringify({ ...settings, ...spoilt })}`,
    useScaling,
    settings,
  };
}

const optional = <K extends string, V>(key: K, value: V | undefined): { [k in K]?: V } =>
  (value === undefined ? {} : { [key]: value }) as { [k in K]?: V };

describe("200 absurd teleports", () => {
  it("never give parameters that are not finite, nor a loss beyond the tolerance, and always a reason", async () => {
    const outcomes = { accepted: 0, rejected: 0 };
    for (let seed = 0; seed < 200; seed++) {
      const { problem, label, useScaling, settings } = absurdity(seed);
      const { params, batch, activation, loss } = problem;
      const { drift, race, ...options } = settings;
      const before = leavesOf(params).map(copyArray);
      const teleporter = await createTeleporter({
        search: gradientAscent(
          useScaling ? positiveScaling(params, activation) : hiddenAction(params, activation),
          options,
        ),
        loss,
        params,
        batch,
        guard: { ...optional("drift", drift), ...optional("race", race) },
      });
      const { params: after, report } = await teleporter.teleport(params, batch);
      expect(report.reason.length, label).toBeGreaterThan(5);
      expect(leavesOf(params), label).toEqual(before);
      if (report.accepted) {
        outcomes.accepted++;
        expect(isFiniteTree(after), label).toBe(true);
        const lossOf = evaluator(loss, problem);
        const [from, to] = [lossOf(params, batch), lossOf(after, batch)];
        const isDouble = leavesOf(params)[0].data instanceof Float64Array;
        const limit = drift ?? (isDouble ? 1e-6 : 1e-4);
        // Here, the last bits of the loss: it is computed by another executable.
        expect(Math.abs(to - from) / Math.max(Math.abs(from), 1e-12), label).toBeLessThanOrEqual(
          limit + 1e-7,
        );
        expect(report.gradNormSqAfter, label).toBeGreaterThan(report.gradNormSqBefore);
      } else {
        outcomes.rejected++;
        expect(after, label).toBe(params);
        expect(report, label).toMatchObject({ steps: 0, drift: 0 });
      }
    }
    // The settings are absurd, but not all the same: both outcomes are met often.
    expect(outcomes.accepted).toBeGreaterThan(30);
    expect(outcomes.rejected).toBeGreaterThan(60);
  });
});
