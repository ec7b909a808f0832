import { dtypeOf, isNdArray, type NdArray } from "../../../src/array.js";
import type { Batch } from "../../../src/batch.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { createRng } from "../../../src/math/rng.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { type LinearParams, linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { flatten, unflatten } from "../../../src/tree.js";

export interface NetParams {
  readonly shared: readonly LinearParams[];
  readonly heads: Readonly<Record<string, LinearParams>>;
}

export interface Net {
  readonly params: NetParams;
  readonly batch: Batch;
  readonly losses: TaskLosses<NetParams>;
  readonly tasks: readonly string[];
}

type DType = "float32" | "float64";

export function randomArray(shape: readonly number[], seed: number, dtype: DType = "float64"): NdArray {
  const rng = createRng(seed);
  const size = shape.reduce((a, b) => a * b, 1);
  const values = Float64Array.from({ length: size }, () => 0.5 * rng.normal());
  return { shape: [...shape], data: dtype === "float64" ? values : Float32Array.from(values) };
}

/** The trunk of {@link randomNet}: layers with tanh. */
export const trunk = (shared: readonly { weight: Tensor; bias?: Tensor }[], x: Tensor): Tensor =>
  shared.reduce((h, layer) => tanh(linear(h, layer)), x);

/** A network of layers with tanh and one linear head a task, losses of squares, and a batch for it. */
export function randomNet({
  sizes = [3, 5, 4],
  tasks: count = 3,
  examples = 6,
  seed = 0,
  dtype = "float64",
}: {
  readonly sizes?: readonly number[];
  readonly tasks?: number;
  readonly examples?: number;
  readonly seed?: number;
  readonly dtype?: DType;
} = {}): Net {
  let next = 100 * seed;
  const random = (...shape: number[]) => randomArray(shape, next++, dtype);
  const tasks = Array.from({ length: count }, (_, k) => `task${k}`);
  const last = sizes[sizes.length - 1];
  const layer = (inputs: number, outputs: number) => ({
    weight: random(outputs, inputs),
    bias: random(outputs),
  });
  return {
    tasks,
    params: {
      shared: sizes.slice(1).map((outputs, i) => layer(sizes[i], outputs)),
      heads: Object.fromEntries(tasks.map((name) => [name, layer(last, 2)])),
    },
    batch: {
      x: random(examples, sizes[0]),
      ...Object.fromEntries(tasks.map((name) => [name, random(examples, 2)])),
    },
    losses: ({ shared, heads }, batch, { representation }) => {
      const z = representation ?? trunk(shared, batch.x);
      return tasks.map((name) => mseLoss(linear(z, heads[name]), batch[name]));
    },
  };
}

/** The leaves of a tree one after another. */
export const flat = (tree: unknown): number[] =>
  flatten<NdArray>(tree, isNdArray).leaves.flatMap((a) => Array.from(a.data as Float64Array, Number));

/** A tree like another one with one number changed. */
export function nudged<P>(params: P, leaf: number, at: number, by: number): P {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const changed = leaves.map((a, i) => {
    if (i !== leaf) return a;
    if (dtypeOf(a) !== "float64") throw new Error("Difference quotients need float64.");
    const data = a.data.slice() as Float64Array;
    data[at] += by;
    return { shape: a.shape, data };
  });
  return unflatten(def, changed) as P;
}
