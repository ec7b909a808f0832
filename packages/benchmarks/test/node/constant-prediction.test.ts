// What is measured of predictions that are the same everywhere is known of the samples' formulas: the numbers of CityScapes were
// computed with NumPy, others are sums by hand.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crossEntropy, item, type NdArray, ndarray, type Tensor } from "isoloss";
import { readEpoch } from "isoloss/data";
import { depthError, f1, iou, normalAngle, type StreamingMetric, topK } from "isoloss/metrics";
import { deltaM } from "isoloss/mtl";
import { l1Loss, normalLoss } from "isoloss/nn";
import { greater } from "isoloss/ops";
import { evaluate } from "isoloss-test-support/nn/support";
import { afterAll, describe, expect, it } from "vitest";
import { writeSample } from "../../src/node/benchmarks.js";
import { loadCeleba } from "../../src/node/celeba.js";
import { loadCityscapes, loadNyuv2 } from "../../src/node/dense.js";
import { valuesOf } from "./support.js";

const root = mkdtempSync(join(tmpdir(), "isoloss-constant-"));
afterAll(() => rmSync(root, { recursive: true }));

const resultOf = <A>(metric: StreamingMetric<A, number>, output: NdArray, labels: NdArray): number =>
  metric.result(metric.update(metric.init(), { output, labels }));

/** An array whose plane along axis 1 has one value for each channel. */
const planes = ([n, height, width]: readonly number[], values: readonly number[]): NdArray => {
  const data = new Float32Array(n * values.length * height * width);
  for (let i = 0; i < data.length; i++) data[i] = values[Math.floor(i / (height * width)) % values.length];
  return ndarray(data, [n, values.length, height, width]);
};

const lossOf = (loss: (a: Tensor, b: Tensor) => Tensor, a: NdArray, b: NdArray) =>
  item(evaluate((x: Tensor, y: Tensor) => ({ loss: loss(x, y) }), a, b).loss);

describe("a constant prediction", () => {
  it("has on CityScapes the metrics and losses of its formula", async () => {
    const folder = join(root, "cityscapes");
    await writeSample("cityscapes", folder, { size: [128, 256] });
    const { test } = await loadCityscapes(folder, { isWhole: false });
    const { semantic, depth } = await readEpoch(test);
    const first = planes(semantic.shape, [1, 0, 0, 0, 0, 0, 0]);
    const flat = planes(semantic.shape, [0.25]);
    const [mIoU, accuracy] = [resultOf(iou(), first, semantic), resultOf(topK({ k: 1 }), first, semantic)];
    const [absolute, relative] = [
      resultOf(depthError(), flat, depth),
      resultOf(depthError({ kind: "relative" }), flat, depth),
    ];
    expect(mIoU).toBeCloseTo(0.0203683, 7);
    expect(accuracy).toBeCloseTo(0.14257812, 8);
    expect(absolute).toBeCloseTo(0.06696633, 7);
    expect(relative).toBeCloseTo(0.26461238, 7);
    // The published base: one SegNet for each task.
    const base = [0.7401, 0.9316, 0.0125, 27.77];
    expect(deltaM([mIoU, accuracy, absolute, relative], base, [true, true, false, false])).toBeCloseTo(
      129.656689,
      3,
    );
    const nothing = planes(semantic.shape, [0]);
    expect(resultOf(depthError({ kind: "relative" }), nothing, depth)).toBe(1);
    const valid = valuesOf(depth).filter((t) => t > 0);
    const meanDepth = valid.reduce((a, b) => a + b, 0) / valid.length;
    expect(resultOf(depthError(), nothing, depth)).toBeCloseTo(meanDepth, 12);
    expect(lossOf((p, t) => l1Loss(p, t, { mask: greater(t, 0) }), nothing, depth)).toBeCloseTo(meanDepth, 5);
    const even = planes(semantic.shape, [0, 0, 0, 0, 0, 0, 0]);
    expect(lossOf((p, t) => crossEntropy(p, t, { axis: 1, ignoreIndex: -1 }), even, semantic)).toBeCloseTo(
      Math.log(7),
      5,
    );
  });

  it("has on NYUv2 the angles of its formula", async () => {
    const folder = join(root, "nyuv2");
    await writeSample("nyuv2", folder, { examples: 1 });
    const { test } = await loadNyuv2(folder, { isWhole: false });
    const { normal } = await readEpoch(test);
    const up = planes([1, 32, 64], [0, 0, 2]);
    // Angles are 60 x / 63 degrees in the columns x of all valid rows.
    const angles = Array.from({ length: 64 }, (_, x) => (60 * x) / 63);
    expect(resultOf(normalAngle(), up, normal)).toBeCloseTo(30, 4);
    for (const limit of [11.25, 22.5, 30] as const) {
      const below = angles.filter((angle) => angle < limit).length / 64;
      expect(resultOf(normalAngle({ statistic: limit }), up, normal)).toBeCloseTo(below, 12);
    }
    const cosines = angles.map((angle) => Math.cos((angle * Math.PI) / 180));
    expect(lossOf(normalLoss, up, normal)).toBeCloseTo(1 - cosines.reduce((a, b) => a + b, 0) / 64, 6);
  });

  it("has on CelebA F1 of 2 s / (1 + s) for a share s of positives where all are taken for one", async () => {
    const folder = join(root, "celeba");
    await writeSample("celeba", folder, { examples: 2 });
    const { train, tasks } = await loadCeleba(folder, { isWhole: false });
    const { image: _image, ...labels } = await readEpoch(train);
    for (const task of tasks) {
      const values = valuesOf(labels[task]);
      const share = values.reduce((a, b) => a + b, 0) / values.length;
      const ones = ndarray(new Float32Array(values.length).fill(1), [values.length]);
      expect(resultOf(f1(), ones, labels[task])).toBeCloseTo((2 * share) / (1 + share), 12);
    }
  });
});
