import { describe, expect, it } from "vitest";
import { array, ndarray } from "../../src/array.js";
import { depthError, normalAngle } from "../../src/entries/metrics.js";
import { OptionError } from "../../src/errors.js";
import { accumulate, type MetricBatch } from "../../src/metrics/metric.js";

/** Normals in the plane of x and z, at angles in degrees, of any length. */
const at = (degrees: readonly number[], length = 1) => {
  const angles = degrees.map((d) => (d * Math.PI) / 180);
  const components = [angles.map(Math.sin), angles.map(() => 0), angles.map(Math.cos)];
  return ndarray(
    Float64Array.from(components.flat(), (v) => v * length),
    [1, 3, 1, degrees.length],
  );
};
const resultsOf = (metrics: Parameters<typeof accumulate>[0], batches: readonly MetricBatch[]) => {
  const accumulation = accumulate(metrics);
  for (const batch of batches) accumulation.update(batch);
  return accumulation.results() as Record<string, number>;
};

describe("depthError", () => {
  it("is the plain mean over batches of means over valid pixels", () => {
    const metrics = { abs: depthError(), rel: depthError({ kind: "relative" }) };
    const batches = [
      { output: array([3, 1, 7]), labels: array([2, 4, 0]) },
      { output: array([5, 5, 5]), labels: array([0, 0, 4]) },
      { output: array([5, 5, 5]), labels: array([0, 0, 0]) },
    ];
    // First (1 + 3) / 2 and (1/2 + 3/4) / 2, then 1 and 1/4; the third has no valid pixel.
    expect(resultsOf(metrics, batches)).toEqual({ abs: (2 + 1) / 2, rel: (0.625 + 0.25) / 2 });
    expect(resultsOf(metrics, [])).toEqual({ abs: Number.NaN, rel: Number.NaN });
    expect(() => depthError({ kind: "squared" as never })).toThrow(OptionError);
  });
});

describe("normalAngle", () => {
  it("is the plain mean over batches of their statistics, for predictions of any length", () => {
    const metrics = {
      mean: normalAngle(),
      median: normalAngle({ statistic: "median" }),
      close: normalAngle({ statistic: 11.25 }),
      near: normalAngle({ statistic: 22.5 }),
      far: normalAngle({ statistic: 30 }),
    };
    const batches = [
      { output: at([0, 10, 20, 25, 90], 4), labels: at([0, 0, 0, 0, 0]) },
      { output: at([40], 0.1), labels: at([0]) },
    ];
    const { mean, median, ...shares } = resultsOf(metrics, batches);
    expect(mean).toBeCloseTo((29 + 40) / 2, 10);
    expect(median).toBeCloseTo((20 + 40) / 2, 10);
    expect(shares).toEqual({ close: 0.2, near: 0.3, far: 0.4 });
    expect([metrics.mean.mode, metrics.close.mode]).toEqual(["min", "max"]);
  });

  it("takes a prediction of 0 as at right angles to all", () => {
    const batch = { output: at([0], 0), labels: at([0]) };
    expect(resultsOf({ mean: normalAngle() }, [batch]).mean).toBeCloseTo(90, 12);
  });
});
