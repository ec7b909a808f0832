// Files that are moved to where quantization makes least noise.
import { expect, it } from "vitest";
import { sizeOf } from "../../../src/array.js";
import { createRng } from "../../../src/math/rng.js";
import { decodeModel } from "../../../src/runtime/onnx/codec.js";
import { compareModels, equalizeForQuantization, withParams } from "../../../src/runtime/onnx/index.js";
import { mobileNetV2 } from "../../model-file/mobilenet.js";
import { randomFile } from "../../model-file/random-file.js";

function images(count: number, shape: readonly number[], seed = 0) {
  const rng = createRng(seed);
  return Array.from({ length: count }, () => ({
    x: { shape, data: Float32Array.from({ length: sizeOf(shape) }, () => rng.normal()) },
  }));
}

it.each([0, 1, 2, 5, 7])(
  "random file %i keeps its function to rounding where bounds are kept",
  async (seed) => {
    const before = randomFile(seed);
    for (const bounds of ["lifted", "exact"] as const) {
      const { bytes, prepared, candidates, kept } = await equalizeForQuantization(
        before,
        images(3, [4, 4, 8, 8]),
        {
          bounds,
          runtime: "javascript",
        },
      );
      expect((await compareModels(before, bytes, { sizes: { height: 8, width: 8 } })).largest).toBeLessThan(
        1e-4,
      );
      const own = candidates.find(({ name }) => name === kept);
      expect(withParams(prepared, own?.params ?? {})).toEqual(bytes);
    }
  },
);

it("a small MobileNetV2 quantizes better with Clips of the same bounds, and its nodes stay", async () => {
  const before = mobileNetV2({ width: 0.1 });
  const { bytes, prepared, candidates, kept, clips, layers, left, unprepared } =
    await equalizeForQuantization(before, images(3, [4, 3, 32, 32]), {
      heldOut: images(8, [4, 3, 32, 32], 1),
    });
  expect({ clips, layers: layers.length, left, unprepared }).toEqual({
    clips: 35,
    layers: 53,
    left: [],
    unprepared: [],
  });
  const measured = (name: string) =>
    candidates.find((candidate) => candidate.name === name)?.measured as number;
  expect(kept).not.toBe("as it is");
  expect(measured(kept)).toBeGreaterThan(measured("as it is"));
  const nodesOf = (file: Uint8Array) => decodeModel(file).graph.nodes;
  expect(nodesOf(bytes)).toEqual(nodesOf(prepared));
  expect(nodesOf(bytes).filter(({ opType }) => opType === "Clip")).toHaveLength(35);
}, 60_000);

it("refuses batches that do not fit the model, and unknown bounds", async () => {
  const bytes = randomFile(1);
  const call = (batches: unknown, options = {}) => equalizeForQuantization(bytes, batches as never, options);
  await expect(call(images(2, [1, 4, 8, 8]), { bounds: "relu" })).rejects.toThrow(
    'bounds must be expected, lifted or exact; got "relu"',
  );
  await expect(call([{ image: images(1, [1, 4, 8, 8])[0]?.x }])).rejects.toThrow(
    'an array for the model\'s input "x"; it has image',
  );
  await expect(call(images(1, [1, 4, 8, 8])[0])).rejects.toThrow("takes a list of batches");
  await expect(call(images(2, [1, 4, 8, 8]), { clips: "exact" })).rejects.toThrow('no option "clips"');
});
