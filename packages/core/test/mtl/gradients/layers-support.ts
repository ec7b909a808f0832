// G, summed over layers, against J J' from one backward pass a task, for every kind of layer with parameters.
import { sampledRows } from "isoloss-test-support/random-cases";
import { expect, it } from "vitest";
import { astype, isNdArray, type NdArray, ndarray } from "../../../src/array.js";
import type { Batch } from "../../../src/batch.js";
import { grad } from "../../../src/graph/autodiff.js";
import { relu } from "../../../src/graph/ops/activation.js";
import { add, mul } from "../../../src/graph/ops/arithmetic.js";
import { tanh } from "../../../src/graph/ops/elementary.js";
import { maxPool2d } from "../../../src/graph/ops/pool.js";
import { mean } from "../../../src/graph/ops/reduce.js";
import { flattenFrom } from "../../../src/graph/ops/reshape.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { TensorsOf } from "../../../src/graph/trace.js";
import { torchGenerator } from "../../../src/math/mt19937.js";
import { taskGradients } from "../../../src/mtl/gradients/task-gradients.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { initMultiHeadAttention, multiHeadAttention } from "../../../src/nn/attention.js";
import { convLayer, convTransposeLayer, initConv2d, initConvTranspose2d } from "../../../src/nn/conv.js";
import { embedding, initEmbedding } from "../../../src/nn/embedding.js";
import { initLinear, type LinearParams, linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { patchTransformer } from "../../../src/nn/models/patch-transformer.js";
import {
  type BatchNormState,
  batchNorm,
  groupNorm,
  initBatchNorm,
  initGroupNorm,
  initLayerNorm,
  layerNorm,
} from "../../../src/nn/norm.js";
import { jit } from "../../../src/runtime/jit.js";
import { flatten, unflatten } from "../../../src/tree.js";
import { gramianOf, type Rows } from "../methods/jacobians.js";
import { flat, randomArray } from "./networks.js";

interface Params {
  readonly shared: unknown;
  readonly heads: Readonly<Record<string, LinearParams>>;
}

type Trunk = (shared: never, x: Tensor, state: never) => Tensor;

interface Case {
  readonly shared: unknown;
  readonly x: NdArray;
  readonly trunk: Trunk;
  /** Size of the representation of an example. */
  readonly features: number;
  readonly state?: unknown;
}

const one = <S, State = unknown>(
  shared: S,
  x: NdArray,
  features: number,
  trunk: (shared: TensorsOf<S>, x: Tensor, state: TensorsOf<State>) => Tensor,
  state?: State,
): Case => ({ shared, x, features, trunk: trunk as Trunk, ...(state === undefined ? {} : { state }) });

const rng = torchGenerator(3);

const double = { dtype: "float64" } as const;

const images = randomArray([4, 2, 6, 6], 1);

const tokens = randomArray([4, 5, 8], 2);

/** Random scales and shifts: at their start values 1 and 0 a mistake could hide. */
const drawn = <S>(tree: S, seed: number): S => {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  return unflatten(
    def,
    leaves.map((a, i) => randomArray(a.shape, seed + i)),
  ) as S;
};

const conv = initConv2d(rng, 2, 3, 3, double);

const bn = initBatchNorm(3, double);

const cases: Record<string, Case> = {
  linear: one(
    [initLinear(rng, 6, 7, double), initLinear(rng, 7, 5, double)],
    randomArray([4, 6], 3),
    5,
    (layers, x) => layers.reduce((h, layer) => tanh(linear(h, layer)), x),
  ),
  convolution: one({ conv }, images, 27, (p, x) =>
    flattenFrom(relu(maxPool2d(convLayer(x, p.conv, { padding: 1 }), { kernel: 2 })), 1),
  ),
  // More outputs than are computed at a time: the gradients are then taken apart within a layer. Weights that are used twice.
  "wide linear": one([initLinear(rng, 6, 40, double)], randomArray([4, 6], 6), 40, ([layer], x) =>
    add(tanh(linear(x, layer)), linear(mul(x, x), { ...layer, weight: mul(0.5, layer.weight) })),
  ),
  "wide convolution": one({ conv: initConv2d(rng, 2, 40, 3, double) }, images, 40, (p, x) =>
    mean(tanh(convLayer(x, p.conv)), { axes: [2, 3] }),
  ),
  "wide convolution in groups": one(
    { conv: initConv2d(rng, 2, 40, 3, { ...double, groups: 2 }) },
    images,
    40,
    (p, x) => mean(tanh(convLayer(x, p.conv, { groups: 2 })), { axes: [2, 3] }),
  ),
  "strided convolution": one({ conv }, images, 27, (p, x) =>
    flattenFrom(tanh(convLayer(x, p.conv, { padding: 1, stride: 2 })), 1),
  ),
  "transposed convolution": one({ conv: initConvTranspose2d(rng, 2, 3, 2, double) }, images, 3, (p, x) =>
    mean(tanh(convTransposeLayer(x, p.conv, { stride: 2 })), { axes: [2, 3] }),
  ),
  "batch normalization": one(
    { conv, norm: drawn(bn.params, 10) },
    images,
    3,
    (p, x, state: TensorsOf<BatchNormState>) => {
      const { output } = batchNorm(convLayer(x, p.conv), p.norm, state, { training: true });
      return mean(tanh(output), { axes: [2, 3] });
    },
    bn.state,
  ),
  "layer normalization": one({ norm: drawn(initLayerNorm(8, double), 20) }, tokens, 8, (p, x) =>
    mean(tanh(layerNorm(x, p.norm)), { axes: 1 }),
  ),
  "group normalization": one(
    { conv: initConv2d(rng, 2, 4, 3, double), norm: drawn(initGroupNorm(4, double), 30) },
    images,
    4,
    (p, x) => mean(tanh(groupNorm(convLayer(x, p.conv), p.norm, { groups: 2 })), { axes: [2, 3] }),
  ),
  attention: one(drawn(initMultiHeadAttention(rng, 8), 40), tokens, 8, (p, x) =>
    mean(add(x, multiHeadAttention(x, p, { heads: 2 })), { axes: 1 }),
  ),
  // A word more than once in an example and in the batch.
  embedding: one(
    initEmbedding(rng, 6, 4, double),
    ndarray(BigInt64Array.from([0, 1, 1, 5, 2, 1, 0, 0, 3, 3, 3, 3], BigInt), [4, 3]),
    4,
    (p, x) => mean(tanh(embedding(x, p)), { axes: 1 }),
  ),
  transformer: transformer(),
};

function transformer(): Case {
  const model = patchTransformer({ imageSize: [4, 4], patch: 2, width: 8, heads: 2, depth: 1, classes: 5 });
  const { params } = model.init(rng, double);
  const apply = (p: TensorsOf<typeof params>, x: Tensor) => model.apply(p, x, {}).output;
  return one(params, randomArray([4, 1, 4, 4], 5), 5, apply);
}

/** A case with K linear heads, and squares of 2 numbers as losses, of sizes up to K. */
function problem({ shared, x, trunk, features, state = {} }: Case, K: number) {
  const tasks = Array.from({ length: K }, (_, k) => `task${k}`);
  const heads = tasks.map((name, k) => [
    name,
    { weight: randomArray([2, features], 100 + k), bias: randomArray([2], 200 + k) },
  ]);
  const params: Params = { shared, heads: Object.fromEntries(heads) };
  const y = randomArray([x.shape[0], 2], 300);
  const losses: TaskLosses<Params> = (p, batch, context) => {
    const z = trunk(p.shared as never, batch.x, context.state as never);
    return tasks.map((name, k) => mul(k + 1, mseLoss(linear(z, p.heads[name]), batch.y)));
  };
  return { tasks, params, batch: { x, y }, losses, state };
}

/** One backward pass a task in JavaScript, each on its own: the rows of J. */
async function rowsOf({ tasks, params, batch, losses, state }: ReturnType<typeof problem>): Promise<Rows> {
  const rows: number[][] = [];
  for (let k = 0; k < tasks.length; k++) {
    const loss = (p: TensorsOf<Params>, b: Record<string, Tensor>, s: unknown) =>
      losses(p, b, { training: true, state: s })[k];
    const f = await jit(
      (p: unknown, b: unknown, s: unknown) => grad(loss as never)(p, b, s),
      [params, batch, state],
      { runtime: "javascript" },
    );
    const g = await (f as unknown as (...given: unknown[]) => Promise<Params>)(params, batch, state);
    rows.push(flat(g.shared));
  }
  return rows;
}

const inFloat32 = <T>(tree: T): T => {
  const { leaves, def } = flatten<NdArray>(tree, isNdArray);
  return unflatten(
    def,
    leaves.map((a) => (a.data instanceof Float64Array ? astype(a, "float32") : a)),
  ) as T;
};

/** Those whose comparison takes long. */
export const slow = ["transformer", "attention", "wide convolution", "wide convolution in groups"];

export const layerNames = Object.keys(cases);

export function expectGramian(rows: typeof layerNames): void {
  it.each(sampledRows(rows))("is J J' to rounding: %s", async (name) => {
    // More tasks than lie side by side at a time.
    const { tasks, losses, ...arrays } = problem(cases[name], 10);
    const want = gramianOf(await rowsOf({ tasks, losses, ...arrays })).data;
    const largest = Math.max(...want);
    for (const [runtime, dtype, tolerance] of [
      ["javascript", "float64", 1e-13],
      ["onnx", "float32", 1e-5],
    ] as const) {
      const { params, batch, state } = dtype === "float64" ? arrays : inFloat32(arrays);
      // A limit of 1: every leaf is a group of its own, or several.
      for (const groupLimit of [undefined, 1]) {
        const gradients = taskGradients({ losses, params, batch, state, tasks, runtime, groupLimit });
        const { gramian } = await gradients.measure(params as Params, batch as Batch);
        await gradients.dispose();
        const error = Math.max(...gramian.data.map((x, i) => Math.abs(x - want[i]))) / largest;
        expect(error, `${runtime}, ${dtype}, groups of ${groupLimit}`).toBeLessThan(tolerance);
      }
    }
  });
}
