import { createRng } from "isoloss/data";
import { compareModels, equalizeForQuantization } from "isoloss-onnx";
import { expect, it } from "vitest";
import { mobileNetV2 } from "../../model-file/mobilenet.js";

it("MobileNetV2 1.0 at 224 pixels is moved along all of its scalings", async () => {
  const before = mobileNetV2();
  const rng = createRng(0);
  const draw = () => Float32Array.from({ length: 2 * 3 * 224 * 224 }, () => rng.normal());
  const batches = Array.from({ length: 4 }, () => ({ x: { shape: [2, 3, 224, 224], data: draw() } }));
  const lifted = await equalizeForQuantization(before, batches, { bounds: "lifted" });
  expect((await compareModels(before, lifted.bytes)).largest).toBeLessThan(1e-4);
  const expected = await equalizeForQuantization(before, batches);
  for (const { candidates, kept, layers, left } of [lifted, expected]) {
    expect({ layers: layers.length, left }).toEqual({ layers: 53, left: [] });
    const measured = (name: string) =>
      candidates.find((candidate) => candidate.name === name)?.measured as number;
    expect(measured(kept)).toBeGreaterThanOrEqual(measured("as it is"));
    const predicted = candidates.map((candidate) => candidate.predicted);
    expect(Math.max(...predicted)).toBe(predicted.at(-1));
  }
});
