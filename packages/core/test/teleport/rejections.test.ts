// Each bound of the guard is broken on purpose by a toy whose loss, objective or action lies in one respect.

import { expect, it } from "vitest";
import type { Batch, BatchLoss } from "../../src/batch.js";
import { add, mul, neg, sub } from "../../src/graph/ops/arithmetic.js";
import { equal, less, where } from "../../src/graph/ops/compare.js";
import { exp, sqrt } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { TensorsOf } from "../../src/graph/trace.js";
import type { Objective } from "../../src/teleport/objective/objective.js";
import { type GradientAscentOptions, gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { createTeleporter, type TeleporterOptions } from "../../src/teleport/teleporter.js";
import {
  batchOf,
  linearized,
  numbersOf,
  productLoss,
  refusing,
  switchedLoss,
  type Toy,
  toy,
  toyScaling,
} from "./toy.js";

type Options = Partial<TeleporterOptions<Toy>> & Pick<GradientAscentOptions, "steps" | "stepSize" | "bound">;

const batch = batchOf(1, 0);

async function teleport(
  params: Toy,
  { steps, stepSize, bound, symmetry = toyScaling(), ...options }: Options = {},
  { at = batch, heldOut }: { at?: Batch; heldOut?: Batch } = {},
) {
  const teleporter = await createTeleporter<Toy>({
    search: gradientAscent(symmetry, { steps, stepSize, bound } as GradientAscentOptions),
    loss: productLoss,
    params,
    batch: at,
    ...options,
  });
  const result = await teleporter.teleport(params, at, heldOut ? { heldOut } : {});
  await teleporter.dispose();
  return result;
}

/** Growing as a does, and NaN where a > 2.05. */
const rootObjective = (() => (p: TensorsOf<Toy>) => neg(sum(sqrt(sub(2.05, p.a))))) as unknown as Objective;

const rows: readonly {
  readonly name: string;
  readonly reason: RegExp;
  readonly halvings: number;
  readonly params?: Toy;
  readonly options: Options;
  readonly at?: Batch;
  readonly heldOut?: Batch;
}[] = [
  {
    name: "an action that does not keep the loss",
    reason: /^the loss drifts by \d\.\de-\d+, more than 0\.000001$/,
    halvings: 3,
    options: { symmetry: toyScaling(linearized), allowInexact: true },
  },
  {
    name: "a loss that moves on held-out data",
    reason: /^the loss on held-out data drifts by \d\.\de-\d+, more than 0\.01$/,
    halvings: 3,
    options: { loss: switchedLoss, allowInexact: true, guard: { heldOutDrift: 0.01 } },
    at: batchOf(1, 0),
    heldOut: batchOf(0, 0),
  },
  {
    name: "a point where the objective is not finite",
    reason: /^the new point's loss or gradient is not finite$/,
    halvings: 0,
    options: { objective: rootObjective, guard: { halvings: 0 } },
  },
  {
    name: "parameters that are not finite",
    reason: /^a parameter of the new point is not finite$/,
    halvings: 2,
    options: {
      symmetry: toyScaling({
        act: async ({ b }) => ({ a: { shape: [1], data: Float64Array.of(Infinity) }, b }),
        trace: ({ a, b }, [t]) => ({ a: where(equal(t, 0), a, Infinity), b }),
      }),
      // A loss that does not see them.
      loss: (({ b }) => sum(b)) as BatchLoss<Toy>,
      objective: (() =>
        ({ a, b }: TensorsOf<Toy>) =>
          sum(where(less(a, 1e300), b, add(b, 10)))) as unknown as Objective,
      guard: { halvings: 2 },
    },
  },
  {
    name: "an objective that falls, from a derivative of the wrong sign",
    reason: /^the objective does not increase$/,
    halvings: 3,
    options: {
      symmetry: toyScaling({ derivative: (p, [t]) => toyScaling().derivative(p, [neg(t)], {}, []) }),
    },
  },
  {
    name: "a slower descent at a large learning rate",
    // One step of rate 0.2 from (2, 1) leads to (1.2, -0.6), so to a loss of 0.72^2.
    reason: /^descent from the new point reaches 0\.6\d+, from the old one 0\.518400$/,
    halvings: 3,
    options: { guard: { race: { learningRate: 0.2, steps: 1 } } },
  },
  {
    // The same step as in the race below, toward y = 0: away from the held-out y = 5, from (2, 1) to (1.96, 0.92).
    name: "a descent that takes the loss on held-out data up, further from the new point",
    reason: /^descent from the new point reaches 10\.\d+, from the old one 10\.2195$/,
    halvings: 3,
    options: { guard: { race: { learningRate: 0.01, steps: 1 } } },
    heldOut: batchOf(1, 5),
  },
  {
    name: "a context that the symmetry refuses",
    reason: /^no context here$/,
    halvings: 0,
    options: {
      symmetry: toyScaling({
        context: async () => ({ refused: "no context here" }),
        traceContext: () => ({ context: [], isCertain: constant(0, "float64") }),
      }),
    },
  },
  {
    name: "an action that the symmetry refuses",
    reason: /^no action here$/,
    halvings: 3,
    options: { symmetry: toyScaling(refusing) },
  },
  {
    name: "a stationary point of the orbit, a = b",
    reason: /^the objective is stationary along the orbit/,
    halvings: 0,
    params: toy(1.5, 1.5),
    options: {},
  },
  {
    name: "a loss that is not finite at the start",
    reason: /^the loss or its gradient is not finite at the start$/,
    halvings: 0,
    params: toy(Number.NaN, 1),
    options: {},
  },
  { name: "no steps at all", reason: /^0 steps taken$/, halvings: 0, options: { steps: 0 } },
];

it.each(rows.map((row) => [row.name, row] as const))(
  "%s: nothing moves, and the report says so",
  async (_, { options, params = toy(2, 1), ...row }) => {
    const before = numbersOf(params);
    const arrays = { ...params };
    const { params: after, report } = await teleport(params, options, row);
    expect(report.reason).toMatch(row.reason);
    expect(report).toMatchObject({ accepted: false, steps: 0, halvings: row.halvings, drift: 0 });
    expect(after).toBe(params);
    expect(after.a).toBe(arrays.a);
    expect(after.b).toBe(arrays.b);
    expect(numbersOf(after)).toEqual(before);
    expect(report.lossAfter).toBe(report.lossBefore);
    expect(report.gradNormSqAfter).toBe(report.gradNormSqBefore);
    if (row.heldOut) expect(report.heldOut).toMatchObject({ drift: 0 });
  },
);

it("is halved until the guard takes it", async () => {
  const symmetry = toyScaling(linearized);
  // The drift of a step t is 2 t^2: 0.02 at the first size 0.1, 0.00125 at a quarter of it.
  const options = { symmetry, allowInexact: true, stepSize: 0.1, steps: 1, guard: { drift: 0.002 } };
  const { params, report } = await teleport(toy(2, 1), options);
  expect(report).toMatchObject({ accepted: true, steps: 1, halvings: 2, reason: "1 step taken" });
  expect(numbersOf(params)).toEqual([2 * 1.025, 0.975]);
  expect(report.drift).toBeCloseTo(1 - (1.025 * 0.975) ** 2, 12);
});

it("passes a race that it wins", async () => {
  const { report } = await teleport(toy(2, 1), { guard: { race: { learningRate: 0.01, steps: 1 } } });
  expect(report).toMatchObject({ accepted: true, halvings: 0 });
});

it("keeps the steps before the one that is refused", async () => {
  // From a = 2 steps of 0.01 grow the objective until a passes 2.05 (NaN) at the third.
  const options = { objective: rootObjective, stepSize: 0.01, guard: { halvings: 0 } };
  const { params, report } = await teleport(toy(2, 1), options);
  expect(report).toMatchObject({ accepted: true, steps: 2, halvings: 0 });
  expect(report.reason).toBe("2 steps taken; then: the new point's loss or gradient is not finite");
  expect(numbersOf(params)[0]).toBeCloseTo(2 * Math.exp(0.02), 12);
});

it("ends at an element's bound, exactly", async () => {
  const { params, report } = await teleport(toy(2, 1), { bound: 0.25, stepSize: 0.1, steps: 50 });
  expect(report).toMatchObject({ accepted: true, steps: 3, halvings: 0 });
  expect(report.reason).toBe("3 steps taken; then: the bound 0.25 on the group element is reached");
  expect(Math.log(numbersOf(params)[0] / 2)).toBeCloseTo(0.25, 14);
});

it("ends at the bound on the norm of all blocks", async () => {
  const symmetry = toyScaling({
    algebra: [[1], [1]],
    bound: { kind: "norm", value: 0.25 },
    derivative: (p, [t, u]) => toyScaling().derivative(p, [sub(t, u)], {}, []),
    act: (p, [t, u]) => {
      const T = Number(t.data[0]) - Number(u.data[0]);
      return toyScaling().act(p, [{ shape: [1], data: Float64Array.of(T) }], {});
    },
    trace: ({ a, b }, [t, u]) => ({ a: mul(a, exp(sub(t, u))), b: mul(b, exp(sub(u, t))) }),
  });
  const { params, report } = await teleport(toy(2, 1), { symmetry, stepSize: 0.1, steps: 50 });
  expect(report.reason).toBe("3 steps taken; then: the bound 0.25 on the group element is reached");
  // Along (1, -1) / sqrt 2.
  expect(Math.log(numbersOf(params)[0] / 2)).toBeCloseTo(0.25 * Math.SQRT2, 12);
});

it("goes on in small steps with a step size far below the bound", async () => {
  const { report } = await teleport(toy(2, 1), { stepSize: 1e-8, steps: 3 });
  expect(report).toMatchObject({ accepted: true, steps: 3, reason: "3 steps taken" });
});
