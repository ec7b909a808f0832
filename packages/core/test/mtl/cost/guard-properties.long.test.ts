// What the guard promises, for every optimizer under random settings: no accepted teleport has a drift above its bound,
// and after a rejected one the step is, bit for bit, the one that it would have been.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray } from "../../../src/array.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import type { CostOptions } from "../../../src/mtl/cost/settings.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import type { MultiTaskState } from "../../../src/mtl/train/train-state.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { adagrad } from "../../../src/optim/adagrad.js";
import { adam } from "../../../src/optim/adam.js";
import { adamw } from "../../../src/optim/adamw.js";
import type { Optimizer } from "../../../src/optim/optimizer.js";
import { rmsprop } from "../../../src/optim/rmsprop.js";
import { gd, sgd } from "../../../src/optim/sgd.js";
import { flatten } from "../../../src/tree.js";
import { netData, netLosses, type SmallNet, smallNet } from "./support.js";

type Options = CostOptions<SmallNet["shared"]>;

const optimizers: [string, Optimizer][] = [
  ["gradient descent", gd()],
  ["SGD with momentum", sgd({ momentum: 0.9 })],
  ["Nesterov", sgd({ momentum: 0.9, nesterov: true })],
  ["AdaGrad", adagrad()],
  ["RMSprop", rmsprop()],
  ["centered RMSprop with momentum", rmsprop({ centered: true, momentum: 0.5 })],
  ["Adam", adam()],
  ["Adam with AMSGrad", adam({ amsgrad: true })],
  ["AdamW", adamw()],
];

/** A power of ten. */
const magnitude = (least: number, most: number) =>
  fc.double({ min: least, max: most, noNaN: true }).map((e) => 10 ** e);

const guard = fc.record({
  // From bounds that little meets to bounds that little breaks.
  drift: magnitude(-4, 1),
  judge: fc.constantFrom("worst" as const, "mean" as const),
  kind: fc.constantFrom("relative" as const, "absolute" as const),
  samples: fc.constantFrom(0, 20),
  halvings: fc.integer({ min: 0, max: 3 }),
});

const settings = fc.record({
  trigger: fc.constantFrom("weak" as const, "dominated" as const, "released" as const),
  move: fc.constantFrom("adapter" as const, "random" as const),
  improve: fc.constantFrom<NonNullable<Options["improve"]>>(
    { kind: "cosine" },
    { kind: "sharpness", radius: 0.05 },
  ),
  preserve: fc.record({ weight: fc.constantFrom(0, 1, 10), batches: fc.constantFrom(1, 3) }),
  inner: fc.record({ learningRate: magnitude(-2, 1), steps: fc.integer({ min: 1, max: 8 }) }),
  trust: fc.record({ kind: fc.constant("relative" as const), value: magnitude(-2, 1) }),
  state: fc.record({ policy: fc.constantFrom("keep" as const, "reset" as const, "reuse" as const) }),
  seed: fc.nat(1000),
});

/** A move that a guard refuses or takes. */
const known = {
  trigger: "weak",
  move: "random",
  improve: { kind: "cosine" },
  preserve: { weight: 1, batches: 1 },
  inner: { learningRate: 0.01, steps: 1 },
  trust: { kind: "relative", value: 0.1 },
  state: { policy: "keep" },
  seed: 0,
} as const;
const bound = (drift: number) =>
  ({ drift, judge: "worst", kind: "relative", samples: 20, halvings: 1 }) as const;

const methods = [linearScalarization(), fairGrad()] as readonly MultiTaskMethod<unknown>[];

const numbersOf = ({ params, optimizer }: MultiTaskState<SmallNet>): number[][] =>
  flatten<NdArray>({ params, optimizer }, isNdArray).leaves.map(({ data }) => Array.from(data, Number));

/** Steps with teleports, each beside the same step without. */
async function compareSteps(optimizer: Optimizer, method: MultiTaskMethod<unknown>, options: Options) {
  const teleports = cost<SmallNet>({ ...options, optimizer, schedule: {} });
  const common = {
    losses: netLosses(2),
    params: smallNet(2),
    // In conflict at the start.
    data: netData(16, 2),
    method,
    optimizer,
    learningRate: 0.01,
    recordGradients: true,
  };
  const trainer = await createMultiTaskTrainer<SmallNet>({ ...common, beforeStep: teleports.beforeStep });
  const plain = await createMultiTaskTrainer<SmallNet>(common);
  const outcomes: string[] = [];
  for (let step = 0; step < 3; step++) {
    plain.restore(trainer.current, trainer.history);
    const given = numbersOf(trainer.current);
    const start = trainer.current;
    await trainer.run({ steps: 1 });
    await plain.run({ steps: 1 });
    expect(numbersOf(start), "the state before the step stays as it is").toEqual(given);
    const event = trainer.history.events.find((e) => e.step === step)?.event as CostReport | undefined;
    outcomes.push(event?.outcome ?? "none");
    if (event === undefined || event.outcome === "rejected") {
      expect(numbersOf(trainer.current)).toEqual(numbersOf(plain.current));
      expect(event?.displacement ?? 0).toBe(0);
    } else {
      requireBound(event, options.guard as Bound);
    }
  }
  for (const made of [trainer, plain, teleports]) await made.dispose();
  return outcomes;
}

interface Bound {
  readonly drift: number;
  readonly judge: "worst" | "mean";
  readonly kind: "relative" | "absolute";
}

/** The drift by the losses that the report gives, not by its own quantity. */
function requireBound({ drift, reason }: CostReport, { drift: most, judge, kind }: Bound): void {
  if (reason === "D is zero: nothing was moved") return;
  const { lossesBefore = [], lossesAfter = [] } = drift ?? {};
  expect(lossesAfter).toHaveLength(2);
  const moves = lossesBefore.map((loss, k) => Math.abs(lossesAfter[k] - loss));
  const sizes = lossesBefore.map((loss) => (kind === "relative" ? Math.abs(loss) : 1));
  const pairs =
    judge === "worst"
      ? moves.map((moved, k) => [moved, sizes[k]])
      : [[moves[0] + moves[1], sizes[0] + sizes[1]].map((sum) => sum / 2)];
  for (const [moved, size] of pairs) expect(moved).toBeLessThanOrEqual(most * size * (1 + 1e-12));
}

describe("the guard", () => {
  it.each(optimizers)(
    "bounds the drift, and a rejected teleport leaves the run as it is, bit for bit: %s",
    async (_, optimizer) => {
      const seen = new Set<string>();
      await fc.assert(
        fc.asyncProperty(settings, guard, fc.constantFrom(...methods), async (options, most, method) => {
          for (const outcome of await compareSteps(optimizer, method, { ...options, guard: most })) {
            seen.add(outcome);
          }
        }),
        {
          numRuns: 6,
          examples: [
            [known, bound(1e-9), methods[0]],
            [known, bound(10), methods[1]],
          ],
        },
      );
      expect([...seen]).toEqual(expect.arrayContaining(["accepted", "rejected"]));
    },
  );
});
