import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encode } from "fast-png";
import type { ImportedInput } from "isoloss/onnx";
import { afterAll, expect, it } from "vitest";
import { readLabeled } from "../../src/model/labeled-data.js";

const path = mkdtempSync(join(tmpdir(), "isoloss-labeled-"));
afterAll(() => rmSync(path, { recursive: true }));
for (const [k, name] of ["cat", "dog", "fox"].entries()) {
  mkdirSync(join(path, name));
  const data = new Uint8Array(4).fill(k);
  for (const i of [0, 1, 2])
    writeFileSync(join(path, name, `${i}.png`), encode({ width: 2, height: 2, data, channels: 1 }));
}
const input = { name: "x", dtype: "float32", shape: ["N", 1, 2, 2] } as ImportedInput;

it("reads at most so many images of folders of classes, as many of each", async () => {
  const read = async (limit: number) => {
    const { data } = await readLabeled(input, { path, limit }, {});
    return Array.from((data.labels as { data: BigInt64Array }).data, Number);
  };
  expect(await read(3)).toEqual([0, 1, 2]);
  expect(await read(5)).toEqual([0, 1, 2]);
  expect(await read(7)).toEqual([0, 0, 1, 1, 2, 2]);
  await expect(read(2)).rejects.toThrow(/--limit 2 is fewer than the 3 classes/);
});
