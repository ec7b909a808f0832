import { DataError, dtypeOf } from "isoloss";
import type { OnnxNode } from "isoloss/internal";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { fileOf, float32, int64, node, runImported, runOrt } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { sequenceModels } from "./sequence-models.js";

const rows = Object.entries(sequenceModels).flatMap(([name, list]) =>
  list.map((model, k) => [name, k + 1, model] as const),
);

describe("what ONNX Runtime computes by sequences on the same bytes is computed by", () => {
  it.each(rows)("%s, case %i", async (_, __, model) => {
    const bytes = fileOf(model);
    const { inputs = {} } = model;
    const { y: expected } = await runOrt(bytes, inputs);
    const { y: actual } = runImported(bytes, inputs);
    expect(actual.shape).toEqual(expected.shape);
    expect(dtypeOf(actual)).toBe(dtypeOf(expected));
    expect(relativeError(actual, expected)).toBeLessThan(2e-6);
  });
});

describe("a model with sequences is refused", () => {
  const a = float32([1, 2]);
  const list = node("SequenceConstruct", ["a", "a"], {}, ["list"]);
  it.each<[string, OnnxNode[], RegExp]>([
    ["for a result that is one", [node("SequenceConstruct", ["a"])], /output "y" is a sequence/],
    [
      "where a tensor is needed",
      [list, node("Abs", ["list"])],
      /Abs "y" of a sequence of 2: operand 0 is a seq/,
    ],
    [
      "where a sequence is needed",
      [node("SequenceLength", ["a"])],
      /operand 0 is a tensor; it must be a seq/,
    ],
    [
      "for a place that it lacks",
      [list, node("SequenceAt", ["list", "k"])],
      /place 2 is outside the sequence/,
    ],
    [
      "for a place that it lacks from the end",
      [list, node("SequenceErase", ["list", "m"], {}, ["l"]), node("SequenceLength", ["l"])],
      /place -3 is outside/,
    ],
    [
      "for the elements of an empty one",
      [node("SequenceEmpty", [], {}, ["list"]), node("ConcatFromSequence", ["list"])],
      /the sequence is empty/,
    ],
  ])("%s", (_, nodes, words) => {
    const bytes = fileOf({
      inputs: { a },
      initializers: { k: int64([2], []), m: int64([-3], []) },
      nodes,
    });
    expect(() => runImported(bytes, { a })).toThrow(DataError);
    expect(() => runImported(bytes, { a })).toThrow(words);
  });
});
