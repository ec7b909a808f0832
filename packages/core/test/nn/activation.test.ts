import { modelOperators } from "isoloss-onnx";
import { casesOf, checkCase, evaluate, float64 } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { spec, trace } from "../../src/graph/trace.js";
import { type Activation, activation } from "../../src/nn/activation.js";
import { toOnnx } from "../../src/runtime/onnx/export.js";

describe("activation", () => {
  const names: Activation[] = [
    "relu",
    "relu6",
    "leakyRelu",
    "gelu",
    "elu",
    "softplus",
    "sigmoid",
    "tanh",
    "silu",
  ];

  it.each(names)("equals PyTorch's function with its derivatives: %s", (name) => {
    const [, golden] = casesOf(name)[0];
    // PyTorch's softplus is x itself above 20: off by 8e-10 at 21.
    const tolerance = name === "softplus" ? 2e-9 : 1e-12;
    checkCase(
      golden,
      ({ input }) => activation(name, { slope: golden.options.negative_slope })(input),
      tolerance,
    );
  });

  it("is x itself for identity", () => {
    expect(evaluate(activation("identity"), float64([-1, 0, 2]))).toEqual(float64([-1, 0, 2]));
  });

  it("is one Clip in a file for relu6", () => {
    const { graph } = trace(activation("relu6"), [spec([3])] as const);
    expect(modelOperators(toOnnx(graph)).map(({ name, count }) => ({ name, count }))).toEqual([
      { name: "Clip", count: 1 },
    ]);
  });

  it("lists the names when it does not know one", () => {
    expect(() => activation("swish" as Activation)).toThrow(OptionError);
    expect(() => activation("toString" as Activation)).toThrow(/leakyRelu, relu, relu6, tanh, asinh/);
  });
});
