import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { NumericalError, ShapeError } from "../../src/errors.js";
import { depthErrors } from "../../src/metrics/depth.js";
import { angleStatistics } from "../../src/metrics/normals.js";

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
