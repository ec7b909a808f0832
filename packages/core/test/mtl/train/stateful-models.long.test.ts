// Models whose batch norms have a state, with a head for each task.

import { attentionSegnet } from "isoloss-benchmarks";
import { evaluate } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray, ndarray } from "../../../src/array.js";
import type { Batch } from "../../../src/batch.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { cost } from "../../../src/mtl/cost/cost.js";
import type { CostReport } from "../../../src/mtl/cost/report.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import { linearScalarization } from "../../../src/mtl/methods/linear-scalarization.js";
import { pcGrad } from "../../../src/mtl/methods/pc-grad.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { decodeMultiTaskCheckpoint, encodeMultiTaskCheckpoint } from "../../../src/mtl/train/train-state.js";
import { createMultiTaskTrainer, type MultiTaskTrainerOptions } from "../../../src/mtl/train/trainer.js";
import { crossEntropy } from "../../../src/nn/losses/cross-entropy.js";
import { l1Loss } from "../../../src/nn/losses/l1.js";
import { adam } from "../../../src/optim/adam.js";
import { sgd } from "../../../src/optim/sgd.js";
import { resume } from "../../../src/train/checkpoint.js";
import { flatten, namedArrays } from "../../../src/tree.js";
import { flat, randomArray } from "../gradients/networks.js";

const double = { dtype: "float64" } as const;
const model = attentionSegnet({ heads: { semantic: 3, depth: 1 }, channels: [2, 3] });
const { params, state } = model.init(torchGenerator(0), double);
type Params = typeof params;
type State = typeof state;

const n = 4;
const data: Batch = {
  x: randomArray([n, 3, 8, 8], 1),
  semantic: ndarray(
    BigInt64Array.from({ length: n * 64 }, (_, i) => BigInt((i % 4) - 1)),
    [n, 8, 8],
  ),
  depth: randomArray([n, 1, 8, 8], 2),
};

const losses: TaskLosses<Params, Batch, State> = ({ shared, heads }, batch, context) => {
  const { training, state: before, keepState, representations } = context;
  const trunk = representations
    ? undefined
    : model.trunk(shared, batch.x as Tensor, { state: before, training });
  if (trunk) keepState?.(trunk.state);
  const outputs = model.readOut(heads, representations ?? trunk?.output ?? []);
  return [
    crossEntropy(outputs.semantic as Tensor, batch.semantic as Tensor, { axis: 1, ignoreIndex: -1 }),
    l1Loss(outputs.depth as Tensor, batch.depth as Tensor),
  ];
};

const represent = (
  { shared }: TensorsOf<Params>,
  batch: Readonly<Record<string, Tensor>>,
  { training, state: before, keepState }: Parameters<typeof losses>[2],
) => {
  const { output, state: next } = model.trunk(shared, batch.x as Tensor, { state: before, training });
  keepState?.(next);
  return output;
};

const trainerFor = (options: Partial<MultiTaskTrainerOptions<Params, Batch, State>> = {}) =>
  createMultiTaskTrainer<Params, Batch, State>({
    losses,
    params,
    state,
    data,
    method: pcGrad(),
    optimizer: sgd(),
    learningRate: 0.05,
    batchSize: 2,
    ...options,
  });

/** The state that the model itself has after training on all examples. */
const stateAfter = (p: Params, from: State, x: NdArray): State =>
  evaluate(
    (q: TensorsOf<Params>, s: TensorsOf<State>, images: Tensor) =>
      model.apply(q, images, { state: s, training: true }).state,
    p,
    from,
    x,
  ) as unknown as State;

