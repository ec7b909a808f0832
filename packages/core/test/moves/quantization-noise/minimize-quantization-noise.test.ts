import { convolutional, dense, type Params } from "isoloss-test-support/moves/quantization-noise/networks";
import { bytesPerTensor, prepared } from "isoloss-test-support/moves/quantization-noise/prepared";
import { expect, it } from "vitest";
import { astype, type NdArray, sizeOf } from "../../../src/array.js";
import { minimizeQuantizationNoise } from "../../../src/entries/moves.js";
import { NumericalError } from "../../../src/errors.js";
import { mul } from "../../../src/graph/ops/arithmetic.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { createRng } from "../../../src/math/rng.js";
import { orbitPoints } from "../../../src/moves/quantization-noise/minimize-quantization-noise.js";
import { roundedWeights } from "../../../src/moves/quantization-noise/simulation.js";
import {
  clippedNetworks,
  clippedSeeds,
  expectBestWithClipsWeighed,
  expectDamageAsPredicted,
  expectNoHarm,
  expectNoiseAsPredicted,
  networksOfRelu,
  noisyNetworks,
} from "./minimize-quantization-noise-support.js";

expectNoHarm(networksOfRelu.slice(0, 1));

expectNoiseAsPredicted(noisyNetworks.slice(0, 1));

expectDamageAsPredicted(clippedNetworks.slice(0, 1));

expectBestWithClipsWeighed(clippedSeeds.slice(0, 1));

it("weights are rounded to steps of a whole tensor or of an output channel", async () => {
  const network = dense(3);
  const { quantized } = await prepared(network);
  for (const granularity of ["tensor", "channel"] as const) {
    const rounded = roundedWeights(network.params, quantized.layers, {
      ...bytesPerTensor,
      weightLevels: 7,
      granularity,
    });
    const [w, q] = [network.params, rounded].map((params) => params["0.weight"]!.data as Float64Array);
    const whole = Math.max(...w!.map(Math.abs));
    w!.forEach((v, k) => {
      const row = w!.subarray(5 * Math.floor(k / 5), 5 * Math.floor(k / 5) + 5);
      const step = (granularity === "tensor" ? whole : Math.max(...row.map(Math.abs))) / 7;
      expect(q![k]).toBeCloseTo(Math.round(v / step) * step, 12);
    });
    expect(rounded["0.bias"]).toBe(network.params["0.bias"]);
  }
});

it("points for one rounding after another are those that are compared for each", async () => {
  const network = convolutional(5);
  const [heldOut, ...calibration] = network.batches(4);
  const points = await orbitPoints(network.apply, network.params, calibration);
  const roundings = (["tensor", "channel"] as const).map((granularity) => ({
    weights: { bits: 8, granularity },
    activations: 8,
  }));
  const compared = [];
  for (const rounding of roundings) {
    const options = { ...rounding, heldOut: [heldOut] };
    const { candidates } = await minimizeQuantizationNoise(
      network.apply,
      network.params,
      calibration,
      options,
    );
    compared.push(candidates.map(({ name, params }) => ({ name, params })));
  }
  for (const k of [0, 1, 0]) {
    const own = points(roundings[k]!);
    expect(own).toEqual(compared[k]);
    expect(own.length).toBeGreaterThan(1);
  }
});

it("both runtimes measure alike", async () => {
  const network = convolutional(5);
  const single = (tree: Params): Params =>
    Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, astype(value, "float32")]));
  const batches = network.batches(4).map(({ x }) => ({ x: astype(x, "float32") }));
  const [a, b] = await Promise.all(
    (["javascript", "onnx"] as const).map((runtime) =>
      minimizeQuantizationNoise(network.apply, single(network.params), batches, { runtime }),
    ),
  );
  a!.candidates.forEach(({ name, predicted, drift }, k) => {
    expect(b!.candidates[k]!.name).toBe(name);
    expect(b!.candidates[k]!.predicted).toBeCloseTo(predicted, 1);
    expect(drift).toBeLessThan(1e-5);
  });
});

it("a network without scalings stays, and says so", async () => {
  const network = dense(0, { sizes: [4, 3] });
  const { params, kept, why, candidates } = await minimizeQuantizationNoise(
    network.apply,
    network.params,
    network.batches(2),
  );
  expect(params).toBe(network.params);
  expect(kept).toBe("as it is");
  expect(why).toContain("no scalings");
  expect(candidates).toHaveLength(1);
});

it("refuses what cannot be measured", async () => {
  const { apply, params, batches } = dense(0);
  const call = (calibration: unknown, options = {}) =>
    minimizeQuantizationNoise(apply, params, calibration as never, options);
  await expect(call(batches(1))).rejects.toThrow("two calibration batches or more");
  await expect(call([])).rejects.toThrow("takes a list of calibration batches");
  await expect(call({ x: batches(1) })).rejects.toThrow("takes a list of calibration batches");
  await expect(call(batches(2), { weights: 1 })).rejects.toThrow("weights must be an integer");
  await expect(call(batches(2), { heldOut: [] })).rejects.toThrow(
    "heldOut must be a list of one or more batches",
  );
  await expect(call(batches(2), { clip: "exact" })).rejects.toThrow('no option "clip"');
  await expect(minimizeQuantizationNoise((p) => p["0.bias"]!, params, batches(2))).rejects.toThrow(
    "no convolution or product",
  );
});

it.each([0, 3])("refuses data that are not finite, in batch %d of 4", async (bad) => {
  const { apply, params, batches } = dense(0);
  const calibration = batches(4);
  const [first] = Object.values(calibration[bad]);
  first.data[0] = Number.NaN;
  const made = minimizeQuantizationNoise(apply, params, calibration);
  await expect(made).rejects.toThrow(NumericalError);
  await expect(made).rejects.toThrow("is not all finite");
});

it("makes values even that a gated perceptron multiplies, as these are rounded, too", async () => {
  const rng = createRng(1);
  const normal = (...shape: number[]): NdArray => ({
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, () => rng.normal()),
  });
  const scales = Array.from({ length: 6 }, () => Math.exp(2 * rng.normal()));
  const scaled = ({ shape, data }: NdArray, power: number): NdArray => ({
    shape,
    data: Float64Array.from(data as Float64Array, (v, i) => v * scales[i % 6]! ** power),
  });
  const params = { a: scaled(normal(8, 6), 1), b: scaled(normal(8, 6), -1), c: normal(6, 4) };
  const { candidates } = await minimizeQuantizationNoise(
    ({ a, b, c }, { x }) => matmul(mul(matmul(x, a), matmul(x, b)), c),
    params,
    [1, 2, 3, 4].map(() => ({ x: normal(32, 8) })),
    { weights: { bits: 8, granularity: "channel" } },
  );
  /** Of the sizes of the columns of a matrix: the largest by the smallest. */
  const spread = ({ data }: NdArray) => {
    const sizes = scales.map((_, c) => Math.hypot(...[...data].map((v, i) => (i % 6 === c ? Number(v) : 0))));
    return Math.max(...sizes) / Math.min(...sizes);
  };
  const [planted, even] = [candidates[0]!, candidates.at(-1)!];
  expect(spread(planted.params.a)).toBeGreaterThan(20);
  expect(spread(even.params.a)).toBeLessThan(4);
  expect(even.measured).toBeGreaterThan(planted.measured + 3);
});
