import { fromOnnx } from "isoloss-onnx";
import { describe, expect, it } from "vitest";
import { array, type NdArray, nested, numbers } from "../../src/array.js";
import { divide } from "../../src/data/divide.js";
import { inDataUnits, standardization, standardize } from "../../src/data/standardize.js";
import { DataError, ShapeError } from "../../src/errors.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import type { Model, Stateless } from "../../src/nn/model.js";
import { mlp } from "../../src/nn/models/mlp.js";
import { multiMlp } from "../../src/nn/models/multi-mlp.js";
import { modelToOnnx } from "../../src/train/model-to-onnx.js";
import { createPredictor } from "../../src/train/predictor.js";

// Means 3 and 5, deviations sqrt(8 / 3) and 1 as it is constant; targets of mean 20 and deviation sqrt(200 / 3).
const data = { inputs: array([[1, 5, 1], [3, 5, 0], [5, 5, 0]]), labels: array([[10], [20], [30]]) }; // biome-ignore format: rows
const isNumber = [true, true, false];

describe("standardized data", () => {
  it("have mean 0 and standard deviation 1 over the examples that were measured, but for what is no number", () => {
    const by = standardization(data, { isNumber });
    expect(by.inputs.means).toEqual([3, 5, 0]);
    expect(by.inputs.stds).toEqual([expect.closeTo(Math.sqrt(8 / 3), 12), 1, 1]);
    expect(by.labels).toEqual({ means: [20], stds: [expect.closeTo(Math.sqrt(200 / 3), 12)] });
    const unit = Math.sqrt(3 / 2);
    expect(nested(standardize(data, by).inputs)).toEqual(
      [[-unit, 0, 1], [0, 0, 0], [unit, 0, 0]].map((row) => row.map((v) => expect.closeTo(v, 6))), // biome-ignore format: rows
    );
    const other = { inputs: array([[3, 7, 1]]), labels: array([[20]]) };
    expect(numbers(standardize(other, by).inputs)).toEqual([0, 2, 1]);
    expect(numbers(standardize(other, by).labels)).toEqual([0]);
  });

  it("keep classes, and have a scale for each channel of images", () => {
    const labels = array([0, 1, 1], "int64");
    const inputs = array([1, 2, 3].map((v) => [[[v, v]], [[10 * v, 10 * v]]]));
    const by = standardization({ inputs, labels }, { groups: 2 });
    expect(by).toEqual({ inputs: { means: [2, 20], stds: [Math.sqrt(2 / 3), 10 * Math.sqrt(2 / 3)].map((v) => expect.closeTo(v, 9)) } }); // biome-ignore format: one
    expect(standardize({ inputs, labels }, by).labels).toBe(labels);
    expect(() => standardization({ inputs, labels }, { groups: 3 })).toThrow(ShapeError);
    expect(() => standardization(data, { isNumber: [true] })).toThrow("isNumber has 1 entries");
  });

  it("are undone by a model in the data's units, in a predictor and in an ONNX file", async () => {
    const by = standardization(data, { isNumber });
    const model = mlp({ sizes: [3, 4, 1] });
    const trained = model.init(torchGenerator(1));
    const inside = await createPredictor(model, trained);
    const scaled = numbers(await inside.predict(standardize(data, by).inputs));
    const inUnits = inDataUnits(model, by);
    const outside = await createPredictor(inUnits, trained);
    const std = Math.sqrt(200 / 3);
    const expected = scaled.map((v) => expect.closeTo(20 + std * v, 4));
    expect(numbers(await outside.predict(data.inputs))).toEqual(expected);
    const file = modelToOnnx(inUnits, trained, { example: [3], input: "row", output: "rent" });
    const read = await createPredictor(fromOnnx(file));
    expect(numbers((await read.predict({ row: data.inputs })).rent)).toEqual(expected);
    for (const predictor of [inside, outside, read]) await predictor.dispose();
  });

  it("have the mean of the training part where a number is missing, 0 where text is, also in a model in the data's units", async () => {
    const gap = Number.NaN;
    const train = { ...data, inputs: array([[1, 5, 1], [gap, 5, 0], [5, gap, 0], [6, gap, 1]]), labels: array([[10], [20], [30], [40]]) }; // biome-ignore format: rows
    expect(() => standardization(train, { isNumber })).toThrow(
      'Input 0 of example 1 is NaN. Correct it. If it is missing: standardization(train, { missing: "mean" })',
    );
    const by = standardization(train, { isNumber, missing: "mean" });
    // Of 1, 5, 6 and their mean 4: squares 9, 0, 1, 4.
    expect([by.gaps, by.inputs]).toEqual([
      [4, 5, 0],
      { means: [4, 5, 0], stds: [expect.closeTo(Math.sqrt(14 / 4), 12), 1, 1] },
    ]);
    const other = { inputs: array([[gap, 7, 1], [4, gap, gap]]), labels: array([[20], [20]]) }; // biome-ignore format: rows
    const scaled = standardize(other, by);
    expect(nested(scaled.inputs)).toEqual([[0, 2, 1], [0, 0, 0]]); // biome-ignore format: rows
    const { gaps: _, ...without } = by;
    expect(() => standardize(other, without)).toThrow(DataError);
    const model = mlp({ sizes: [3, 4, 1] });
    const trained = model.init(torchGenerator(1));
    const inUnits = inDataUnits(model, by);
    const inside = await createPredictor(model, trained);
    const outside = await createPredictor(inUnits, trained);
    const file = modelToOnnx(inUnits, trained, { example: [3], input: "row", output: "rent" });
    const read = await createPredictor(fromOnnx(file));
    const expected = numbers(await inside.predict(scaled.inputs)).map((v) => 25 + Math.sqrt(125) * v);
    const close = expected.map((v) => expect.closeTo(v, 4));
    expect(numbers(await outside.predict(other.inputs))).toEqual(close);
    expect(numbers((await read.predict({ row: other.inputs })).rent)).toEqual(close);
    for (const predictor of [inside, outside, read]) await predictor.dispose();
  });

  it("need three examples: any two lie on a line", () => {
    const { train } = divide(data, { validation: 0.34 });
    expect(train.inputs.shape).toEqual([2, 3]);
    expect(() => standardization(train)).toThrow(DataError);
    expect(() => standardization(train)).toThrow("2 examples are too few to learn from; expected 3 or more");
  });
});

