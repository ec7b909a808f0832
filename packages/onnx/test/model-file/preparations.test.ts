import { fileOf, node } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";
import { liftBounds, lowerBounds } from "../../src/model-file/prepare/bounds.js";
import { dropIdentity } from "../../src/model-file/prepare/drop-identity.js";
import { foldBatchNorm } from "../../src/model-file/prepare/fold-batch-norm.js";
import { expectSameFunctions, preparationEntries, preparations } from "./preparations-support.js";
import { randomFile } from "./random-file.js";

expectSameFunctions(preparationEntries.slice(0, 2));

it("each of them changes something, and a second time nothing", async () => {
  for (const prepare of [foldBatchNorm, liftBounds, dropIdentity, preparations.restoreBatchNorm]) {
    const first = await prepare(randomFile(6));
    const second = await prepare(first.bytes);
    expect(first.report.filter(({ changed }) => changed)).not.toEqual([]);
    expect(second.report.filter(({ changed }) => changed)).toEqual([]);
    expect(second.bytes).toEqual(first.bytes);
  }
});

it.each([foldBatchNorm, liftBounds, lowerBounds, dropIdentity])("%o refuses what is no model", (prepare) => {
  expect(() => prepare("model.onnx" as never)).toThrow(`${prepare.name} takes the bytes of a file`);
  expect(() => prepare(new Uint8Array())).toThrow(
    `${prepare.name}: the bytes are not a readable ONNX model: No graph found`,
  );
  const disordered = fileOf({ nodes: [node("Neg", ["a"]), node("Neg", ["x"], {}, ["a"])] });
  expect(() => prepare(disordered)).toThrow('the Neg "y" reads "a" before it is made');
});
