// The error of a changed file: by hand on a layer whose outputs are known.

import { array } from "isoloss";
import { decodeModel, encodeModel } from "isoloss/onnx";
import { modelError } from "isoloss-onnx";
import { Builder, smallNetwork } from "isoloss-test-support/model-file/builder";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../src/import/from-onnx.js";
import { withParams } from "../src/model-file/edit/with-params.js";

const b = new Builder();
const layer = b.bytes(["batch", 2], b.product("x", 2, 2, { bias: false }));
const [name] = Object.keys(fromOnnx(layer).params);
const of = (rows: number[][]) => withParams(layer, { [name]: array(rows) });

describe("the error of a model", () => {
  it("is that of its outputs, by hand", async () => {
    const [before, after] = [
      of([
        [1, 0],
        [0, 1],
      ]),
      of([
        [1, 0],
        [0, 0.5],
      ]),
    ];
    // Outputs [2, 1], [1, 3] and [2, .5], [1, 1.5]: squares 15, errors .25 + 2.25; the second row's largest stays.
    const inputs = [
      {
        x: array([
          [2, 1],
          [1, 3],
        ]),
      },
    ];
    const { sqnr, agreement, largest } = await modelError(before, after, { inputs });
    expect(sqnr).toBeCloseTo(10 * Math.log10(15 / 2.5), 5);
    expect(agreement).toBe(1);
    expect(largest).toBeCloseTo(0.5, 6);
    const swapped = of([
      [0, 1],
      [1, 0],
    ]);
    expect((await modelError(before, swapped, { inputs })).agreement).toBe(0);
  });

  it("is none of a file by itself, on random inputs of the sizes that are given", async () => {
    const same = await modelError(smallNetwork(), smallNetwork(), {
      sizes: { height: 8, width: 9 },
      examples: 2,
    });
    expect(same).toMatchObject({ sqnr: Infinity, agreement: 1, largest: 0 });
  });

  it("is refused for inputs that do not fit", async () => {
    await expect(modelError(layer, layer, { inputs: [{ y: array([[1, 2]]) }] })).rejects.toThrow(
      '"x" is missing',
    );
    await expect(modelError(layer, layer, { inputs: [] })).rejects.toThrow("inputs");
    await expect(modelError(layer, layer, { inputs: [{ x: [1, 2] }] as never })).rejects.toThrow(
      "inputs must be a list of batches",
    );
    await expect(modelError(layer, layer, { inputs: [{ x: array([]) }] })).rejects.toThrow(
      "must have examples",
    );
    await expect(modelError(layer, layer, { sizes: { depth: 2 } })).rejects.toThrow('sizes has "depth"');
  });

  it("is refused where the model before gives no finite numbers for examples", async () => {
    const huge = of([
      [1e38, 0],
      [0, 1],
    ]);
    await expect(modelError(huge, layer, { inputs: [{ x: array([[100, 1]]) }] })).rejects.toThrow(
      'modelError: the model itself gives Infinity in its output "y" for one of the examples',
    );
  });

  it("is refused for a model of other outputs", async () => {
    const { graph, ...model } = decodeModel(layer);
    const renamed = (name: string) => (name === "y" ? "z" : name);
    const other = encodeModel({
      ...model,
      graph: {
        ...graph,
        nodes: graph.nodes.map((node) => ({ ...node, outputs: node.outputs.map(renamed) })),
        outputs: graph.outputs.map((output) => ({ ...output, name: renamed(output.name) })),
      },
    });
    await expect(modelError(layer, other)).rejects.toThrow(
      'modelError: the other model has no output "y"; it has z.',
    );
    const wide = b.bytes(["batch", 2], b.product("x", 2, 3, { bias: false }));
    await expect(modelError(layer, wide)).rejects.toThrow(
      'modelError: the output "y" has the shapes [4, 2] and [4, 3].',
    );
  });
});
