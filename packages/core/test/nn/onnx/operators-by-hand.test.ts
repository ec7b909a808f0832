// What ONNX Runtime does not compute on a processor, against calculations by hand.
import { expect, it } from "vitest";
import type { NdArray } from "../../../src/array.js";
import { float, int } from "../../../src/runtime/onnx/schema.js";
import { fileOf, float32, node, runImported } from "./support.js";

const channels: Readonly<Record<string, NdArray>> = {
  scale: float32([1, 2]),
  shift: float32([0, 1]),
  mean: float32([0, 10]),
  variance: float32([1, 4]),
};

it.each([
  ["by its attribute", 15, { training_mode: int(1) }],
  ["by its further results", 9, {}],
] as const)(
  "BatchNormalization in training mode, %s, uses and tracks the batch's statistics",
  (_, opset, mode) => {
    const outputs = ["y", "m", "v"];
    const bytes = fileOf({
      // Two channels with the means 3 and 6 and the variances 4 and 1.
      inputs: { x: float32([1, 5, 5, 7, 1, 5, 5, 7], [2, 2, 2]) },
      initializers: channels,
      nodes: [
        node(
          "BatchNormalization",
          ["x", "scale", "shift", "mean", "variance"],
          { momentum: float(0.75), epsilon: float(0), ...mode },
          outputs,
        ),
      ],
      outputs,
      opset,
    });
    const { y, m, v } = runImported(bytes, { x: float32([1, 5, 5, 7, 1, 5, 5, 7], [2, 2, 2]) });
    expect([...y.data]).toEqual([-1, 1, -1, 3, -1, 1, -1, 3]);
    expect([...m.data]).toEqual([0.75, 9]);
    expect([...v.data]).toEqual([1.75, 3.25]);
  },
);
