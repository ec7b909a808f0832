import { expect, it } from "vitest";
import { compareModels } from "../../src/model-file/compare-models.js";
import { foldBatchNorm } from "../../src/model-file/fold-batch-norm.js";
import { liftBounds } from "../../src/model-file/lift-bounds.js";
import { lowerBounds } from "../../src/model-file/lower-bounds.js";
import { generatorsOf } from "./generators.js";
import { mobileNetV2 } from "./mobilenet.js";

it("MobileNetV2 has the scalings of its 35 ReLU6 layers once their bounds are parameters", async () => {
  const before = mobileNetV2({ width: 0.05 });
  const folded = foldBatchNorm(before);
  const lifted = liftBounds(folded.bytes);
  expect(folded.report.filter(({ changed }) => changed).length).toBe(52);
  expect(lifted.report.filter(({ changed }) => changed).length).toBe(35);
  // Bounded activations leave the seven spaces between linear layers, one for each stage.
  expect(generatorsOf(folded.bytes).generators).toBe(7);
  expect(generatorsOf(lifted.bytes).generators).toBe(7 + 35);
  expect((await compareModels(before, lifted.bytes)).largest).toBeLessThan(1e-5);

  const lowered = lowerBounds(lifted.bytes);
  expect(lowered.report.map(({ note }) => note)).toEqual(Array(35).fill("Clip between 0 and 6"));
  expect(generatorsOf(lowered.bytes)).toEqual(generatorsOf(folded.bytes));
});
