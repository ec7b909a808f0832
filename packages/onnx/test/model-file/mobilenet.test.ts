import { sizeOf, spec, symmetriesOf, type Tensor, type TensorsOf } from "isoloss";
import { createRng } from "isoloss/data";
import { square, sum } from "isoloss/ops";
import { smallNetwork } from "isoloss-test-support/model-file/builder";
import { expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { withParams } from "../../src/model-file/edit/with-params.js";
import { liftBounds, lowerBounds } from "../../src/model-file/prepare/bounds.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
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

it("a network with ReLU6 moves along all its scalings and is written back into its file", async () => {
  const before = smallNetwork({ constants: true });
  const lifted = liftBounds(foldBatchNorm(before).bytes).bytes;
  const model = fromOnnx(lifted);
  const loss = (p: TensorsOf<typeof model.params>, { x }: { x: Tensor }) =>
    sum(square(model.apply(p, { x }).y));
  const { scaling } = symmetriesOf(loss, model.params, { x: spec([1, 3, 4, 4]) });
  if (scaling === undefined) throw new Error("no scaling was found");
  const rng = createRng(1);
  const T = scaling.algebra.map((shape) => ({
    shape,
    data: Float64Array.from({ length: sizeOf(shape) }, () => rng.normal()),
  }));
  const moved = await scaling.act(model.params, T, {});
  if ("refused" in moved) throw new Error(String(moved.refused));
  const after = withParams(lifted, moved);
  expect((await compareModels(before, after)).largest).toBeLessThan(1e-5);
  expect(lowerBounds(after).report.map(({ note }) => note)).toEqual([
    expect.stringMatching(/^its bounds differ/),
    expect.stringMatching(/^its bounds differ/),
  ]);
});
