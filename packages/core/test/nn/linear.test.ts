import { casesOf, checkCase } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { ShapeError } from "../../src/errors.js";
import { spec, trace } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { initLinear, linear } from "../../src/nn/linear.js";

describe("linear", () => {
  it.each(casesOf("linear"))("equals PyTorch's F.linear with its derivatives: %s", (_, golden) => {
    checkCase(golden, ({ input, weight, bias }) => linear(input, { weight, bias }));
  });

  it("takes a vector and gives a vector", () => {
    const { graph } = trace((x, p) => linear(x, p), [
      spec([5]),
      initLinear(torchGenerator(0), 5, 3),
    ] as const);
    expect(graph.outputs[0].tensor.shape).toEqual([3]);
  });

  it("says which shapes do not fit", () => {
    const params = initLinear(torchGenerator(0), 5, 3);
    expect(() => trace((x, p) => linear(x, p), [spec([2, 4]), params] as const)).toThrow(ShapeError);
    expect(() => trace((x, p) => linear(x, p), [spec([2, 4]), params] as const)).toThrow(
      /\[2, 4\] and \[3, 5\]/,
    );
  });
});
