import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { DataError, NumericalError, OptionError, ShapeError } from "../../src/errors.js";
import { accuracyOf, binaryCounts, f1Score } from "../../src/metrics/classification.js";
import { depthErrors } from "../../src/metrics/depth.js";
import { angleStatistics } from "../../src/metrics/normals.js";
import { meanAbsoluteError } from "../../src/metrics/regression.js";
import { confusionMatrix, meanIoU, pixelAccuracy } from "../../src/metrics/segmentation.js";

describe("segmentation", () => {
  const labels = array([0, 0, 1, 2, -1, 2], "int64");
  const predictions = array([0, 1, 1, 2, 2, 0], "int64");

  it("counts labels by rows and predictions by columns, without ignored pixels", () => {
    const matrix = confusionMatrix(predictions, labels, { classes: 3 });
    expect([...matrix.data]).toEqual([1, 1, 0, 0, 1, 0, 1, 0, 1]);
    const twice = confusionMatrix(predictions, labels, { classes: 3, add: matrix });
    expect([...twice.data]).toEqual([2, 2, 0, 0, 2, 0, 2, 0, 2]);
    expect([...matrix.data]).toEqual([1, 1, 0, 0, 1, 0, 1, 0, 1]);
    const positive = array([0, 255], "int64");
    const ignoring = confusionMatrix(array([0, 0], "int64"), positive, { classes: 1, ignore: 255 });
    expect([...ignoring.data]).toEqual([1]);
  });

  it("averages the intersections over unions", () => {
    const matrix = confusionMatrix(predictions, labels, { classes: 3 });
    // Classes: 1 of 3, 1 of 2, 1 of 2 pixels.
    expect(meanIoU(matrix)).toBeCloseTo((1 / 3 + 1 / 2 + 1 / 2) / 3, 15);
    expect(pixelAccuracy(matrix)).toBeCloseTo(3 / 5, 15);
  });

  it("leaves classes that appear nowhere out of the mean", () => {
    const matrix = confusionMatrix(predictions, labels, { classes: 7 });
    expect(meanIoU(matrix)).toBeCloseTo((1 / 3 + 1 / 2 + 1 / 2) / 3, 15);
  });

  it("takes labels and predictions of any type, as files have them", () => {
    const floats = array([0, 0, 1, 2, -1, 2]);
    expect(confusionMatrix(predictions, floats, { classes: 3 })).toEqual(
      confusionMatrix(predictions, labels, { classes: 3 }),
    );
  });

  it("says which pixel has a class that there is not, and when there are none", () => {
    expect(() => confusionMatrix(predictions, labels, { classes: 2 })).toThrow(DataError);
    expect(() => confusionMatrix(predictions, labels, { classes: 2 })).toThrow("label 3 is 2");
    expect(() => confusionMatrix(array([0.5]), array([0]), { classes: 2 })).toThrow("prediction 0 is 0.5");
    expect(() => confusionMatrix(predictions, array([0]), { classes: 3 })).toThrow(ShapeError);
    expect(() => confusionMatrix(predictions, labels, { classes: 0 })).toThrow(OptionError);
    const add = { shape: [2, 2], data: new Float64Array(4) };
    expect(() => confusionMatrix(predictions, labels, { classes: 3, add })).toThrow("add must be [3, 3]");
    expect(() => meanIoU(add)).toThrow(NumericalError);
    expect(() => pixelAccuracy(add)).toThrow("no pixels");
  });
});

describe("depth", () => {
  it("averages absolute and relative errors over valid pixels", () => {
    const errors = depthErrors(array([1, 3, 9]), array([2, 2, 0]));
    expect(errors).toEqual({ absolute: 1, relative: 0.5, count: 2 });
  });

  it("has nothing to say of a batch without valid pixels", () => {
    expect(depthErrors(array([1, 2]), array([0, 0]))).toBeUndefined();
  });

  it("rejects predictions that are not numbers or of another shape", () => {
    expect(() => depthErrors(array([NaN]), array([1]))).toThrow(NumericalError);
    expect(() => depthErrors(array([1, 2]), array([1]))).toThrow(ShapeError);
    // At an invalid pixel a prediction does not matter.
    expect(depthErrors(array([NaN, 1]), array([0, 1]))?.absolute).toBe(0);
  });
});

