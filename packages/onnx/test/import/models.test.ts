// Small models about one operator each, against ONNX Runtime on the same bytes.

import { dtypeOf } from "isoloss";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { fileOf, runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { numberModels } from "./number-cases.js";
import { quantizedModels } from "./quantized-models.js";

const rows = [numberModels, quantizedModels]
  .flatMap((models) => Object.entries(models))
  .flatMap(([name, list]) => list.map((model, k) => [name, k + 1, model] as const));

describe("what ONNX Runtime computes on the same bytes is computed by a model of", () => {
  it.each(rows)("%s, case %i", async (_, __, model) => {
    const { inputs = {}, outputs = ["y"] } = model;
    const bytes = fileOf(model);
    const [expected, actual] = [await runOrt(bytes, inputs), runImported(bytes, inputs)];
    for (const name of outputs) {
      expect(actual[name].shape).toEqual(expected[name].shape);
      expect(dtypeOf(actual[name])).toBe(dtypeOf(expected[name]));
      if (actual[name].data instanceof BigInt64Array) expect(actual[name].data).toEqual(expected[name].data);
      else expect(relativeError(actual[name], expected[name])).toBeLessThan(2e-6);
    }
  });
});
