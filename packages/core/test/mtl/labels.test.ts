import { describe, expect, it } from "vitest";
import { type NdArray, ndarray } from "../../src/array.js";
import { DataError } from "../../src/errors.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { linearScalarization } from "../../src/mtl/methods/linear-scalarization.js";
import type { TaskLosses } from "../../src/mtl/train/task-losses.js";
import { createMultiTaskTrainer } from "../../src/mtl/train/trainer.js";
import { linear } from "../../src/nn/linear.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";
import { type NetParams, randomArray, randomNet, trunk } from "./gradients/networks.js";

// Two heads of two outputs.
const net = randomNet({ sizes: [3, 4], examples: 1, tasks: 2 });
const [first, second] = net.tasks;
const labels = (...values: number[]): NdArray => ndarray(BigInt64Array.from(values, BigInt), [values.length]);
const x = randomArray([4, 3], 1);
const good = { x, a: labels(0, 1, 0, 1), b: labels(1, 1, 0, 0) };

const own: TaskLosses<NetParams> = ({ shared, heads }, batch) => [
  crossEntropy(linear(trunk(shared, batch.x), heads[first]), batch.a),
  crossEntropy(linear(trunk(shared, batch.z ?? batch.x), heads[second]), batch.b),
];
const make = (data: object, losses: TaskLosses<NetParams> = own) =>
  createMultiTaskTrainer<NetParams>({
    losses,
    params: net.params,
    data: data as never,
    method: linearScalarization(),
    optimizer: sgd(),
    learningRate: 0.1,
  });

describe("labels of several tasks", () => {
  it.each<[string, object, string]>([
    [
      "above the classes of a head",
      { ...good, b: labels(0, 1, 2, 0) },
      'Labels "b" must be classes in 0..1, as the model has 2 outputs; example 2 has label 2.',
    ],
    ["below zero", { ...good, a: labels(0, -1, 0, 0) }, 'Labels "a" must be classes in 0..1'],
    [
      "of a source of its own",
      [
        { x, a: good.a },
        { z: randomArray([3, 3], 2), b: labels(0, 1, 7) },
      ],
      "example 2 has label 7",
    ],
  ])("are refused %s", async (_, data, message) => {
    await expect(make(data)).rejects.toThrow(DataError);
    await expect(make(data)).rejects.toThrow(message);
  });

  it("are refused in evaluation, too", async () => {
    const trainer = await make(good);
    await expect(trainer.evaluate({ ...good, a: labels(0, 3, 0, 0) })).rejects.toThrow(
      'Labels "a" must be classes in 0..1',
    );
    expect((await trainer.evaluate(good)).losses.length).toBe(2);
    const many = Array.from({ length: 600 }, (_, i) => (i === 550 ? 2 : 0));
    const large = { x: randomArray([600, 3], 3), a: labels(...many), b: labels(...many.map(() => 1)) };
    await expect(trainer.evaluate(large)).rejects.toThrow("example 550 has label 2");
  });

  it("are refused where a loss takes them in another shape", async () => {
    const reshaped: TaskLosses<NetParams> = (params, batch, context) =>
      own(params, { ...batch, a: reshape(batch.a, [4]) }, context);
    await expect(
      make({ ...good, a: ndarray(BigInt64Array.of(0n, 1n, 2n, 0n), [4, 1]) }, reshaped),
    ).rejects.toThrow('Labels "a" must be classes');
  });

  it("may be none where the loss leaves them out", async () => {
    const ignoring: TaskLosses<NetParams> = ({ shared, heads }, batch) => [
      crossEntropy(linear(trunk(shared, batch.x), heads[first]), batch.a, { ignoreIndex: -100 }),
      crossEntropy(linear(trunk(shared, batch.x), heads[second]), batch.b, { mask: batch.known }),
    ];
    const data = {
      x,
      a: labels(0, -100, 1, 0),
      b: labels(0, 1, 9, 0),
      known: ndarray(Uint8Array.of(1, 1, 0, 1), [4]),
    };
    await (await make(data, ignoring)).run({ steps: 1 });
    await expect(make({ ...data, a: labels(0, -1, 1, 0) }, ignoring)).rejects.toThrow(
      "example 1 has label -1",
    );
    await expect(make({ ...data, known: ndarray(Uint8Array.of(1, 1, 1, 1), [4]) }, ignoring)).rejects.toThrow(
      'Labels "b" must be classes in 0..1, as the model has 2 outputs; example 2 has label 9',
    );
  });
});

describe("labels of one task", () => {
  const model = mlp({ sizes: [3, 2] });
  const single = (values: NdArray, loss?: typeof crossEntropy) =>
    createTrainer({
      model,
      data: { inputs: x, labels: values },
      optimizer: sgd(),
      learningRate: 0.1,
      runtime: "javascript",
      ...(loss ? { loss } : {}),
    });

  it("are checked by the same rules", async () => {
    await expect(single(labels(0, 1, 2, 0))).rejects.toThrow("example 2 has label 2");
    const ignoring: typeof crossEntropy = (output, y) => crossEntropy(output, y, { ignoreIndex: -100 });
    await (await single(labels(0, -100, 1, 0), ignoring)).run({ steps: 1 });
    await expect(single(labels(0, -1, 1, 0), ignoring)).rejects.toThrow("example 1 has label -1");
  });
});
