import { DataError, type NdArray, OptionError } from "isoloss";
import { int, type OnnxValueInfo } from "isoloss/internal";
import { encodeModel } from "isoloss/onnx";
import { float32, int64, node, tensorOf } from "isoloss-test-support/nn/onnx/support";
import { describe, expect, it } from "vitest";
import { fromOnnx } from "../../src/import/from-onnx.js";
import { compareModels } from "../../src/model-file/compare/compare-models.js";

interface Change {
  readonly w?: readonly number[];
  readonly inputs?: readonly OnnxValueInfo[];
  readonly output?: string;
}

/** y = x w for x [batch, 2]. */
const linear = ({ w = [1, 2], inputs, output = "y" }: Change = {}) =>
  encodeModel({
    irVersion: 8,
    opsets: [{ domain: "", version: 18 }],
    producer: "test",
    metadata: {},
    graph: {
      name: "linear",
      inputs: inputs ?? [{ name: "x", dtype: "float32", shape: ["batch", 2] }],
      outputs: [{ name: output }],
      initializers: [tensorOf("w", float32(w, [2, 1]))],
      nodes: [node("MatMul", ["x", "w"], {}, [output])],
    },
  });

describe("the comparison of two files", () => {
  it("is the largest difference relative to the largest value of the first", async () => {
    // By hand: outputs 1, 4 and 4; the second file gives 2, 4 and 6.
    const x = float32([1, 0, 0, 2, 2, 1], [3, 2]);
    const comparison = await compareModels(linear(), linear({ w: [2, 2] }), { inputs: { x } });
    expect(comparison.outputs).toEqual([
      { name: "y", shape: [3, 1], absolute: 2, relative: 0.5, numbers: 3, nan: 0 },
    ]);
    expect(comparison.largest).toBe(0.5);
  });

  it("is zero for the same function, on the batch size that the caller wants", async () => {
    const { outputs, largest } = await compareModels(linear(), linear(), { examples: 7 });
    expect([outputs[0].shape, largest]).toEqual([[7, 1], 0]);
    const sized = await compareModels(linear(), linear(), { sizes: { batch: 3 } });
    expect(sized.outputs[0].shape).toEqual([3, 1]);
  });

  it("depends on the seed alone", async () => {
    const other = linear({ w: [1.5, 2] });
    const at = async (seed: number) => (await compareModels(linear(), other, { seed })).largest;
    expect(await at(1)).toBe(await at(1));
    expect(await at(1)).not.toBe(await at(2));
  });

  it("is the same in both runtimes", async () => {
    const other = linear({ w: [1.5, 2] });
    const js = await compareModels(linear(), other, { runtime: "javascript" });
    const onnx = await compareModels(linear(), other, { runtime: "onnx" });
    expect(onnx.largest).toBeCloseTo(js.largest, 5);
  });

  it("is infinite where only one of them is no number, and NaN where both have no finite one", async () => {
    const largest = async (x: NdArray, second: Uint8Array) =>
      (await compareModels(linear(), second, { inputs: { x } })).largest;
    const endless = float32([Infinity, 1], [1, 2]);
    expect(await largest(endless, linear({ w: [-1, 2] }))).toBe(Infinity);
    expect(await largest(endless, linear())).toBeNaN();
    expect(await largest(float32([Infinity, 1, 1, 1], [2, 2]), linear())).toBe(0);
  });

  it("takes a list of batches, and measures over all of them", async () => {
    // By hand: 1 and 3 in the first run, 8 and 16 in the second.
    const inputs = [
      [1, 0],
      [4, 2],
    ].map((values) => ({ x: float32(values, [1, 2]) }));
    const { outputs } = await compareModels(linear(), linear({ w: [3, 2] }), { inputs });
    expect(outputs).toEqual([{ name: "y", shape: [1, 1], absolute: 8, relative: 1, numbers: 2, nan: 0 }]);
    const uneven = [...inputs, { x: float32([0, 0, 8, 4], [2, 2]) }];
    const wider = await compareModels(linear(), linear({ w: [3, 2] }), { inputs: uneven });
    expect(wider.outputs[0]).toMatchObject({ absolute: 16, relative: 1 });
    await expect(compareModels(linear(), linear(), { inputs: [] })).rejects.toThrow(
      /an object of arrays by the name/,
    );
  });

  it("runs models of fixed shapes several times, with integers as inputs, too", async () => {
    const fixed = (factor: number) =>
      encodeModel({
        irVersion: 8,
        opsets: [{ domain: "", version: 18 }],
        producer: "test",
        metadata: {},
        graph: {
          name: "gather",
          inputs: [{ name: "i", dtype: "int64", shape: [3] }],
          outputs: [{ name: "y" }],
          initializers: [
            tensorOf("table", float32([1, factor, 1, 1], [2, 2])),
            tensorOf("one", int64([1], [])),
          ],
          nodes: [node("Gather", ["table", "i"])],
        },
      });
    const { outputs } = await compareModels(fixed(1), fixed(2));
    expect(outputs[0]).toEqual({ name: "y", shape: [3, 2], absolute: 1, relative: 1, numbers: 24, nan: 0 });
  });

  it("reads the rows of a table that tokens number, also behind a Cast and through stored integers", async () => {
    const embedding = (changed?: number) =>
      encodeModel({
        irVersion: 8,
        opsets: [{ domain: "", version: 18 }],
        producer: "test",
        metadata: {},
        graph: {
          name: "embedding",
          inputs: [
            { name: "ids", dtype: "int64", shape: ["batch", 6] },
            { name: "kind", dtype: "int64", shape: ["batch", 6] },
          ],
          outputs: [{ name: "y" }],
          initializers: [
            tensorOf(
              "table",
              float32(
                Array.from({ length: 24 }, (_, row) => (row === changed ? 9 : row % 5)),
                [24, 1],
              ),
            ),
            tensorOf("axes", int64([2], [1])),
          ],
          nodes: [
            node("Cast", ["ids"], { to: int(6) }, ["narrow"]),
            node("Cast", ["narrow"], { to: int(7) }, ["wide"]),
            node("Identity", ["table"], {}, ["stored"]),
            node("Gather", ["stored", "wide"], {}, ["rows"]),
            node("Cast", ["kind"], { to: int(1) }, ["factor"]),
            node("Unsqueeze", ["factor", "axes"], {}, ["column"]),
            node("Mul", ["rows", "column"], {}, ["products"]),
            node("Add", ["products", "rows"], {}, ["y"]),
          ],
        },
      });
    const { inputs } = fromOnnx(embedding());
    expect(inputs.map(({ tableRows }) => tableRows)).toEqual([24, undefined]);
    // 24 tokens reach 24 rows.
    for (const row of [0, 7, 23]) {
      const { largest } = await compareModels(embedding(), embedding(row));
      expect(largest).toBeGreaterThan(0.1);
    }
  });

  it("takes names with colons, and says which sizes to give where its guess does not run", async () => {
    const pooled = (size: number) =>
      encodeModel({
        irVersion: 8,
        opsets: [{ domain: "", version: 18 }],
        producer: "test",
        metadata: {},
        graph: {
          name: "conv",
          inputs: [{ name: "input:0", dtype: "float32", shape: ["batch", 1, "height", 40] }],
          outputs: [{ name: "output:0" }],
          initializers: [tensorOf("w", float32(Array(size * size).fill(1), [1, 1, size, size]))],
          nodes: [node("Conv", ["input:0", "w"], {}, ["output:0"])],
        },
      });
    const { outputs } = await compareModels(pooled(3), pooled(3), { runtime: "onnx", examples: 2 });
    expect(outputs).toEqual([
      { name: "output:0", shape: [2, 1, 30, 38], absolute: 0, relative: 0, numbers: 2280, nan: 0 },
    ]);
    await expect(compareModels(pooled(33), pooled(33))).rejects.toThrow(
      'does not run with 32 as the size of height, which the file leaves open; give sizes: { "height": ... }',
    );
    const taller = await compareModels(pooled(33), pooled(33), { sizes: { height: 33 } });
    expect(taller.outputs[0].shape).toEqual([4, 1, 1, 8]);
  });

  it("refuses what does not fit, with what it expected", async () => {
    const message = (b: Uint8Array, options = {}) =>
      compareModels(linear(), b, options).then(
        () => "none",
        (error) => [error.name, error.message],
      );
    const renamed = linear({ inputs: [{ name: "image", dtype: "float32", shape: ["batch", 2] }] });
    await expect(compareModels(renamed, linear())).rejects.toThrow(DataError);
    expect(await message(linear({ output: "z" }))).toEqual([
      "DataError",
      'compareModels: the second model has no output "y"; it has z.',
    ]);
    expect(await message(linear(), { sizes: { height: 3 } })).toEqual([
      "OptionError",
      'compareModels: sizes has "height"; the model\'s open axes are x[0], batch.',
    ]);
    expect(await message(linear(), { inputs: { z: float32([1]) } })).toEqual([
      "OptionError",
      'compareModels: the model has no input "z"; it has x.',
    ]);
    await expect(compareModels(linear(), linear(), { examples: 0 })).rejects.toThrow(OptionError);
  });
});
