// COST on models with a state, with gradients in a representation, and with attention.
import { describe, expect, it } from "vitest";
import { astype, isNdArray, type NdArray } from "../../../src/array.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import type { CostOptions } from "../../../src/mtl/cost/settings.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import {
  type AttentionParams,
  initMultiHeadAttention,
  multiHeadAttention,
} from "../../../src/nn/attention.js";
import { initLinear, type LinearParams, linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { type BatchNormState, batchNorm, initBatchNorm, type NormParams } from "../../../src/nn/norm.js";
import { sgd } from "../../../src/optim/sgd.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { levelSet } from "../../../src/teleport/search/level-set/level-set.js";
import { flatten, unflatten } from "../../../src/tree.js";
import { randomArray } from "../gradients/networks.js";

const tasks = ["first", "second"];
const double = { dtype: "float64" } as const;

const always = {
  trigger: "weak",
  schedule: {},
  negligible: 1e-4,
  guard: { samples: 24, drift: 10 },
} as const;

const reportsOf = ({ history }: { history: { events: readonly { event: unknown }[] } }) =>
  history.events.map(({ event }) => event as CostReport);

describe("a model with running statistics", () => {
  interface Params {
    readonly shared: {
      readonly first: LinearParams;
      readonly norm: NormParams;
      readonly second: LinearParams;
    };
    readonly heads: Readonly<Record<string, LinearParams>>;
  }
  const rng = torchGenerator(1);
  const params: Params = {
    shared: {
      first: initLinear(rng, 4, 6, double),
      norm: initBatchNorm(6, double).params,
      second: initLinear(rng, 6, 6, double),
    },
    heads: Object.fromEntries(tasks.map((name) => [name, initLinear(rng, 6, 1, double)])),
  };
  const { state } = initBatchNorm(6, double);
  const losses: TaskLosses<Params> = ({ shared, heads }, batch, { training, state: given, keepState }) => {
    const { output, state: next } = batchNorm(
      linear(batch.x, shared.first),
      shared.norm,
      given as TensorsOf<BatchNormState>,
      { training },
    );
    keepState?.(next);
    const z = relu(linear(relu(output), shared.second));
    return tasks.map((name) => mseLoss(linear(z, heads[name]), batch[name]));
  };
  const data = {
    x: randomArray([24, 4], 5),
    first: randomArray([24, 1], 6),
    second: randomArray([24, 1], 7),
  };

  it.each<[string, CostOptions<Params["shared"]>["move"]]>([
    ["adapters", "adapter"],
    [
      "a scaling",
      {
        symmetry(shared, { loss, batch }) {
          const { scaling } = symmetriesOf(loss, shared, batch);
          if (scaling === undefined) throw new Error("There is no scaling of the shared layers.");
          return scaling;
        },
      },
    ],
    ["a level set", { search: levelSet({ steps: 5 }) }],
  ])("is teleported by %s as it is in evaluation mode, with the statistics of the step", async (_, move) => {
    const teleports = cost<Params>({ ...always, move });
    const trainer = await createMultiTaskTrainer<Params>({
      losses,
      params,
      state,
      data,
      method: pcGrad(),
      optimizer: sgd(),
      learningRate: 0.01,
      beforeStep: teleports.beforeStep,
    });
    const before: Float64Array[] = [];
    for (let step = 0; step < 4; step++) {
      before.push((await trainer.evaluate(data)).losses);
      await trainer.run({ steps: 1 });
    }
    const reports = reportsOf(trainer);
    expect(reports.map(({ outcome }) => outcome)).toContain("accepted");
    for (const { step, before: quantities } of reports) {
      expect(quantities?.losses).toEqual(Array.from(before[step], (loss) => expect.closeTo(loss, 12)));
    }
    await trainer.dispose();
    await teleports.dispose();
  });
});

describe("attention", () => {
  interface Params {
    readonly shared: { readonly embed: LinearParams; readonly attention: AttentionParams };
    readonly heads: Readonly<Record<string, LinearParams>>;
  }
  const inDouble = <T>(tree: T): T => {
    const { leaves, def } = flatten<NdArray>(tree, isNdArray);
    return unflatten(def, leaves.map((a) => astype(a, "float64"))) as T; // biome-ignore format: one call
  };
  const rng = torchGenerator(2);
  const params: Params = inDouble({
    shared: { embed: initLinear(rng, 3, 4), attention: initMultiHeadAttention(rng, 4) },
    heads: Object.fromEntries(tasks.map((name) => [name, initLinear(rng, 4, 1)])),
  });
  const represent = ({ embed, attention }: TensorsOf<Params["shared"]>, x: Tensor): Tensor => {
    const tokens = linear(x, embed);
    return mean(add(tokens, multiHeadAttention(tokens, attention, { heads: 2 })), { axes: 1 });
  };
  const losses: TaskLosses<Params> = ({ shared, heads }, batch, { representation }) => {
    const z = representation ?? represent(shared, batch.x);
    return tasks.map((name) => mseLoss(linear(z, heads[name]), batch[name]));
  };
  const data = {
    x: randomArray([24, 5, 3], 8),
    first: randomArray([24, 1], 9),
    second: randomArray([24, 1], 10),
  };
  const train = async (options: CostOptions<Params["shared"]>, more = {}) => {
    const teleports = cost<Params>({ ...always, ...options });
    const trainer = await createMultiTaskTrainer<Params>({
      losses,
      params,
      data,
      method: pcGrad(),
      optimizer: sgd(),
      learningRate: 0.01,
      beforeStep: teleports.beforeStep,
      ...more,
    });
    await trainer.run({ steps: 2 });
    await trainer.dispose();
    await teleports.dispose();
    return reportsOf(trainer);
  };

  it("is teleported by GL of its query-key and value-output spaces, and keeps its losses", async () => {
    const reports = await train({
      move: {
        symmetry(shared, { loss, batch }) {
          const { linear: group } = symmetriesOf(loss, shared, batch);
          if (group === undefined) throw new Error("There is no GL in the shared layers.");
          return group;
        },
      },
    });
    const accepted = reports.filter(({ outcome }) => outcome === "accepted");
    expect(accepted.length).toBeGreaterThan(0);
    for (const { inner, drift, displacements } of accepted) {
      expect(inner?.last.improve).toBeGreaterThan(inner?.first.improve ?? 0);
      expect(drift?.meanRelative).toBeLessThan(1e-9);
      expect(Object.keys(displacements).some((path) => path.startsWith("attention."))).toBe(true);
    }
  });

  it("is teleported where gradients are compared in a representation", async () => {
    const representation = ({ shared }: TensorsOf<Params>, { x }: Readonly<Record<string, Tensor>>) =>
      represent(shared, x);
    const onIt: TaskLosses<Params> = (p, batch, context) => {
      if (context.representation === undefined) throw new Error("The losses go on from the representation.");
      return losses(p, batch, context);
    };
    const reports = await train({}, { losses: onIt, representation });
    expect(reports.map(({ outcome }) => outcome)).toContain("accepted");
  });
});
