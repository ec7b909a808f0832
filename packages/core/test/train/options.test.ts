import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import type { Dataset } from "../../src/data/dataset.js";
import { DataError, DTypeError, OptionError, ShapeError } from "../../src/errors.js";
import { mseLoss } from "../../src/nn/losses/mse.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { adam } from "../../src/optim/adam.js";
import { sgd } from "../../src/optim/sgd.js";
import { createTrainer } from "../../src/train/trainer.js";
import { elements, someDigits } from "./support.js";

const data = someDigits(0, 30);
const { inputs, labels } = data;
const model = mlp({ sizes: [64, 10] });

const make = (options: object = {}) =>
  createTrainer({ model, data, optimizer: sgd(), learningRate: 0.1, runtime: "javascript", ...options });

describe("createTrainer refuses", () => {
  it.each<[string, object, new (message: string) => Error, RegExp]>([
    ["a batch size of 0", { batchSize: 0 }, OptionError, /batchSize .* 1\.\.30.*got 0/],
    ["more examples a batch than there are", { batchSize: 31 }, OptionError, /1\.\.30.*got 31/],
    ["a fraction of a batch", { batchSize: 2.5 }, OptionError, /got 2.5/],
    [
      "a negative rate",
      { learningRate: -1 },
      OptionError,
      /learning rate must be a finite number >= 0; got -1/,
    ],
    ["a rate that is no number", { learningRate: Number.NaN }, OptionError, /got NaN/],
    ["a seed that is no integer", { seed: 0.5, batchSize: 10 }, OptionError, /integer.*got 0.5/],
    ["an unknown precision", { dtype: "float16" }, OptionError, /float32 or float64; got "float16"/],
    ["an unknown runtime", { runtime: "cuda" }, OptionError, /auto, javascript or onnx; got "cuda"/],
    ["adaptive clipping to 0", { adaptiveClip: { limit: 0 } }, OptionError, /limit must be .*got 0/],
    ["a norm of 0", { clipNorm: 0 }, OptionError, /clipNorm must be .*0/],
    [
      "images of another size",
      { model: mlp({ sizes: [63, 10] }) },
      ShapeError,
      /linear: .*\[30, 64\] and \[10, 63\]/,
    ],
    ["too few labels", { data: withLabels(29) }, ShapeError, /\[30, 64\] and labels \[29\]/],
    ["no examples", { data: { inputs: array([]), labels: array([], "int64") } }, ShapeError, /at least one/],
    [
      "one number as labels",
      { data: { inputs, labels: array(1, "int64") } },
      ShapeError,
      /first axis of examples/,
    ],
    [
      "data under other names",
      { data: { images: inputs, labels } },
      DataError,
      /inputs is not one. Got images, labels/,
    ],
    [
      "nested lists as data",
      { data: { inputs: [[1, 2]], labels } },
      DataError,
      /\{ shape, data \}; inputs is not one/,
    ],
    [
      "numbers as labels, for the default loss",
      { data: { inputs, labels: { shape: [30], data: new Float32Array(30) } } },
      DTypeError,
      /default loss, crossEntropy, needs classes as labels, int64; got float32\[30\]\. .* write loss: mseLoss/,
    ],
    ["data that are left out", { data: undefined }, DataError, /\{ inputs, labels \}/],
    [
      "too few numbers for a shape",
      { data: { inputs: { shape: [30, 64], data: new Float32Array(9) }, labels } },
      ShapeError,
      /got 9 for \[30, 64\]/,
    ],
    [
      "floats as classes",
      { data: { inputs, labels: { shape: [30], data: new Float32Array(30) } } },
      DTypeError,
      /int64/,
    ],
    ["classes for a squared error", { loss: mseLoss }, ShapeError, /equal shapes/],
  ])("%s", async (_, options, kind, message) => {
    const made = make(options);
    await expect(made).rejects.toThrow(kind);
    await expect(made).rejects.toThrow(message);
  });

  it("labels that are no class of the model, naming the first", async () => {
    const five = make({ model: mlp({ sizes: [64, 5] }) });
    await expect(five).rejects.toThrow(DataError);
    // The digits start with 0, 1, 2, 3, 4, 5.
    await expect(five).rejects.toThrow(/0\.\.4, as the model has 5 outputs; example 5 has label 5/);
    const negative = {
      inputs,
      labels: { shape: [30], data: BigInt64Array.from(labels.data as BigInt64Array).fill(-100n, 7, 8) },
    };
    await expect(make({ data: negative })).rejects.toThrow(/example 7 has label -100/);
  });
});

function withLabels(count: number): Dataset {
  return { inputs, labels: { shape: [count], data: labels.data.slice(0, count) } };
}

describe("restore", () => {
  it("goes on from an earlier state as the first time, its history cut back to it", async () => {
    const trainer = await make({ batchSize: 10 });
    await trainer.run({ steps: 4 });
    const early = trainer.current;
    await trainer.run({ steps: 6 });
    const [losses, end] = [[...trainer.history.loss], elements(trainer.current)];
    trainer.restore(early);
    expect(trainer.history.loss).toEqual(losses.slice(0, 4));
    expect(trainer.history.seconds).toHaveLength(4);
    await trainer.run({ steps: 6 });
    expect(trainer.history.loss).toEqual(losses);
    expect(elements(trainer.current)).toEqual(end);
  });

  it("copies a history, which two trainers may then share", async () => {
    const [a, b] = [await make(), await make()];
    await a.run({ steps: 2 });
    const { current, history } = a;
    const kept = {
      loss: [...history.loss],
      seconds: [...history.seconds],
      gradNormSq: [],
      teleports: [],
      epochs: [],
    };
    b.restore(current, kept);
    await b.run({ steps: 1 });
    expect(kept.loss).toHaveLength(2);
    expect(b.history.loss).toHaveLength(3);
  });

  it("refuses a state that does not fit, and keeps its own", async () => {
    const trainer = await make({ optimizer: sgd({ momentum: 0.9 }) });
    const { current } = trainer;
    const { layers } = current.params;
    const withWeight = (weight: unknown) =>
      ({ ...current, params: { layers: [{ ...layers[0], weight }] } }) as typeof current;
    const other = await make({ optimizer: adam() });
    const plain = await make();
    const message = (state: unknown) => () => trainer.restore(state as typeof current);
    expect(message(withWeight(array([[1, 2]])))).toThrow(
      /"params.layers.0.weight" must be float32\[10, 64\]; got float32\[1, 2\]/,
    );
    expect(message(withWeight(array([[1, 2]])))).toThrow(ShapeError);
    expect(message(withWeight({ shape: [10, 64], data: new Float64Array(640) }))).toThrow(DTypeError);
    expect(message(plain.current)).toThrow(
      /"optimizer.velocity.layers.0.weight", float32\[10, 64\], is missing/,
    );
    expect(message(other.current)).toThrow(/"optimizer.velocity.layers.0.weight".* is missing/);
    expect(message({ ...current, state: { mean: array([0]) } })).toThrow(/it has "state.mean"/);
    expect(message({ ...current, step: 0.5 })).toThrow(OptionError);
    expect(message({ ...current, step: 5 })).toThrow(/step 5 needs a history of as many steps; "loss" has 0/);
    expect(trainer.current).toBe(current);
  });
});
