import { OptionError, RuntimeError } from "isoloss";
import { encodeModel } from "isoloss/onnx";
import { float32, node, tensorOf } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { compareModels } from "../../src/model-file/compare/compare-models.js";
import { createParamsComparison } from "../../src/model-file/compare/params-comparison.js";
import { withParams } from "../../src/model-file/edit/with-params.js";

/** y = relu(x w) for x [batch, 2], and a mask that is passed through. */
const file = encodeModel({
  irVersion: 8,
  opsets: [{ domain: "", version: 18 }],
  producer: "test",
  metadata: {},
  graph: {
    name: "layer",
    inputs: [
      { name: "x", dtype: "float32", shape: ["batch", 2] },
      { name: "mask", dtype: "int64", shape: ["batch"] },
    ],
    outputs: [{ name: "y" }, { name: "same" }],
    initializers: [tensorOf("w", float32([1, 2, -1, 0.5], [2, 2]))],
    nodes: [
      node("MatMul", ["x", "w"], {}, ["z"]),
      node("Relu", ["z"], {}, ["y"]),
      node("Identity", ["mask"], {}, ["same"]),
    ],
  },
});

describe("the comparison of a model with itself at other parameters", () => {
  const model = fromOnnx(file);

  it("is that of two files, at any parameters and seed", async () => {
    const comparison = await createParamsComparison(model, { examples: 6 });
    for (const [seed, numbers] of [
      [0, [1, 2, -1, 0.75]],
      [3, [0, 2, -1, 0.5]],
    ] as const) {
      const params = { w: float32(numbers, [2, 2]) };
      const files = await compareModels(file, withParams(file, params), { seed, examples: 6 });
      expect(await comparison.compare(params, { seed })).toEqual(files);
      expect(files.largest).toBeGreaterThan(0.01);
    }
    expect((await comparison.compare(model.params)).largest).toBe(0);
    await comparison.dispose();
    await expect(comparison.compare(model.params)).rejects.toThrow(RuntimeError);
  });

  it("multiplies inputs of floats by a factor, and leaves integers", async () => {
    const comparison = await createParamsComparison(model);
    const params = { w: float32([1.5, 2, -1, 0.5], [2, 2]) };
    const [once, tenfold] = [
      await comparison.compare(params),
      await comparison.compare(params, { factor: 10 }),
    ];
    // relu(10 z) = 10 relu(z).
    expect(tenfold.outputs[0].absolute).toBeCloseTo(10 * once.outputs[0].absolute, 4);
    expect(tenfold.outputs[1]).toEqual(once.outputs[1]);
    await comparison.dispose();
  });

  it("refuses parameters that are not all there, and sizes of other axes", async () => {
    const comparison = await createParamsComparison(model, { sizes: { batch: 2 } });
    await expect(comparison.compare({})).rejects.toThrow(
      new OptionError('compare takes all of the model\'s parameters; "w" is missing.'),
    );
    await comparison.dispose();
    await expect(createParamsComparison(model, { sizes: { height: 3 } })).rejects.toThrow(OptionError);
  });
});