describe("a model with batch norms and several heads", () => {
  const methods = [linearScalarization(), fairGrad(), pcGrad()];

  it.each([
    ...methods.map((method) => [method.name, { method }] as const),
    ["a representation of two tensors", { representation: represent }] as const,
  ])("has after a step with %s the statistics that the model itself has", async (_, options) => {
    const trainer = await trainerFor({ ...options, batchSize: n });
    let expected = state;
    for (let step = 0; step < 2; step++) {
      expected = stateAfter(trainer.current.params, expected, data.x as NdArray);
      await trainer.run({ steps: 1 });
    }
    const [got, want] = [namedArrays(trainer.current.state), namedArrays(expected)];
    expect(Object.keys(got)).toEqual(Object.keys(want));
    for (const [path, array] of Object.entries(want)) {
      const values = Array.from(array.data as Float64Array, (v) => expect.closeTo(v, 12));
      expect(Array.from(got[path]?.data as Float64Array)).toEqual(values);
    }
    await trainer.dispose();
  });

  it("is trained in the precision that is asked for, its state too", async () => {
    const trainer = await trainerFor({ dtype: "float32" });
    await trainer.run({ steps: 1 });
    const { leaves } = flatten<NdArray>(trainer.current.state, isNdArray);
    expect(leaves.every((leaf) => leaf.data instanceof Float32Array)).toBe(true);
    await trainer.dispose();
  });

  it("has no common gradient where each task reads a tensor of its own", async () => {
    const trainer = await trainerFor({ representation: represent });
    await trainer.run({ steps: 3 });
    expect(trainer.history.cosines[0]?.every((v) => Math.abs(v) < 1e-15)).toBe(true);
    expect(trainer.history.norms.flat().every((v) => v > 0)).toBe(true);
    await trainer.dispose();
  });

  it("takes attention networks as a task's own by their paths", async () => {
    const taskOf = (path: string) => /^(?:heads|shared\.attention)\.(\w+)\./.exec(path)?.[1];
    const trainer = await trainerFor({ tasks: ["semantic", "depth"], taskOf, method: fairGrad() });
    const paths = Object.keys(namedArrays(params));
    const own = paths.filter((path) => taskOf(path) !== undefined);
    expect(own.some((path) => path.startsWith("shared.attention.depth."))).toBe(true);
    expect(trainer.setup.sharedPaths).toEqual(paths.filter((path) => !own.includes(path)));
    await trainer.run({ steps: 2 });
    await trainer.dispose();
  });

  it("goes on from a checkpoint to the same numbers, bit for bit", async () => {
    const [whole, first, second] = [await trainerFor(), await trainerFor(), await trainerFor()];
    await whole.run({ steps: 5 });
    await first.run({ steps: 3 });
    resume(second, decodeMultiTaskCheckpoint(encodeMultiTaskCheckpoint(first)));
    await second.run({ steps: 2 });
    expect(flat(second.current.params)).toEqual(flat(whole.current.params));
    expect(flat(second.current.state)).toEqual(flat(whole.current.state));
  });

  it("is evaluated with its statistics, and teleported by COST within the guard", async () => {
    const teleports = cost<Params>({
      trigger: "weak",
      schedule: {},
      guard: { samples: 4, drift: 0.1 },
      inner: { learningRate: 0.01, steps: 4 },
    });
    const trainer = await trainerFor({ beforeStep: teleports.beforeStep });
    await trainer.run({ steps: 4 });
    const reports = trainer.history.events.map(({ event }) => event as CostReport);
    expect(reports.map(({ outcome }) => outcome)).toContain("accepted");
    for (const { outcome, drift } of reports) {
      if (outcome === "accepted") expect(drift?.worstRelative).toBeLessThanOrEqual(0.1);
    }
    const { losses: found } = await trainer.evaluate(data);
    const { current } = trainer;
    const { output } = evaluate(
      (p: TensorsOf<Params>, s: TensorsOf<State>, images: Tensor) => model.apply(p, images, { state: s }),
      current.params,
      current.state as State,
      data.x as NdArray,
    ) as unknown as { output: { depth: NdArray } };
    const errors = Array.from(output.depth.data as Float64Array, (v, i) =>
      Math.abs(v - Number((data.depth as NdArray).data[i])),
    );
    expect(found[1]).toBeCloseTo(errors.reduce((a, b) => a + b) / errors.length, 12);
    await trainer.dispose();
    await teleports.dispose();
  });

  it("learns", async () => {
    const trainer = await trainerFor({
      method: fairGrad(),
      optimizer: adam(),
      learningRate: 0.02,
      batchSize: n,
    });
    await trainer.run({ steps: 60 });
    for (const list of trainer.history.losses) expect(list.at(-1)).toBeLessThan(0.8 * (list[0] as number));
    await trainer.dispose();
  });
});
