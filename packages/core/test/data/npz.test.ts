import { deflated, objects, stored } from "isoloss-test-support/data/npz-files";
import { describe, expect, it } from "vitest";
import { array } from "../../src/array.js";
import { encodeNpy } from "../../src/data/npy.js";
import { decodeNpz } from "../../src/data/npz.js";
import { readZip } from "../../src/data/zip.js";
import { DataError } from "../../src/errors.js";

/** An archive with something changed; `change` also gets where its directory starts. */
function damaged(archive: () => Uint8Array, change: (view: DataView, directory: number) => void): Uint8Array {
  const bytes = archive();
  const view = new DataView(bytes.buffer);
  change(view, view.getUint32(bytes.length - 6, true));
  return bytes;
}

describe("decodeNpz", () => {
  it.each([
    ["np.savez", stored],
    ["np.savez_compressed", deflated],
  ])("reads the arrays of %s by name", async (_, archive) => {
    expect(await decodeNpz(archive())).toEqual({
      w: { shape: [2, 3], data: Float32Array.from([0, 1, 2, 3, 4, 5]) },
      n: { shape: [2], data: BigInt64Array.from([1n, -2n]) },
    });
    const { n } = await decodeNpz(archive(), { dtype: "float64" });
    expect(n.data).toEqual(Float64Array.from([1, -2]));
  });

  it("names the file whose content is no array of numbers", async () => {
    await expect(decodeNpz(objects())).rejects.toThrow(/^o\.npy in the \.npz file: .*Python objects/);
  });

  it("tells damaged content by its checksum, and other formats", async () => {
    // The magic string of the first array, which its checksum then contradicts.
    const bytes = damaged(stored, (view) => view.setUint8(55, 0));
    await expect(decodeNpz(bytes)).rejects.toThrow(
      /"w\.npy" in the zip archive does not have the size and checksum/,
    );
    await expect(decodeNpz(encodeNpy(array([1])))).rejects.toThrow(/are no zip archive, or it is truncated/);
  });

  it.each<[RegExp, (view: DataView, directory: number) => void]>([
    [/is encrypted/, (view, at) => view.setUint16(at + 8, 1, true)],
    [/method 12; known are 0 \(stored\) and 8/, (view, at) => view.setUint16(at + 10, 12, true)],
    [/needs ZIP64/, (view, at) => view.setUint32(at + 24, 0xffffffff, true)],
    [/not where the directory says/, (view, at) => view.setUint32(at + 42, 5, true)],
    [/entry 0 of 2 is missing/, (view, at) => view.setUint32(at, 0, true)],
    [/is damaged or truncated/, (view) => view.setUint32(60, 0xffffffff, true)],
  ])("says %s", async (message, change) => {
    const reading = decodeNpz(damaged(deflated, change));
    await expect(reading).rejects.toThrow(DataError);
    await expect(decodeNpz(damaged(deflated, change))).rejects.toThrow(message);
  });

  it("reads sizes where ZIP64 keeps them, as in archives of more than 4 GB", async () => {
    // The directory of one file with an extra field of ZIP64: size, packed size and place; and ZIP64's records at the end.
    const bytes = stored();
    const view = new DataView(bytes.buffer);
    const at = view.getUint32(bytes.length - 6, true);
    const directory = bytes.slice(at, at + 46 + 5);
    const entry = new DataView(directory.buffer);
    const numbers = [24, 20, 42].map((field) => entry.getUint32(field, true));
    for (const field of [24, 20, 42]) entry.setUint32(field, 0xffffffff, true);
    entry.setUint16(30, 28, true);
    const extra = Buffer.alloc(28);
    extra.writeUInt16LE(1, 0);
    extra.writeUInt16LE(24, 2);
    for (const [i, number] of numbers.entries()) extra.writeBigUInt64LE(BigInt(number), 4 + 8 * i);
    const end64 = Buffer.alloc(56);
    end64.writeUInt32LE(0x06064b50);
    end64.writeBigUInt64LE(1n, 32);
    end64.writeBigUInt64LE(BigInt(at), 48);
    const locator = Buffer.alloc(20);
    locator.writeUInt32LE(0x07064b50);
    locator.writeBigUInt64LE(BigInt(at + directory.length + extra.length), 8);
    const end = Buffer.alloc(22, 0xff);
    end.writeUInt32LE(0x06054b50);
    end.writeUInt16LE(0, 20);
    const archive = Buffer.concat([bytes.subarray(0, at), directory, extra, end64, locator, end]);
    expect(Object.keys(await decodeNpz(archive))).toEqual(["w"]);
    expect((await decodeNpz(archive)).w.data).toEqual(Float32Array.from([0, 1, 2, 3, 4, 5]));
    archive.writeUInt32LE(0, at + directory.length + extra.length);
    await expect(decodeNpz(archive)).rejects.toThrow("at the end of the zip archive are damaged");
  });

  it("tells a truncated archive", async () => {
    const bytes = stored();
    await expect(decodeNpz(bytes.subarray(0, bytes.length - 30))).rejects.toThrow(/it is truncated/);
  });
});

describe("readZip", () => {
  it("reads an empty archive", async () => {
    const empty = Uint8Array.from([0x50, 0x4b, 5, 6, ...new Array(18).fill(0)]);
    expect(await readZip(empty)).toEqual([]);
  });
});
