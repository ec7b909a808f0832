import { describe, expect, it } from "vitest";
import { astype, isNdArray, type NdArray } from "../../../src/array.js";
import { add } from "../../../src/graph/ops/arithmetic.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { cost } from "../../../src/mtl/cost/cost.js";
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
import { sgd } from "../../../src/optim/sgd.js";
import { symmetriesOf } from "../../../src/symmetry/symmetries-of.js";
import { flatten, unflatten } from "../../../src/tree.js";
import { randomArray } from "../gradients/networks.js";
import { always, reportsOf, tasks } from "./models-support.js";

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