describe("normals", () => {
  /** Unit vectors at angles in degrees from the x axis, as [1, 3, 1, n]. */
  const at = (degrees: readonly number[]) => {
    const radians = degrees.map((d) => (d * Math.PI) / 180);
    const channels = [radians.map(Math.cos), radians.map(Math.sin), radians.map(() => 0)];
    return array([channels.map((row) => [row])], "float64");
  };

  it("measures angles in degrees", () => {
    const found = angleStatistics(at([0, 10, 20, 25, 90]), at([0, 0, 0, 0, 0]));
    expect(found?.mean).toBeCloseTo(29, 10);
    expect(found?.median).toBeCloseTo(20, 10);
    expect(found?.within).toEqual([0.4, 0.6, 0.8]);
    expect(found?.count).toBe(5);
  });

  it("takes the lower middle as median of an even number of pixels", () => {
    expect(angleStatistics(at([40, 10, 30, 20]), at([0, 0, 0, 0]))?.median).toBeCloseTo(20, 10);
  });

  it("counts all angles within the limits where all are small", () => {
    expect(angleStatistics(at([1, 2]), at([0, 0]))?.within).toEqual([1, 1, 1]);
  });

  it("leaves pixels with a zero target out, in every image of the batch", () => {
    const predictions = array([
      [[[1]], [[0]], [[0]]],
      [[[0]], [[1]], [[0]]],
    ]);
    const targets = array([
      [[[0]], [[0]], [[0]]],
      [[[1]], [[0]], [[0]]],
    ]);
    const found = angleStatistics(predictions, targets);
    expect(found).toEqual({ mean: 90, median: 90, within: [0, 0, 0], count: 1 });
    expect(
      angleStatistics(
        predictions,
        array([
          [[[0]], [[0]], [[0]]],
          [[[0]], [[0]], [[0]]],
        ]),
      ),
    ).toBeUndefined();
  });

  it("takes products beyond 1, from rounding, as angle 0", () => {
    const long = array([[[[1.0000001]], [[0]], [[0]]]]);
    expect(angleStatistics(long, array([[[[1]], [[0]], [[0]]]]))?.mean).toBe(0);
  });

  it("rejects other shapes and predictions that are not numbers", () => {
    expect(() => angleStatistics(array([1, 0, 0]), array([1, 0, 0]))).toThrow(ShapeError);
    const bad = array([[[[NaN]], [[0]], [[0]]]]);
    expect(() => angleStatistics(bad, array([[[[1]], [[0]], [[0]]]]))).toThrow(NumericalError);
  });
});

describe("classification and regression", () => {
  it("counts positives above the threshold, over batches", () => {
    const batch = [array([0.9, 0.8, 0.1, 0.5]), array([1, 0, 1, 0])] as const;
    const counts = binaryCounts(...batch);
    expect(counts).toEqual({ tp: 1, fp: 1, fn: 1 });
    expect(binaryCounts(...batch, { add: counts })).toEqual({ tp: 2, fp: 2, fn: 2 });
    expect(binaryCounts(...batch, { threshold: 0.85 })).toEqual({ tp: 1, fp: 0, fn: 1 });
  });

  it("takes F1 from counts, 0 without positives", () => {
    // Precision 3/4, recall 3/5.
    expect(f1Score({ tp: 6, fp: 2, fn: 4 })).toBeCloseTo((2 * 0.75 * 0.6) / (0.75 + 0.6), 15);
    expect(f1Score({ tp: 0, fp: 0, fn: 0 })).toBe(0);
    expect(() => f1Score({ tp: -1, fp: 0, fn: 0 })).toThrow(OptionError);
  });

  it("takes accuracy as the share of right classes", () => {
    expect(accuracyOf(array([0, 1, 2], "int64"), array([0, 1, 1], "int64"))).toBeCloseTo(2 / 3, 15);
    expect(() => accuracyOf(array([]), array([]))).toThrow(NumericalError);
  });

  it("scales the mean absolute error to its unit", () => {
    expect(meanAbsoluteError(array([1, 3]), array([2, 5]))).toBe(1.5);
    expect(meanAbsoluteError(array([1, 3]), array([2, 5]), { scale: 10 })).toBe(15);
    expect(() => meanAbsoluteError(array([]), array([]))).toThrow(NumericalError);
    expect(() => meanAbsoluteError(array([NaN]), array([1]))).toThrow("is NaN");
    expect(() => binaryCounts(array([NaN]), array([1]))).toThrow(NumericalError);
  });
});
