import { array, astype, isNdArray, type NdArray } from "../../../src/array.js";
import type { Batch } from "../../../src/batch.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, div, maximum, mul, neg, sub } from "../../../src/graph/ops/arithmetic.js";
import { abs, log, square, tanh } from "../../../src/graph/ops/elementary.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import { flattenFrom, reshape } from "../../../src/graph/ops/reshape.js";
import { slice } from "../../../src/graph/ops/slice.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { createRng } from "../../../src/math/rng.js";
import { type ConflictMeter, compileConflict } from "../../../src/mtl/cost/meters.js";
import { partsOf, sharedLosses } from "../../../src/mtl/cost/shared-losses.js";
import { emptyHistory } from "../../../src/mtl/train/history.js";
import type { StepContext } from "../../../src/mtl/train/step-hook.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { type ConvParams, convLayer, initConv2d } from "../../../src/nn/conv.js";
import { initLinear, type LinearParams, linear } from "../../../src/nn/linear.js";
import { flatten, floatTypeOf, unflatten } from "../../../src/tree.js";

/** A point of the plane. */
export interface Plane {
  readonly shared: { readonly x: NdArray };
}

export const plane = (x1: number, x2: number): Plane => ({
  shared: { x: array([x1, x2], "float64") },
});

export const pointOf = ({ shared }: Plane): [number, number] => [
  Number(shared.x.data[0]),
  Number(shared.x.data[1]),
];

/** The 2-D toy of CAGrad (Liu et al., NeurIPS 2021, appendix B). */
export const toyLosses =
  (scale: number): TaskLosses<Plane> =>
  ({ shared }) => {
    const [x1, x2] = [0, 1].map((i) => reshape(slice(shared.x, { starts: [i], ends: [i + 1] }), []));
    const t = tanh(x2);
    const valley = (v: Tensor) => add(log(maximum(abs(v), 5e-6)), 6);
    const f1 = valley(add(mul(0.5, sub(neg(x1), 7)), t));
    const f2 = valley(add(sub(mul(0.5, sub(3, x1)), t), 2));
    const c1 = maximum(tanh(div(x2, 2)), 0);
    const c2 = maximum(tanh(div(neg(x2), 2)), 0);
    const bowl = (center: number) =>
      sub(div(add(square(sub(center, x1)), mul(0.1, square(sub(neg(x2), 8)))), 10), 20);
    const loss = (f: Tensor, q: Tensor) => add(mul(f, c1), mul(q, c2));
    return [mul(scale, loss(f1, bowl(7))), loss(f2, bowl(-7))];
  };

export const toyStarts = [
  [-8.5, 7.5],
  [0, 0],
  [9, 9],
  [-7.5, -0.5],
  [9, -1],
] as const;

/** A convolution, a linear layer and K linear heads with squared errors. */
export interface SmallNet {
  readonly shared: { readonly conv: ConvParams; readonly fc: LinearParams };
  readonly heads: Readonly<Record<string, LinearParams>>;
}

export const taskNames = (tasks: number): string[] => Array.from({ length: tasks }, (_, k) => `task${k}`);

/** With seed 0 two and eight tasks are in a dominated conflict on the data of seed 0. */
export function smallNet(tasks: number, dtype: "float32" | "float64" = "float64", seed = 0): SmallNet {
  const rng = torchGenerator(seed);
  const double = { dtype: "float64" } as const;
  const conv = initConv2d(rng, 1, 3, 3, double);
  const fc = initLinear(rng, 3 * 3 * 3, 8, double);
  const heads = taskNames(tasks).map((name) => [name, initLinear(rng, 8, 1, double)]);
  const { leaves, def } = flatten<NdArray>(
    { shared: { conv, fc }, heads: Object.fromEntries(heads) },
    isNdArray,
  );
  return unflatten(
    def,
    leaves.map((leaf) => astype(leaf, dtype)),
  ) as SmallNet;
}

/** Squared errors, the first task's ten times as large: tasks of equal size have no dominated conflicts. */
export const netLosses =
  (tasks: number): TaskLosses<SmallNet> =>
  ({ shared, heads }, { x, y }) => {
    const features = relu(linear(flattenFrom(relu(convLayer(x, shared.conv)), 1), shared.fc));
    return taskNames(tasks).map((name, k) => {
      const target = slice(y, { starts: [0, k], ends: [y.shape[0], k + 1] });
      const error = mean(square(sub(linear(features, heads[name]), target)));
      return k === 0 ? mul(10, error) : error;
    });
  };

/** Random images and targets that disagree between tasks. */
export function netData(examples: number, tasks: number, dtype: "float32" | "float64" = "float64", seed = 0) {
  const rng = createRng(seed);
  const numbers = (n: number) => Array.from({ length: n }, () => rng.normal());
  const of = (shape: number[]): NdArray => {
    const values = numbers(shape.reduce((a, b) => a * b, 1));
    return { shape, data: dtype === "float64" ? Float64Array.from(values) : Float32Array.from(values) };
  };
  return { x: of([examples, 1, 5, 5]), y: of([examples, tasks]) };
}

/** What a trainer would tell a hook, for one point and batch. */
export async function contextFor<P>({
  taskLosses,
  tasks,
  params,
  batch,
  optimizer = {},
  sample = async () => batch,
  ...place
}: {
  readonly taskLosses: TaskLosses<P>;
  readonly tasks: readonly string[];
  readonly params: P;
  readonly batch: Batch;
  readonly optimizer?: StepContext<P>["optimizer"];
  readonly sample?: StepContext<P>["sample"];
} & Partial<StepContext<P>>): Promise<{ readonly context: StepContext<P>; readonly meter: ConflictMeter }> {
  const meter = await compileConflict(sharedLosses({ losses: taskLosses }), partsOf(params), batch, {});
  const dtype = floatTypeOf("test", params);
  const point = () => meter.at(partsOf(params), batch);
  const context: StepContext<P> = {
    unload: async () => {},
    setup: { losses: taskLosses, tasks, sharedPaths: [], dtype, compileOptions: {} },
    step: 0,
    epoch: 1,
    stepsPerEpoch: 10,
    params,
    optimizer,
    learningRate: 1e-3,
    learningRateAt: () => 1e-3,
    batch,
    memory: undefined,
    history: emptyHistory(tasks, true),
    losses: async () => (await point()).losses,
    gramian: async () => (await point()).gramian,
    conflict: async () => {
      const { conflict } = await point();
      if (conflict === undefined) throw new Error("The Gramian is not finite.");
      return conflict;
    },
    direction: async () => new Float64Array(0),
    sample,
    batches: (label) => ({
      async *[Symbol.asyncIterator]() {
        for (let i = 0; i < context.stepsPerEpoch; i++) yield sample(batch.x?.shape[0] ?? 1, `${label} ${i}`);
      },
    }),
    ...place,
  };
  return { context, meter };
}
