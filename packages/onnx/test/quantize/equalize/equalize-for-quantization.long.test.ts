// More files that are moved to where quantization makes least noise.

import { decodeModel } from "isoloss/onnx";
import { equalizeForQuantization } from "isoloss-onnx";
import { expect, it } from "vitest";
import { mobileNetV2 } from "../../model-file/mobilenet.js";
import { images, keepsItsFunction } from "./files.js";

it.each([0, 1, 2, 7])(
  "random file %i keeps its function to rounding where bounds are kept",
  keepsItsFunction,
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
});
