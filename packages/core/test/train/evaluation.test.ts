import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import { DataError, DTypeError, ShapeError } from "../../src/errors.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { gather } from "../../src/graph/ops/gather.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import type { StatelessModel } from "../../src/nn/model.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";
import { elements, numbers, row, softmaxLoss, someDigits } from "./support.js";

describe("evaluate", () => {
  it.each([
    { count: 1, runtime: "javascript" },
    { count: 499, runtime: "javascript" },
    { count: 500, runtime: "javascript" },
    // Two whole batches of 500, and a rest of 203.
    { count: 1203, runtime: "javascript" },
    { count: 1203, runtime: "onnx" },
  ] as const)("equals a plain mean over $count examples on $runtime", async ({ count, runtime }) => {
    const data = someDigits(0, 200);
    const trainer = await createTrainer({
      model: mlp({ sizes: [64, 10] }),
      data,
      optimizer: sgd(),
      learningRate: 0.5,
      dtype: "float64",
      runtime,
    });
    await trainer.run({ steps: 20 });
    const before = elements(trainer.current);
    const { weight, bias } = trainer.current.params.layers[0];
    const classifier = {
      weight: Array.from({ length: 10 }, (_, c) => row(weight, c)),
      bias: numbers(bias as NdArray),
    };
    const set = someDigits(300, 300 + count);
    const each = Array.from({ length: count }, (_, i) =>
      softmaxLoss(classifier, row(set.inputs, i), Number(set.labels.data[i])),
    );
    const { loss, accuracy } = await trainer.evaluate(set);
    expect(loss).toBeCloseTo(each.reduce((sum, e) => sum + e.loss, 0) / count, 12);
    expect(accuracy).toBeCloseTo(each.filter((e) => e.isRight).length / count, 12);
    // It may be asked again, and changes nothing.
    expect(await trainer.evaluate(set)).toEqual({ loss, accuracy });
    expect(elements(trainer.current)).toEqual(before);
    expect(trainer.history.loss).toHaveLength(20);
    await trainer.dispose();
  });

  it("measures the state at the call, whatever the trainer does meanwhile", async () => {
    const data = someDigits(0, 700);
    const trainer = await createTrainer({
      model: mlp({ sizes: [64, 10] }),
      data,
      optimizer: sgd(),
      learningRate: 0.5,
      batchSize: 50,
    });
    const before = await trainer.evaluate(data);
    const measured = trainer.evaluate(data);
    await trainer.run({ steps: 50 });
    expect(await measured).toEqual(before);
    expect((await trainer.evaluate(data)).loss).toBeLessThan(before.loss);
  });

  it("has the accuracy of pixels where classes are along axis 1", async () => {
    // Three classes for each pixel of two images of 1 x 2, each class the input times a weight.
    const model: StatelessModel<{ w: NdArray }> = {
      init: () => ({ params: { w: array([1, 2, 3]) }, state: {} }),
      apply: ({ w }, x) => ({ output: mul(x, reshape(w, [1, 3, 1, 1])), state: {} }),
    };
    const data = {
      inputs: array([[[[1, -1]]], [[[1, 1]]]]),
      labels: array([[[2, 0]], [[2, 1]]], "int64"),
    };
    const trainer = await createTrainer({
      model,
      data,
      loss: (output, labels) => crossEntropy(output, labels, { axis: 1 }),
      optimizer: sgd(),
      learningRate: 0.1,
    });
    // Largest where positive: class 2; where negative: class 0. The last of four labels is another.
    expect((await trainer.evaluate(data)).accuracy).toBe(0.75);
  });

  it("has no accuracy where the axis of the classes cannot be told", async () => {
    const model: StatelessModel<{ w: NdArray }> = {
      init: () => ({ params: { w: array([1]) }, state: {} }),
      apply: ({ w }, x) => ({ output: mul(x, w), state: {} }),
    };
    const data = {
      inputs: array([
        [
          [1, 2],
          [3, 4],
        ],
      ]),
      labels: array([[0, 1]], "int64"),
    };
    const trainer = await createTrainer({ model, data, optimizer: sgd(), learningRate: 0.1 });
    expect(Object.keys(await trainer.evaluate(data))).toEqual(["loss"]);
  });

  it("takes integer inputs as they are", async () => {
    const model: StatelessModel<{ table: NdArray }> = {
      init: () => ({
        params: {
          table: array([
            [1, 0],
            [0, 5],
          ]),
        },
        state: {},
      }),
      apply: ({ table }, tokens) => ({ output: gather(table, tokens), state: {} }),
    };
    const data = { inputs: array([0, 1, 1, 0], "int64"), labels: array([0, 1, 1, 1], "int64") };
    const trainer = await createTrainer({ model, data, optimizer: sgd(), learningRate: 0.1 });
    expect((await trainer.evaluate(data)).accuracy).toBe(0.75);
  });

  it("refuses data that do not fit the model", async () => {
    const data = someDigits(0, 20);
    const trainer = await createTrainer({
      model: mlp({ sizes: [64, 10] }),
      data,
      optimizer: sgd(),
      learningRate: 0.1,
    });
    const { inputs, labels } = data;
    await expect(
      trainer.evaluate({ inputs: array([[1, 2, 3]]), labels: array([1], "int64") }),
    ).rejects.toThrow(ShapeError);
    await expect(trainer.evaluate({ inputs, labels: array([1], "int64") })).rejects.toThrow(
      /as many labels as inputs.*\[20, 64\] and labels \[1\]/,
    );
    await expect(
      trainer.evaluate({ inputs, labels: { ...labels, data: new Float32Array(20) } }),
    ).rejects.toThrow(DTypeError);
    const ten = { shape: [20], data: new BigInt64Array(20).fill(10n, 6) };
    await expect(trainer.evaluate({ inputs, labels: ten })).rejects.toThrow(DataError);
    await expect(trainer.evaluate({ inputs, labels: ten })).rejects.toThrow(/0\.\.9.*example 6 has label 10/);
    await expect(trainer.evaluate({ inputs: array([]), labels: array([], "int64") })).rejects.toThrow(
      /at least one/,
    );
    // And is as good as before.
    expect((await trainer.evaluate(data)).loss).toBeGreaterThan(0);
  });
});