describe("a model's ONNX file", () => {
  it("refuses a name of the model's numbers or of its output for its input, and what is no shape", () => {
    const model = mlp({ sizes: [3, 1] });
    const trained = model.init(torchGenerator(1));
    expect(() => modelToOnnx(model, trained, { example: [3], input: "params" })).toThrow('the name "params"');
    expect(() => modelToOnnx(model, trained, { example: [3], input: "x", output: "x" })).toThrow(
      'the input and the output must have different names; got "x" for both',
    );
    expect(() => modelToOnnx(model, trained, { example: 3 as never })).toThrow("example must be a list");
  });

  it("has an output for each of several tasks, none with the name of the input", async () => {
    const net = multiMlp({ sizes: [3, 4], heads: { rent: 1, kind: 2 } });
    const model: Model<object, Stateless, Record<string, Tensor>> = {
      init: (rng, options) => ({ params: net.init(rng, options), state: {} }),
      apply: (params, x) => ({ output: net.apply(params as never, x), state: {} }),
    };
    const trained = model.init(torchGenerator(1));
    const predictors = [
      await createPredictor(model, trained),
      await createPredictor(fromOnnx(modelToOnnx(model, trained, { example: [3] }))),
    ];
    const [own, read] = [
      await predictors[0].predict(data.inputs as never),
      await predictors[1].predict({ input: data.inputs } as never),
    ] as Record<string, NdArray>[];
    for (const predictor of predictors) await predictor.dispose();
    expect(Object.keys(read)).toEqual(["rent", "kind"]);
    for (const task of ["rent", "kind"]) {
      expect(numbers(read[task])).toEqual(numbers(own[task]).map((v) => expect.closeTo(v, 5)));
    }
    expect(() => modelToOnnx(model, trained, { example: [3], input: "kind" })).toThrow(
      'the input and the output must have different names; got "kind" for both',
    );
  });
});
