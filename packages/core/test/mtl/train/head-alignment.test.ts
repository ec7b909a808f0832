// Heads that are trained to send agreeing gradients into the representation: ConsMTL against plain loops.
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import type { MultiTaskMethod } from "../../../src/mtl/method.js";
import { type ConsMtlOptions, consMtl } from "../../../src/mtl/methods/cons-mtl.js";
import { fairGrad } from "../../../src/mtl/methods/fair-grad.js";
import type { TaskLosses } from "../../../src/mtl/train/task-losses.js";
import { createMultiTaskTrainer, type MultiTaskTrainerOptions } from "../../../src/mtl/train/trainer.js";
import { linear } from "../../../src/nn/linear.js";
import { mseLoss } from "../../../src/nn/losses/mse.js";
import { sgd } from "../../../src/optim/sgd.js";
import { flat, type NetParams, randomNet, trunk } from "../gradients/networks.js";
import { expectNumbers } from "../methods/stateful-support.js";

const net = randomNet({ sizes: [3, 4], seed: 5 });
const represent = ({ shared }: { readonly shared: never }, { x }: Record<string, Tensor>) =>
  trunk(shared, x as Tensor);

async function step(method: MultiTaskMethod, options: Partial<MultiTaskTrainerOptions<NetParams>> = {}) {
  const trainer = await createMultiTaskTrainer<NetParams>({
    losses: net.losses,
    params: net.params,
    data: net.batch,
    method,
    optimizer: sgd(),
    learningRate: 1,
    ...options,
  });
  await trainer.run({ steps: 1 });
  const { params } = trainer.current;
  const weights = trainer.history.weights.map(([w]) => w as number);
  await trainer.dispose();
  return { params, weights };
}
const aligned = (options: ConsMtlOptions, more: Partial<MultiTaskTrainerOptions<NetParams>> = {}) =>
  step(consMtl(options), { representation: represent as never, ...more });

type Matrix = readonly (readonly number[])[];
const matrixOf = ({ shape: [rows, columns], data }: NdArray): Matrix =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (_, j) => Number(data[i * columns + j])),
  );

/** dL/dz of mean((W z + b - y)^2) in a loop. @param head W row by row, then b */
function delta(head: readonly number[], z: Matrix, y: Matrix): number[] {
  const [width, outputs] = [z[0].length, y[0].length];
  const count = y.length * outputs;
  return z.flatMap((row, n) => {
    const errors = y[n].map(
      (target, o) =>
        row.reduce((sum, v, i) => sum + v * head[o * width + i], head[outputs * width + o]) - target,
    );
    return row.map((_, i) => errors.reduce((sum, e, o) => sum + (2 / count) * e * head[o * width + i], 0));
  });
}

describe("ConsMTL", () => {
  const z = matrixOf(net.batch.x).map((row) => {
    const [{ weight, bias }] = net.params.shared;
    return matrixOf(weight).map((w, o) =>
      Math.tanh(w.reduce((sum, x, i) => sum + x * row[i], Number(bias?.data[o]))),
    );
  });
  const heads = net.tasks.map((name) => flat(net.params.heads[name]));
  const deltas = net.tasks.map((name, k) => delta(heads[k], z, matrixOf(net.batch[name])));
  const inner = (a: readonly number[], b: readonly number[]) => a.reduce((sum, x, i) => sum + x * b[i], 0);

  it.each([0.1, 1e9])(
    "gives each head the gradient of the agreement, at most %f of its own",
    async (headLimit) => {
      const lambda = 3;
      const [{ params, weights }, plain] = [await aligned({ lambda, headLimit }), await step(fairGrad())];
      expectNumbers(weights, Float64Array.from(plain.weights), 1e-12);
      expectNumbers(flat(params.shared), Float64Array.from(flat(plain.params.shared)), 1e-12);
      const mean = deltas[0].map((_, i) => deltas.reduce((sum, d, k) => sum + (weights[k] * d[i]) / 3, 0));
      net.tasks.forEach((name, k) => {
        const y = matrixOf(net.batch[name]);
        const agreement = (head: readonly number[]) => -lambda * inner(delta(head, z, y), mean);
        const h = 1e-6;
        const extra = heads[k].map((_x, i) => {
          const at = (by: number) => agreement(heads[k].map((x, j) => (i === j ? x + by : x)));
          return (at(h) - at(-h)) / (2 * h);
        });
        const own = flat(plain.params.heads[name]).map((after, i) => heads[k][i] - after);
        const factor = Math.min(1, (headLimit * Math.hypot(...own)) / (Math.hypot(...extra) + 1e-6));
        expect(factor < 1).toBe(headLimit === 0.1);
        const expected = heads[k].map((x, i) => x - own[i] - factor * extra[i]);
        expectNumbers(flat(params.heads[name]), expected, 1e-7);
      });
    },
  );

  it("is FairGrad without a weight, and without a limit", async () => {
    const plain = await step(fairGrad());
    for (const options of [{ lambda: 0 }, { headLimit: 0 }]) {
      expectNumbers(flat((await aligned(options)).params), flat(plain.params), 1e-12);
    }
  });

  it("takes a representation for each task", async () => {
    const losses: TaskLosses<NetParams> = ({ heads: own }, batch, { representations = [] }) =>
      net.tasks.map((name, k) => mseLoss(linear(representations[k], own[name]), batch[name]));
    const each = (p: never, b: never) => net.tasks.map(() => represent(p, b));
    const one = await aligned({ headLimit: 1 });
    const three = await aligned({ headLimit: 1 }, { losses, representation: each as never });
    expectNumbers(flat(three.params), flat(one.params), 1e-12);
  });

  it("says that it needs a representation, and which", async () => {
    await expect(step(consMtl())).rejects.toThrow("consMtl aligns the tasks' gradients in a representation");
    const two = (p: never, b: never) => [represent(p, b), represent(p, b)];
    await expect(aligned({}, { representation: two as never })).rejects.toThrow(
      "one for all 3 tasks or one of the same shape for each; got 2",
    );
  });
});
