// What ONNX Runtime does not compute on a processor, against calculations by hand.

import { astype, type NdArray, ndarray } from "isoloss";
import { float, int, string } from "isoloss/internal";
import { uniform } from "isoloss-test-support/graph/ops/op-case";
import { relativeError } from "isoloss-test-support/graph/ops/op-derivatives";
import { fileOf, float32, node, runImported } from "isoloss-test-support/nn/onnx/support";
import { expect, it } from "vitest";

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

it("GridSample interpolates a volume that does not vary in depth like an image", () => {
  const attributes = { mode: string("cubic"), padding_mode: string("border") };
  const sample = (x: NdArray, grid: NdArray) =>
    runImported(
      fileOf({ inputs: { x, grid }, nodes: [node("GridSample", ["x", "grid"], attributes)], opset: 20 }),
      { x, grid },
    ).y;
  const image = astype(uniform(1, [1, 1, 4, 5]), "float32");
  const volume = float32([...image.data, ...image.data, ...image.data].map(Number), [1, 1, 3, 4, 5]);
  const places = [0.1, 0.3, -0.7, 1.2, 0.9, -0.4];
  const flat = sample(image, float32(places, [1, 1, 3, 2]));
  const deep = sample(volume, float32([0.1, 0.3, 0.2, -0.7, 1.2, -0.6, 0.9, -0.4, 1.5], [1, 1, 1, 3, 3]));
  expect(relativeError(ndarray(deep.data, flat.shape), flat)).toBeLessThan(1e-6);
});
