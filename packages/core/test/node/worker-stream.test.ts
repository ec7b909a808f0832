import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import { workerStream } from "../../src/data/streams/worker-stream.js";

let folder: string;
let address: URL;

// Parts of two examples that tell the seed, the epoch and how often the module was loaded.
const module = `
const part = (values) => ({ x: { shape: [values.length], data: Float32Array.from(values) } });
const opened = [];
export default {
  length: 6,
  async *batches(seed, epoch) {
    opened.push(epoch);
    for (let i = 0; i < 3; i++) yield part([seed * 100 + epoch, opened.length]);
  },
};
export const make = async () => ({ async *batches() { yield part([7]); throw new Error("the disk is full"); } });
export const other = 3;
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "isoloss-worker-"));
  await writeFile(join(folder, "data.mjs"), module);
  address = pathToFileURL(join(folder, "data.mjs"));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(parts: AsyncIterable<{ x: NdArray }>): Promise<number[]> {
  const values: number[] = [];
  for await (const { x } of parts) values.push(...Array.from(x.data, Number));
  return values;
}

it("reads the parts of a module's stream in one thread, several readings at once", async () => {
  const stream = workerStream<{ x: NdArray }>(address, { length: 6, ahead: 1 });
  expect(stream.length).toBe(6);
  expect(await read(stream.batches(1, 2))).toEqual([102, 1, 102, 1, 102, 1]);
  const first = stream.batches(3, 0)[Symbol.asyncIterator]();
  expect((await first.next()).value.x.data).toEqual(Float32Array.of(300, 2));
  expect(await read(stream.batches(4, 1))).toEqual([401, 3, 401, 3, 401, 3]);
  await first.return?.();
  await stream.dispose();
  // Another thread.
  expect((await read(stream.batches(1, 0))).slice(0, 2)).toEqual([100, 1]);
  await stream.dispose();
});

it("tells why a module or its stream fails", async () => {
  const failing = workerStream<{ x: NdArray }>(address, { export: "make" });
  await expect(read(failing.batches(0, 0))).rejects.toThrow("failed: the disk is full");
  const none = workerStream<{ x: NdArray }>(address, { export: "other" });
  await expect(read(none.batches(0, 0))).rejects.toThrow("it is no stream");
  const missing = workerStream<{ x: NdArray }>(new URL("missing.mjs", address));
  await expect(read(missing.batches(0, 0))).rejects.toThrow("missing.mjs");
  for (const stream of [failing, none, missing]) await stream.dispose();
  expect(() => workerStream("data.mjs")).toThrow("takes the address of a module");
  expect(() => workerStream(address, { ahead: 0 })).toThrow("ahead must be an integer >= 1");
});
