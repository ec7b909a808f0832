import { type NdArray, sizeOf } from "isoloss";
import { encodeNpy } from "isoloss/data";
import type { ImportedInput } from "isoloss/onnx";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ownInputs } from "../../src/screens/model/own-inputs.js";

const input = (name: string, shape: readonly (number | string)[]): ImportedInput => ({
  name,
  dtype: "float32",
  shape,
});
const npy = (name: string, shape: readonly number[]) => {
  const array: NdArray = { shape, data: Float32Array.from({ length: sizeOf(shape) }, (_, i) => i) };
  return new File([encodeNpy(array) as Uint8Array<ArrayBuffer>], name);
};

describe("inputs of the user's own", () => {
  afterEach(() => vi.unstubAllGlobals());

  it("fill batches of more than 64 examples where the model takes so many at once", async () => {
    const rows = async (shape: readonly (number | string)[], given: number) =>
      (await ownInputs([npy("own.npy", [given, 2])], [input("x", shape)], {})).map(({ x }) => x.shape[0]);
    expect(await rows([65, 2], 140)).toEqual([65]);
    expect(await rows([30, 2], 100)).toEqual([30, 30]);
    expect(await rows(["batch", 2], 100)).toEqual([64]);
    await expect(rows([65, 2], 64)).rejects.toThrow("takes 65 examples at once, and there are 64");
  });

  it("are as many images as the model takes at once", async () => {
    vi.stubGlobal("createImageBitmap", async () => ({ close() {} }));
    vi.stubGlobal(
      "OffscreenCanvas",
      class {
        getContext = () => ({
          drawImage() {},
          getImageData: () => ({ data: Uint8Array.of(255, 0, 0, 255) }),
        });
      },
    );
    const images = Array.from({ length: 70 }, (_, k) => new File([], `${k}.png`));
    const [{ x }] = await ownInputs(images, [input("x", [70, 3, 1, 1])], {});
    expect(x.shape).toEqual([70, 3, 1, 1]);
  });

  it("are refused where one of several is missing: no random numbers take its place", async () => {
    const inputs = [input("x", ["batch", 2]), input("mask", ["batch"])];
    await expect(ownInputs([npy("x.npy", [3, 2])], inputs, {})).rejects.toThrow(
      "choose x.npy, mask.npy together",
    );
    const [both] = await ownInputs([npy("x.npy", [3, 2]), npy("mask.npy", [3])], inputs, {});
    expect(Object.keys(both)).toEqual(["x", "mask"]);
  });

  it("are one batch where their rows do not belong together", async () => {
    const inputs = [input("x", ["batch", 2]), input("state", [2, "batch", 1]), input("rate", [])];
    const files = [npy("x.npy", [3, 2]), npy("state.npy", [2, 3, 1]), npy("rate.npy", [])];
    const [{ x, state, rate }] = await ownInputs(files, inputs, {});
    expect([x, state, rate].map(({ shape }) => shape)).toEqual([[3, 2], [2, 3, 1], []]);
  });
});
