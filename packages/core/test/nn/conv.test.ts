import { casesOf, checkCase } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { OptionError } from "../../src/errors.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import {
  convLayer,
  convTransposeLayer,
  initConv1d,
  initConv2d,
  initConvTranspose2d,
} from "../../src/nn/conv.js";

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

it("initial weights need groups that divide the channels", () => {
  const rng = torchGenerator(0);
  for (const init of [initConv1d, initConv2d, initConvTranspose2d] as (typeof initConv2d)[]) {
    for (const [inputs, outputs] of [
      [3, 16],
      [4, 15],
    ] as const) {
      expect(() => init(rng, inputs, outputs, 3, { groups: 2 })).toThrow(OptionError);
      expect(() => init(rng, inputs, outputs, 3, { groups: 2 })).toThrow(
        `groups must divide the channels, ${inputs} and ${outputs}; got 2.`,
      );
    }
    expect(init(rng, 4, 6, 3, { groups: 2 }).weight.shape.slice(0, 2).sort()).toEqual(
      init === (initConvTranspose2d as typeof init) ? [3, 4] : [2, 6],
    );
  }
});
