import { type NdArray, OptionError, ShapeError } from "isoloss";
import { createRng } from "isoloss/data";
import { decodeModel } from "isoloss/onnx";
import { Builder } from "isoloss-test-support/model-file/builder";
import { fileOf, float32, node } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { restoreBatchNorm } from "../../src/model-file/prepare/restore-batch-norm.js";

const normals = (shape: readonly number[], seed = 0, mean = 0): NdArray => {
  const rng = createRng(seed);
  const count = shape.reduce((a, b) => a * b, 1);
  return float32(
    Array.from({ length: count }, () => mean + rng.normal()),
    shape,
  );
};

/** The arrays of a restored file by name, and its operators. */
const contents = (bytes: Uint8Array) => {
  const { initializers, nodes } = decodeModel(bytes).graph;
  return {
    tensors: Object.fromEntries(initializers.map(({ name, data }) => [name, Array.from(data, Number)])),
    operators: nodes.map(({ opType }) => opType),
  };
};

describe("restored batch norms", () => {
  it("have the statistics of a layer by the formula, with filters at He's norm", async () => {
    // A 1x1 convolution of two channels to three, the last filter zero; the statistics by a plain loop.
    const [w, b] = [
      [3, 4, 0.5, -1, 0, 0],
      [1, -2, 5],
    ];
    const x = normals([6, 2, 3, 2], 3, 0.5);
    const before = fileOf({
      inputs: { x },
      initializers: { w: float32(w, [3, 2, 1, 1]), b: float32(b) },
      nodes: [node("Conv", ["x", "w", "b"], {}, ["z"]), node("Relu", ["z"])],
    });
    const { bytes, report } = await restoreBatchNorm(before, { x });
    expect(report).toEqual([
      { node: "z", opType: "Conv", changed: true, note: "normalized, with 1 constant channels" },
    ]);
    const { tensors, operators } = contents(bytes);
    expect(operators).toEqual(["Conv", "BatchNormalization", "Relu"]);
    const at = (image: number, channel: number, place: number) =>
      Number(x.data[(image * 2 + channel) * 6 + place]);
    for (const c of [0, 1, 2]) {
      const values: number[] = [];
      for (let image = 0; image < 6; image++) {
        for (let place = 0; place < 6; place++) {
          values.push(w[2 * c] * at(image, 0, place) + w[2 * c + 1] * at(image, 1, place) + b[c]);
        }
      }
      const mu = values.reduce((s, v) => s + v, 0) / 36;
      const sd = Math.sqrt(values.reduce((s, v) => s + (v - mu) ** 2, 0) / 36);
      const n = c === 2 ? 1 : Math.hypot(w[2 * c], w[2 * c + 1]) / Math.SQRT2;
      const v = c === 2 ? 1 : (sd / n) ** 2 - 1e-5;
      expect(tensors.z_norm_bias[c]).toBeCloseTo(mu, 5);
      expect(tensors.z_norm_weight[c]).toBeCloseTo(c === 2 ? Math.sqrt(1 + 1e-5) : sd, 5);
      expect(tensors.z_norm_mean[c]).toBeCloseTo((mu - b[c]) / n, 5);
      expect(tensors.z_norm_var[c]).toBeCloseTo(v, 5);
      expect(Math.hypot(tensors.w[2 * c], tensors.w[2 * c + 1])).toBeCloseTo(c === 2 ? 0 : Math.SQRT2, 6);
    }
    expect((await compareModels(before, bytes, { inputs: { x } })).largest).toBeLessThan(1e-6);
  });

  it("normalize the calibration batch in training mode to what evaluation gives, also over several batches of any sizes", async () => {
    const x = normals([8, 2, 3, 3], 1, 1);
    const b = new Builder({ seed: 5 });
    const before = b.bytes(["batch", 2, 3, 3], b.node("Relu", [b.conv("x", 2, 3, { size: 3, bias: true })]));
    const whole = contents((await restoreBatchNorm(before, { x })).bytes).tensors;
    const rows = (from: number, to: number) => ({
      x: { shape: [to - from, 2, 3, 3], data: x.data.slice(18 * from, 18 * to) },
    });
    for (const batches of [
      [rows(0, 4), rows(4, 8)],
      [rows(0, 3), rows(3, 8)],
    ]) {
      const parts = contents((await restoreBatchNorm(before, batches)).bytes).tensors;
      for (const [name, values] of Object.entries(whole)) {
        values.forEach((value, i) => {
          expect(parts[name][i]).toBeCloseTo(value, 5);
        });
      }
    }
  });

  it("go back into the weights that they are from", async () => {
    const b = new Builder({ seed: 2 });
    const hidden = b.clip(b.conv("x", 3, 6, { size: 3, bias: true }));
    const deep = b.node("Relu", [b.conv(hidden, 6, 6, { size: 3, group: 6, bias: true })]);
    const sum = b.node("Relu", [b.node("Add", [hidden, b.conv(deep, 6, 6, { bias: true })])]);
    const flat = b.node("Flatten", [b.node("GlobalAveragePool", [sum])]);
    const before = b.bytes([8, 3, 4, 4], b.linear(b.node("Relu", [b.product(flat, 6, 5)]), 5, 2));
    const { bytes, report } = await restoreBatchNorm(before, { x: normals([8, 3, 4, 4]) });
    expect(report.map(({ opType, changed, note }) => [opType, changed, note])).toEqual([
      ["Conv", true, "normalized"],
      ["Conv", true, "normalized"],
      ["Conv", true, "normalized"],
      ["Add", true, "normalized"],
      ["Gemm", false, "no activation reads its result"],
    ]);
    expect((await compareModels(before, bytes)).largest).toBeLessThan(1e-5);
    const folded = foldBatchNorm(bytes);
    expect(folded.report.every(({ changed }) => changed)).toBe(true);
    const [old, back] = [fromOnnx(before).params, fromOnnx(folded.bytes).params];
    const sizes = (params: typeof old) => Object.values(params).map(({ shape }) => shape.join());
    expect(sizes(back).sort()).toEqual(sizes(old).sort());
    for (const [name, { data }] of Object.entries(old).filter(([key]) => key in back)) {
      data.forEach((value, i) => {
        expect(Number(back[name].data[i])).toBeCloseTo(Number(value), 5);
      });
    }
  });

  it("are not where the file has some", async () => {
    const b = new Builder();
    const before = b.bytes([4, 2, 2, 2], b.node("Relu", [b.batchNorm(b.conv("x", 2, 2), 2)]));
    const { report } = await restoreBatchNorm(before, { x: normals([4, 2, 2, 2]) });
    expect(report.map(({ note }) => note)).toEqual(["it has a batch norm"]);
  });

  it("are where the caller wants them, with the epsilon that it wants", async () => {
    const b = new Builder();
    const first = b.conv("x", 2, 2);
    const before = b.bytes([4, 2, 2, 2], b.conv(b.node("Relu", [first]), 2, 2));
    const x = normals([4, 2, 2, 2]);
    const { bytes, report } = await restoreBatchNorm(
      before,
      { x },
      { layers: (name) => name === "y", epsilon: 0.1 },
    );
    expect(report.map(({ node: name, note }) => [name, note])).toEqual([
      [first, "it is not among the chosen layers"],
      ["y", "normalized"],
    ]);
    expect(decodeModel(bytes).graph.nodes[3].attributes.epsilon).toEqual({
      kind: "float",
      value: Math.fround(0.1),
    });
    expect((await compareModels(before, bytes)).largest).toBeLessThan(1e-6);
  });

  it("leave a weight that another layer reads, too", async () => {
    const x = normals([4, 2, 2, 2]);
    const before = fileOf({
      inputs: { x },
      initializers: { w: float32([1, 2, 3, 4], [2, 2, 1, 1]) },
      nodes: [
        node("Conv", ["x", "w"], {}, ["a"]),
        node("Relu", ["a"], {}, ["b"]),
        node("Conv", ["b", "w"], {}, ["c"]),
        node("Relu", ["c"]),
      ],
    });
    const { bytes, report } = await restoreBatchNorm(before, { x });
    expect(report.map(({ note }) => note)).toEqual(Array(2).fill("its weight w is used elsewhere, too"));
    expect(bytes).toEqual(before);
  });

  it("leave a layer whose statistics are not finite, as a variance of values of 1e20 in float32", async () => {
    const x = normals([4, 3], 1);
    const w = Array.from<number | bigint, number>(normals([3, 2], 2).data, (v) => Number(v) * 1e20);
    const before = fileOf({
      inputs: { x },
      initializers: { w: float32(w, [3, 2]) },
      nodes: [node("MatMul", ["x", "w"], {}, ["z"]), node("Relu", ["z"])],
    });
    const { report } = await restoreBatchNorm(before, { x });
    expect(report).toMatchObject([{ changed: false, note: "its statistics are not finite" }]);
  });

  it("need a batch that fits the model", async () => {
    const b = new Builder();
    const before = b.bytes([4, 2, 2, 2], b.node("Relu", [b.conv("x", 2, 2)]));
    await expect(restoreBatchNorm(before, [])).rejects.toThrow(OptionError);
    await expect(restoreBatchNorm(before, { x: [1] } as never)).rejects.toThrow(
      "calibration must hold arrays by the names",
    );
    await expect(restoreBatchNorm(before, { x: normals([4, 3, 2, 2]) })).rejects.toThrow(ShapeError);
    await expect(restoreBatchNorm(before, {})).rejects.toThrow('input "x" is missing; the batch has nothing');
  });
});
