import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { type NdArray, OptionError, sizeOf } from "isoloss";
import { encodeNpy } from "isoloss/data";
import type { ImportedInput } from "isoloss/onnx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { deflated } from "../../../core/test/data/npz-files.js";
import { readBatches } from "../../src/model/batches.js";

let folder: string;

/** An array whose elements are their own numbers. */
const counted = (...shape: number[]): NdArray => ({
  shape,
  data: Float64Array.from({ length: sizeOf(shape) }, (_, i) => i),
});

const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "isoloss-batches-"));
  for (const n of [0, 7, 70]) writeFileSync(at(`${n}.npy`), encodeNpy(counted(n, 2)));
  writeFileSync(at("named.npz"), deflated());
  writeFileSync(
    at("image.png"),
    encode({ width: 4, height: 2, channels: 1, data: new Uint8Array(8).fill(51) }),
  );
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

const input = (shape: ImportedInput["shape"], name = "x"): ImportedInput => ({
  name,
  dtype: "float32",
  shape,
});

describe("readBatches", () => {
  it("gives batches of the size that the file fixes, without a rest, in the type of the input", async () => {
    const batches = await readBatches([input([3, 2])], { path: at("7.npy") });
    expect(batches).toEqual([
      { x: { shape: [3, 2], data: Float32Array.from([0, 1, 2, 3, 4, 5]) } },
      { x: { shape: [3, 2], data: Float32Array.from([6, 7, 8, 9, 10, 11]) } },
    ]);
  });

  it("gives batches of up to 32 examples where the file leaves their number open", async () => {
    const shapes = async (name: string, limit?: number) =>
      (await readBatches([input(["batch", 2])], { path: at(name), limit })).map(({ x }) => x.shape[0]);
    expect(await shapes("7.npy")).toEqual([7]);
    expect(await shapes("70.npy")).toEqual([23, 23, 23]);
    expect(await shapes("70.npy", 40)).toEqual([20, 20]);
  });

  it("gives arrays by name, and images in the size and channels of the input", async () => {
    // np.savez(f, w=[2, 3], n=[2]) of two examples each.
    const inputs = [
      input(["batch", 3], "w"),
      { ...input(["batch"], "n"), dtype: "int64" as const },
      input([1], "other"),
    ];
    const [batch] = await readBatches(inputs, { path: at("named.npz") });
    expect(Object.entries(batch).map(([name, { shape }]) => [name, shape])).toEqual([
      ["w", [2, 3]],
      ["n", [2]],
    ]);
    const [{ x }] = await readBatches([input(["", 3, 6, 5])], { path: at("image.png") });
    expect(x.shape).toEqual([1, 3, 6, 5]);
    expect(new Set(Array.from<number | bigint, number>(x.data, Number))).toEqual(new Set([Math.fround(0.2)]));
  });

  it("says what does not fit", async () => {
    await expect(readBatches([input(["b", 2])], { path: at("0.npy") })).rejects.toThrow(
      /0\.npy has no examples/,
    );
    await expect(readBatches([input([9, 2])], { path: at("7.npy") })).rejects.toThrow(
      /has 7 examples; .* batches of 9/,
    );
    await expect(readBatches([input(["b", 5])], { path: at("7.npy") })).rejects.toThrow(
      /has the shape \[7, 2\]; the input "x" takes float32\[b, 5\]/,
    );
    const two = [input(["b", 2]), input(["b", 2], "mask")];
    await expect(readBatches(two, { path: at("7.npy") })).rejects.toThrow(OptionError);
    await expect(readBatches(two, { path: at("7.npy") })).rejects.toThrow(
      /np\.savez\("data\.npz", x=\.\.\., mask=/,
    );
    await expect(readBatches(two, { path: at("named.npz") })).rejects.toThrow(
      /the names of arrays must be one of x, mask; got "w"/,
    );
  });
});
