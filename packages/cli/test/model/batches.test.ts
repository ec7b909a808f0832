import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import { type NdArray, OptionError, sizeOf } from "isoloss";
import { encodeNpy } from "isoloss/data";
import type { ImportedInput } from "isoloss/onnx";
import { deflated, stateful } from "isoloss-test-support/data/npz-files";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
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
  writeFileSync(at("state.npz"), stateful());
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
  it("gives batches of the size that the file fixes, without a rest, of which it says so", async () => {
    const write = vi.spyOn(process.stderr, "write").mockReturnValue(true);
    const batches = await readBatches([input([3, 2])], { path: at("7.npy") });
    expect(batches).toEqual([
      { x: { shape: [3, 2], data: Float32Array.from([0, 1, 2, 3, 4, 5]) } },
      { x: { shape: [3, 2], data: Float32Array.from([6, 7, 8, 9, 10, 11]) } },
    ]);
    expect(write.mock.calls).toEqual([
      [`isoloss: ${at("7.npy")}: 1 of its 7 examples is left out: a batch has 3.\n`],
    ]);
    write.mockRestore();
  });

  it("refuses numbers of rows that the table of an input lacks, and names the example", async () => {
    const tokens: ImportedInput = { ...input(["batch", 2]), dtype: "int64", tableRows: 13 };
    await expect(readBatches([tokens], { path: at("7.npy") })).rejects.toThrow(
      `${at("7.npy")}: element 13 for "x", in its example 6, is 13; the model's table has the rows 0 to 12. Leave such examples out.`,
    );
    expect(await readBatches([{ ...tokens, tableRows: 14 }], { path: at("7.npy") })).toHaveLength(1);
  });

  it("gives batches of up to 32 examples where the file leaves their number open", async () => {
    const shapes = async (name: string, limit?: number) =>
      (await readBatches([input(["batch", 2])], { path: at(name), limit })).map(({ x }) => x.shape[0]);
    expect(await shapes("7.npy")).toEqual([7]);
    expect(await shapes("70.npy")).toEqual([23, 23, 24]);
    expect(await shapes("70.npy", 33)).toEqual([16, 17]);
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

  it("gives batches and images the sizes that are given for open axes", async () => {
    const open = [input(["batch", 2])];
    const batches = await readBatches(open, { path: at("7.npy") }, { batch: 3 });
    expect(batches.map(({ x }) => x.shape)).toEqual([
      [3, 2],
      [3, 2],
    ]);
    const image = [input([1, 1, "height", "width"])];
    const [{ x }] = await readBatches(image, { path: at("image.png") }, { height: 6, width: 5 });
    expect(x.shape).toEqual([1, 1, 6, 5]);
    await expect(readBatches(open, { path: at("7.npy") }, { btach: 3 })).rejects.toThrow(
      '--size: the open axis must be one of batch; got "btach"; did you mean "batch"?',
    );
    await expect(readBatches([input(["batch", "n"])], { path: at("7.npy") }, { n: 3 })).rejects.toThrow(
      /has the shape \[7, 2\]; the input "x" takes float32\[batch, 3\] with --size\. Sizes are those of the data/,
    );
  });

  it("gives one batch where an input has no examples along its first axis", async () => {
    const x = input(["batch", 2]);
    const [state, rate] = [input([2, "batch", 1], "state"), input([], "rate")];
    const source = { path: at("state.npz") };
    const batches = await readBatches([x, state, rate], source);
    expect(batches.map((batch) => Object.entries(batch).map(([name, { shape }]) => [name, shape]))).toEqual([
      [
        ["x", [3, 2]],
        ["state", [2, 3, 1]],
        ["rate", []],
      ],
    ]);
    // Two of three examples do not go with a state of three.
    await expect(readBatches([x, state, rate], { ...source, limit: 2 })).rejects.toThrow(
      /state\.npz: The model has one size batch; the data have 2 in "x" and 3 in "state"\./,
    );
    const open = { ...state, shape: ["layers", "batch", 1] };
    await expect(readBatches([x, open, { ...rate, shape: ["n"] }], source)).rejects.toThrow(
      /has the shape \[\]; the input "rate" takes/,
    );
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
