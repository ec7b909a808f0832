import { casesOf, checkCase } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { DTypeError } from "../../src/errors.js";
import { spec, trace } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { embedding, initEmbedding } from "../../src/nn/embedding.js";

describe("embedding", () => {
  it.each(casesOf("embedding"))(
    "equals PyTorch's F.embedding, gradients of repeated rows added up: %s",
    (_, golden) => {
      checkCase(golden, ({ input, weight }) => embedding(input, { weight }));
    },
  );

  it("takes int64 indices only", () => {
    const params = initEmbedding(torchGenerator(0), 4, 3);
    expect(() => trace((i, p) => embedding(i, p), [spec([2]), params] as const)).toThrow(DTypeError);
  });
});
