import { describe, it } from "vitest";
import { convLayer, convTransposeLayer } from "../../src/nn/conv.js";
import { casesOf, checkCase } from "./support.js";

describe("convLayer", () => {
  it.each(casesOf("conv2d"))("equals PyTorch's F.conv2d with its derivatives: %s", (_, golden) => {
    checkCase(golden, ({ input, weight, bias }) => convLayer(input, { weight, bias }, golden.options));
  });
});

describe("convTransposeLayer", () => {
  it.each(casesOf("convTranspose2d"))(
    "equals PyTorch's F.conv_transpose2d with its derivatives: %s",
    (_, golden) => {
      const { output_padding: outputPadding = 0, ...options } = golden.options;
      checkCase(golden, ({ input, weight, bias }) =>
        convTransposeLayer(input, { weight, bias }, { ...options, outputPadding }),
      );
    },
  );
});
