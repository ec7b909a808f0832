import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { array, type NdArray, ndarray } from "../../src/array.js";
import { crc32 } from "../../src/data/crc32.js";
import type { Dataset } from "../../src/data/dataset.js";
import { encodeNpy } from "../../src/data/npy.js";
import { collected } from "../../src/data/streams/collected.js";
import { shuffled } from "../../src/data/streams/shuffled.js";
import { DataError } from "../../src/errors.js";
import { loadArrays } from "../../src/node/array-files.js";
import { openArrays } from "../../src/node/array-streams.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "isoloss-arrays-"));
});
afterAll(() => rm(folder, { recursive: true }));

/** A ZIP archive, stored or deflated. */
function zip(files: Readonly<Record<string, Uint8Array>>, isDeflated: boolean): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const [name, bytes] of Object.entries(files)) {
    const content = isDeflated ? deflateRawSync(bytes) : Buffer.from(bytes);
    const common = Buffer.alloc(26);
    common.writeUInt16LE(isDeflated ? 8 : 0, 4);
    common.writeUInt32LE(crc32(bytes), 10);
    common.writeUInt32LE(content.length, 14);
    common.writeUInt32LE(bytes.length, 18);
    common.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, Buffer.from(name), content]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(at, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02\0\0"), common, place, Buffer.from(name)]));
    parts.push(local);
    at += local.length;
  }
  const end = Buffer.alloc(18);
  end.writeUInt16LE(directory.length, 6);
  end.writeUInt32LE(Buffer.concat(directory).length, 8);
  end.writeUInt32LE(at, 12);
  return Buffer.concat([...parts, ...directory, Buffer.from("PK\x05\x06"), end]);
}

// 5000 examples of 100 numbers, in parts of some hundreds; labels as bytes.
const n = 5000;
const inputs = ndarray(
  Float32Array.from({ length: 100 * n }, (_, i) => Math.sin(i)),
  [n, 10, 10],
);
const labels = array(Array.from({ length: n }, (_, i) => i % 10), "int64"); // biome-ignore format: a row
const header = Buffer.from(`${"{'descr': '|u1', 'fortran_order': False, 'shape': (5000,), }".padEnd(117)}\n`);
const bytes = Buffer.concat([
  Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]),
  header,
  Uint8Array.from({ length: n }, (_, i) => i % 10),
]);
const files = { "inputs.npy": encodeNpy(inputs), "labels.npy": bytes };

/** Whole arrays at once: an assertion for each of a million numbers takes seconds. */
function expectSame(found: Dataset, expected: Dataset): void {
  for (const name of ["inputs", "labels"] as const) {
    const [a, b] = [found[name], expected[name]];
    expect([a.shape, a.data.constructor]).toEqual([b.shape, b.data.constructor]);
    expect(bytesOf(a).equals(bytesOf(b))).toBe(true);
  }
}

const bytesOf = ({ data }: NdArray) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);

async function write(name: string, content: Uint8Array): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe("openArrays", () => {
  it.each([
    ["stored", false],
    ["deflated", true],
  ])(
    "reads a %s archive part by part, as loadArrays reads it at once, in every epoch",
    async (name, isDeflated) => {
      const path = await write(`${name}.npz`, zip(files, isDeflated));
      const stream = await openArrays(path);
      expect(stream.length).toBe(n);
      const sizes: number[] = [];
      for await (const part of stream.batches(0, 0)) sizes.push(part.inputs.shape[0]);
      expect(sizes.length).toBeGreaterThan(1);
      expect(Math.max(...sizes)).toBeLessThanOrEqual(1024);
      for (let epoch = 0; epoch < 2; epoch++) {
        const all = await collected(stream);
        expectSame(all, await loadArrays(path));
        expectSame(all, { inputs, labels });
      }
      const mixed = await collected(shuffled(stream, { buffer: 700 }));
      expect(bytesOf(mixed.labels).equals(bytesOf(labels))).toBe(false);
      const sorted = ({ data }: NdArray) => String((data as BigInt64Array).slice().sort());
      expect(sorted(mixed.labels)).toBe(sorted(labels));
    },
  );

  it("reads two files, also of numbers in the other byte order", async () => {
    const path = await write("x.npy", files["inputs.npy"]);
    const labelFile = await write("y.npy", bytes);
    expectSame(await collected(await openArrays(path, { labelFile })), { inputs, labels });
    const big = Buffer.from(encodeNpy(array([1.5, -2, 3], "float64")));
    const swapped = Buffer.concat([
      Buffer.from(big.subarray(0, 128).toString("latin1").replace("<f8", ">f8"), "latin1"),
      Buffer.from(big.subarray(128)).swap64(),
    ]);
    const other = await write("big.npy", swapped);
    const { inputs: read } = await collected(await openArrays(other, { labelFile: other }));
    expect(read).toEqual(array([1.5, -2, 3], "float64"));
  });

  it("does not go on reading where it is left", async () => {
    const stream = await openArrays(join(folder, "deflated.npz"));
    for await (const part of stream.batches(0, 0)) {
      expect(part.labels.data[1]).toBe(1n);
      break;
    }
  });

  const npy = (changed: (bytes: Buffer) => Uint8Array) => changed(Buffer.from(files["inputs.npy"]));
  it.each<[string, () => Uint8Array, RegExp]>([
    [
      "short.npy",
      () => npy((b) => b.subarray(0, 5000)),
      /short\.npy: .*needs 2000000 bytes; got 4872\. The file is truncated/,
    ],
    ["none.npy", () => Buffer.from("no array"), /none\.npy: An \.npy file starts with/],
    ["scalar.npy", () => encodeNpy(array(3)), /no examples along its first axis/],
    [
      "fortran.npy",
      () => npy((b) => Buffer.from(b.toString("latin1").replace("False", " True"), "latin1")),
      /in Fortran order.*np\.ascontiguousarray/,
    ],
    ["few.npy", () => encodeNpy(array([1, 2])), /has 2 inputs, but there are 5000 labels/],
    ["x.safetensors", () => Buffer.alloc(8), /must be a file \.npy or \.npz; loadArrays reads/],
    ["no.npz", () => Buffer.alloc(500), /Cannot read .*no\.npz: No directory at the end/],
  ])("tells what is wrong with %s", async (name, content, message) => {
    const path = await write(name, content());
    const opening = openArrays(path, { labelFile: join(folder, "y.npy") });
    await expect(opening).rejects.toThrow(DataError);
    await expect(openArrays(path, { labelFile: join(folder, "y.npy") })).rejects.toThrow(message);
  });

  it("tells missing files and arrays, and damage that only reading shows", async () => {
    await expect(openArrays(join(folder, "nowhere.npy"))).rejects.toThrow(
      /Cannot read .*nowhere\.npy: no such file/,
    );
    await expect(openArrays(join(folder, "stored.npz"), { inputs: "x" })).rejects.toThrow(
      'no array "x"; it has inputs, labels',
    );
    const damaged = await readFile(join(folder, "stored.npz"));
    damaged[1_000_000] ^= 1;
    const stream = await openArrays(await write("damaged.npz", damaged));
    await expect(collected(stream)).rejects.toThrow(
      /damaged\.npz.*"inputs\.npy" in the zip archive does not have the size and checksum/,
    );
    const cut = await openArrays(await write("cut.npy", files["inputs.npy"]), {
      labelFile: join(folder, "y.npy"),
    });
    await write("cut.npy", files["inputs.npy"].subarray(0, 100_000));
    await expect(collected(cut)).rejects.toThrow(/cut\.npy: The file ended 1900128 bytes too soon/);
  });
});
