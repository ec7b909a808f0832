import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { loadIdxDataset } from "../../src/node/datasets.js";
import { fashionMnist } from "../../src/node/idx-sources.js";

const DEBIAN = "/usr/share/datasets/fashion-mnist";

/** A published file from Debian's, which lacks the name and time of the gzip header (RFC 1952, section 2.3). */
async function published(name: string): Promise<Uint8Array> {
  const bytes = await readFile(join(DEBIAN, `${name}.gz`));
  const header = Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]);
  header.writeUInt32LE(name.startsWith("train") ? 1504176606 : 1504176627, 4);
  return Buffer.concat([header, Buffer.from(`${name}\0`), bytes.subarray(10)]);
}

describe.skipIf(!existsSync(DEBIAN))("loadIdxDataset with Debian's dataset-fashion-mnist", () => {
  it("finds it, with the counts and the mean pixel published for it", async () => {
    const { train, test, classes } = await loadIdxDataset("fashion-mnist");
    expect([train.images.shape, train.labels.shape]).toEqual([[60000, 784], [60000]]);
    expect([test.images.shape, test.labels.shape]).toEqual([[10000, 784], [10000]]);
    expect(classes).toBe(10);
    const counts = new Array(10).fill(0);
    for (const label of train.labels.data) counts[Number(label)]++;
    expect(counts).toEqual(new Array(10).fill(6000));
    // Normalization constant in common use: mean 0.2860 over the training images.
    expect(train.images.data.reduce((a, b) => a + b, 0) / train.images.data.length).toBeCloseTo(0.286, 4);
  });

  it("accepts the published files by their checksums", async () => {
    const names = Object.values(fashionMnist.files).map((f) => f.name);
    const files: Record<string, Uint8Array> = {};
    for (const name of names) files[`${name}.gz`] = await published(name);
    const directory = await mkdtemp(join(tmpdir(), "isoloss-fashion-"));
    const server = createServer(({ url = "" }, response) => response.end(files[url.slice(1)]));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    const { test } = await loadIdxDataset("fashion-mnist", { directory, download: true, baseUrl });
    expect(test.images.shape).toEqual([10000, 784]);
    expect((await readdir(directory)).length).toBe(4);
    server.close();
    await rm(directory, { recursive: true });
  });
});
