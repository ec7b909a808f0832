import type { NdArray } from "isoloss";
import { int, type OnnxNode } from "isoloss/internal";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { exactResult, normal } from "isoloss-test-support/compress/quantize/support";
import { fileOf, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { sampledRows } from "isoloss-test-support/random-cases";
import { describe, expect, it } from "vitest";
import { OnnxFile } from "../../src/model-file/edit/onnx-file.js";
import { rangesOf } from "../../src/quantize/calibrate.js";
import { compensatedWeights } from "../../src/quantize/compensate-rounding.js";
import { partsOf } from "../../src/quantize/layer-rounding.js";
import { OperandMoments, unitsOf } from "../../src/quantize/operand-moments.js";
import { groupOf } from "../../src/quantize/weight-grid.js";
import { type QdqSettings, quantizableValues, writeQdq } from "../../src/quantize/write-qdq.js";

/** A file that takes any number of examples. */
function openFile(options: Parameters<typeof fileOf>[0]): Uint8Array {
  const model = decodeModel(fileOf(options));
  const inputs = model.graph.inputs.map((own) => ({ ...own, shape: ["n", ...(own.shape ?? []).slice(1)] }));
  return encodeModel({ ...model, graph: { ...model.graph, inputs } });
}

/** Inputs that go together, as those of real layers do: a few directions, and some noise. */
function correlated(seed: number, shape: readonly number[]): NdArray {
  const n = shape[1];
  const inner = shape.slice(2).reduce((a, b) => a * b, 1);
  const [noise, mix, common] = [
    normal(seed, shape),
    normal(9, [3, n]),
    normal(seed + 50, [shape[0], 3, inner]),
  ];
  const data = Float32Array.from(noise.data as Float32Array, (own, i) => {
    const [b, c, p] = [Math.floor(i / (n * inner)), Math.floor(i / inner) % n, i % inner];
    const shared = [0, 1, 2].reduce(
      (sum, k) => sum + Number(mix.data[k * n + c]) * Number(common.data[(b * 3 + k) * inner + p]),
      0,
    );
    return shared + 0.3 * own;
  });
  return { shape, data };
}

const layers: Readonly<
  Record<
    string,
    {
      readonly x: readonly number[];
      readonly w: readonly number[];
      readonly nodes: readonly OnnxNode[];
      readonly share?: number;
    }
  >
> = {
  "a product": { x: [16, 40], w: [40, 12], nodes: [node("MatMul", ["x", "w"])] },
  "a Gemm of units": { x: [16, 40], w: [12, 40], nodes: [node("Gemm", ["x", "w"], { transB: int(1) })] },
  "a convolution": {
    x: [4, 6, 7, 7],
    w: [8, 6, 3, 3],
    nodes: [
      node("Conv", ["x", "w"], {
        pads: { kind: "ints", value: [1, 0, 1, 2] },
        strides: { kind: "ints", value: [2, 1] },
      }),
    ],
  },
  "a convolution of groups": {
    x: [4, 6, 7, 7],
    w: [12, 1, 3, 3],
    nodes: [node("Conv", ["x", "w"], { group: int(6), auto_pad: { kind: "string", value: "SAME_UPPER" } })],
    // Windows of noise have nothing in common: nothing is gained or lost.
    share: 1.02,
  },
};

const weightsAlone = (per: QdqSettings["weights"]["per"]): Omit<QdqSettings, "leave"> => ({
  weights: { bits: 4, per, blockSize: 16 },
  activations: "none",
});

describe.each(sampledRows(Object.entries(layers)))(
  "Weights of %s that make up for errors",
  (_, { x, w, nodes, share = 0.75 }) => {
    const bytes = openFile({ inputs: { x: normal(1, x) }, initializers: { w: normal(3, w) }, nodes });
    const file = OnnxFile.decode("test", bytes);
    const [calibration, others] = [correlated(1, [64, ...x.slice(1)]), correlated(2, [64, ...x.slice(1)])];

    it.each(["channel", "block", "tensor"] as const)(
      "have less error on other examples than the nearest, per %s",
      async (per) => {
        const settings = { ...weightsAlone(per), leave: new Set<string>() };
        const written = writeQdq(file, new Map(), settings);
        const rounded = await compensatedWeights(file, written, [{ x: calibration }], { runtime: "onnx" });
        expect([...rounded.keys()]).toEqual(written.weights.map(({ key }) => key));
        const moved = writeQdq(file, new Map(), { ...settings, weights: { ...settings.weights, rounded } });
        const y = await exactResult(bytes, { x: others });
        const errors = await Promise.all(
          [moved, written].map(async ({ file: own }) => {
            const q = await exactResult(own.bytes, { x: others });
            expect(q.length).toBe(y.length);
            return q.reduce((sum, value, i) => sum + (value - y[i]) ** 2, 0);
          }),
        );
        expect(errors[0]).toBeLessThan(share * errors[1]);
        // The same file in JavaScript.
        const own = await exactResult(moved.file.bytes, { x: others });
        const js = runImported(moved.file.bytes, { x: others }).y;
        expect(Math.max(...own.map((value, i) => Math.abs(value - Number(js.data[i]))))).toBeLessThan(1e-4);
      },
    );

    it("are found from the second moments of what they multiply", async () => {
      const written = writeQdq(file, new Map(), { ...weightsAlone("channel"), leave: new Set() });
      const [{ layer, floats }] = written.weights;
      const few = correlated(1, [4, ...x.slice(1)]);
      const units = unitsOf(layer.node, layer.shape, layer.outAxis, 1);
      if (units === undefined) throw new Error("The layer has no units.");
      const moments = new OperandMoments(layer.node, layer.shape, units, 1, "javascript");
      await moments.add(few);
      const { means: own } = await moments.take();
      // What was taken is forgotten.
      const fresh = new OperandMoments(layer.node, layer.shape, units, 1, "javascript");
      for (const one of [moments, fresh]) await one.add(correlated(2, few.shape));
      expect(await moments.take()).toEqual(await fresh.take());
      for (const one of [moments, fresh]) await one.dispose();
      // y = w x for each unit: the mean of y^2 over examples and places is w' H w.
      const y = await exactResult(bytes, { x: few });
      const squares = y.reduce((sum, value) => sum + value ** 2, 0);
      const { groups, count, n, unitStride, stride } = units;
      let expected = 0;
      for (let g = 0; g < groups; g++) {
        for (let u = 0; u < count; u++) {
          const at = (i: number) => floats.data[(g * count + u) * unitStride + i * stride];
          for (let i = 0; i < n; i++)
            for (let j = 0; j < n; j++) expected += at(i) * at(j) * own[(g * n + i) * n + j];
        }
      }
      const places = y.length / (groups * count);
      expect(squares / places / expected).toBeCloseTo(1, 4);
    });
  },
);

it.each([
  [[300, 8], {}],
  [[1025, 8], {}],
  [[5000, 8], {}],
  [[8, 480, 3, 3], {}],
  [[960, 1, 5, 5], { group: int(960) }],
])(
  "The second moments of a layer of %j are no more than the square of what a unit multiplies",
  (shape, attributes) => {
    const isConv = shape.length > 2;
    const own = node(isConv ? "Conv" : "MatMul", ["x", "w"], attributes);
    const units = unitsOf(own, shape, isConv ? 0 : 1, 1);
    if (units === undefined) throw new Error("The layer has no units.");
    const { n, m } = units;
    expect(partsOf(units) * m).toBeGreaterThanOrEqual(n);
    expect(partsOf(units) * m ** 2).toBeLessThanOrEqual(Math.min(n, 1024) * n * 1.01);
  },
);

describe("A unit", () => {
  it.each([
    ["", 1],
    [", of which those that choose alone use all inputs", 2],
  ])(
    "keeps the nearest integers where these have the smaller error on the examples%s",
    async (_, batches) => {
      const [n, count, rows] = [6, 200, 8 * batches];
      const [x, w] = [normal(1, [rows, n]), normal(2, [n, count])];
      const calibration = Array.from({ length: batches }, (_, b) => {
        const data = (x.data as Float32Array).subarray(8 * b * n, 8 * (b + 1) * n);
        for (let i = 0; b < batches - 1 && i < data.length; i++) if (i % n > 2) data[i] = 0;
        return { x: { shape: [8, n], data } };
      });
      const bytes = openFile({ inputs: { x }, initializers: { w }, nodes: [node("MatMul", ["x", "w"])] });
      const file = OnnxFile.decode("test", bytes);
      const written = writeQdq(file, new Map(), { ...weightsAlone("channel"), leave: new Set() });
      const [{ key, stored: nearest, grid }] = written.weights;
      const own =
        (await compensatedWeights(file, written, calibration, { runtime: "onnx" })).get(key) ?? nearest;
      /** The sum of squared errors of a unit's results. */
      const errorOf = ({ integers, scales }: typeof nearest, unit: number) => {
        let sum = 0;
        for (let row = 0; row < rows; row++) {
          let error = 0;
          for (let i = 0; i < n; i++) {
            const e = i * count + unit;
            error +=
              Number(x.data[row * n + i]) * (Number(w.data[e]) - integers[e] * scales[groupOf(grid, e)]);
          }
          sum += error ** 2;
        }
        return sum;
      };
      const units = Array.from({ length: count }, (_, unit) => [errorOf(own, unit), errorOf(nearest, unit)]);
      for (const [unit, [error, plain]] of units.entries())
        expect(error, `unit ${unit}`).toBeLessThan(plain + 1e-9);
      const kept = units.filter((_, unit) => own.scales[unit] === nearest.scales[unit]).length;
      expect(kept).toBeGreaterThan(0);
      expect(units.filter(([error, plain]) => error < plain).length).toBeGreaterThan(0);
    },
  );
});

describe("A file of 8-bit activations", () => {
  it("is rounded layer after layer by what the earlier layers make", async () => {
    const shape = [64, 24];
    const bytes = openFile({
      inputs: { x: normal(1, shape) },
      initializers: { w: normal(3, [24, 24]), b: normal(4, [24]), v: normal(5, [24, 8]) },
      nodes: [
        node("Gemm", ["x", "w", "b"], {}, ["h"]),
        node("Relu", ["h"], {}, ["r"]),
        node("MatMul", ["r", "v"]),
      ],
    });
    const file = OnnxFile.decode("test", bytes);
    const [x, others] = [correlated(1, shape), correlated(2, shape)];
    const values = quantizableValues(file);
    const ranges = await rangesOf(file, [{ x }], {
      method: "minMax",
      percentile: 100,
      values,
      runtime: "onnx",
    });
    const settings: QdqSettings = {
      weights: { bits: 8, per: "tensor" },
      activations: "uint8",
      leave: new Set(),
    };
    const written = writeQdq(file, ranges, settings);
    const rounded = await compensatedWeights(file, written, [{ x }], { runtime: "onnx" });
    const moved = writeQdq(file, ranges, { ...settings, weights: { ...settings.weights, rounded } });
    expect(rounded.size).toBe(2);
    const y = await exactResult(bytes, { x: others });
    const errorOf = async (own: Uint8Array) =>
      (await exactResult(own, { x: others })).reduce((sum, value, i) => sum + (value - y[i]) ** 2, 0);
    expect(await errorOf(moved.file.bytes)).toBeLessThan(await errorOf(written.file.bytes));
  });

  it("keeps the nearest integers of a layer whose operand is stored", async () => {
    const x = normal(1, [16, 8]);
    const bytes = fileOf({
      inputs: { x },
      initializers: { q: normal(2, [16, 8]), w: normal(3, [8, 8]), v: normal(4, [8, 8]) },
      nodes: [
        node("MatMul", ["q", "w"], {}, ["h"]),
        node("MatMul", ["x", "v"], {}, ["k"]),
        node("Add", ["h", "k"]),
      ],
    });
    const file = OnnxFile.decode("test", bytes);
    const written = writeQdq(file, new Map(), { ...weightsAlone("channel"), leave: new Set() });
    const rounded = await compensatedWeights(file, written, [{ x }], { runtime: "onnx" });
    expect([written.weights.length, rounded.size]).toEqual([2, 1]);
  });

  it("keeps the nearest integers of weights that several layers share", async () => {
    const x = normal(1, [16, 8]);
    const bytes = openFile({
      inputs: { x },
      initializers: { w: normal(3, [8, 8]) },
      nodes: [node("MatMul", ["x", "w"], {}, ["h"]), node("MatMul", ["h", "w"])],
    });
    const file = OnnxFile.decode("test", bytes);
    const written = writeQdq(file, new Map(), { ...weightsAlone("channel"), leave: new Set() });
    expect((await compensatedWeights(file, written, [{ x }], { runtime: "onnx" })).size).toBe(0);
  });
});
