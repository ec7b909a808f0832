import { createRng } from "isoloss/data";
import { expect, it } from "vitest";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { liftBounds } from "../../src/model-file/prepare/bounds.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { restoreBatchNorm } from "../../src/model-file/prepare/restore-batch-norm.js";
import { generatorsOf } from "./generators.js";
import { mobileNetV2 } from "./mobilenet.js";

it("MobileNetV2 1.0 keeps its function through all preparations", async () => {
  const before = mobileNetV2();
  const folded = foldBatchNorm(before).bytes;
  const lifted = liftBounds(folded).bytes;
  // Channels of the seven stages; those of the 35 ReLU6 layers in addition, by table 2 of the paper.
  expect(generatorsOf(folded)).toEqual({ generators: 7, units: 712 });
  expect(generatorsOf(lifted)).toEqual({ generators: 42, units: 712 + 15_552 });
  expect((await compareModels(before, lifted)).largest).toBeLessThan(1e-4);

  const rng = createRng(1);
  const data = Float32Array.from({ length: 16 * 3 * 32 * 32 }, () => rng.normal());
  const restored = await restoreBatchNorm(lifted, { x: { shape: [16, 3, 32, 32], data } });
  expect(restored.report.filter(({ changed }) => changed).length).toBe(35);
  expect((await compareModels(before, restored.bytes)).largest).toBeLessThan(1e-4);
  expect((await compareModels(before, foldBatchNorm(restored.bytes).bytes)).largest).toBeLessThan(1e-4);
});
