import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { DataError, OptionError } from "../../src/errors.js";
import { hasIdxDataset, loadIdxDataset } from "../../src/node/datasets.js";
import type { IdxSource } from "../../src/node/idx-sources.js";

function idx(shape: number[], values: number[]): Uint8Array {
  const dims = shape.flatMap((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]);
  return Uint8Array.from([0, 0, 8, shape.length, ...dims, ...values]);
}

/** Three training images and one test image of 2 x 2, by hand. */
const contents: Record<string, Uint8Array> = {
  "train-images": idx([3, 2, 2], [0, 255, 51, 102, 153, 204, 1, 2, 3, 4, 5, 6]),
  "train-labels": idx([3], [0, 2, 1]),
  "test-images": idx([1, 2, 2], [255, 255, 0, 0]),
  "test-labels": idx([1], [2]),
};
const zipped = Object.fromEntries(Object.entries(contents).map(([name, b]) => [`${name}.gz`, gzipSync(b)]));

const file = (name: string) => ({
  name,
  sha256: createHash("sha256").update(zipped[`${name}.gz`]).digest("hex"),
});
const tiny: IdxSource = {
  name: "tiny",
  classes: 3,
  mirrors: [],
  files: {
    trainImages: file("train-images"),
    trainLabels: file("train-labels"),
    testImages: file("test-images"),
    testLabels: file("test-labels"),
  },
};
const loaded = {
  train: {
    images: {
      shape: [3, 4],
      data: Float32Array.from([0, 255, 51, 102, 153, 204, 1, 2, 3, 4, 5, 6], (x) => x / 255),
    },
    inputs: {
      shape: [3, 1, 2, 2],
      data: Float32Array.from([0, 255, 51, 102, 153, 204, 1, 2, 3, 4, 5, 6], (x) => x / 255),
    },
    labels: { shape: [3], data: BigInt64Array.from([0n, 2n, 1n]) },
  },
  test: {
    images: { shape: [1, 4], data: Float32Array.from([1, 1, 0, 0]) },
    inputs: { shape: [1, 1, 2, 2], data: Float32Array.from([1, 1, 0, 0]) },
    labels: { shape: [1], data: BigInt64Array.from([2n]) },
  },
  classes: 3,
};

let root: string;
let server: Server | undefined;
let requests: string[];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "isoloss-datasets-"));
  requests = [];
  vi.stubEnv("ISOLOSS_DATA", join(root, "data"));
  vi.stubEnv("XDG_CACHE_HOME", join(root, "cache"));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  server?.closeAllConnections();
  await new Promise((resolve) => (server ? server.close(resolve) : resolve(undefined)));
  server = undefined;
  await rm(root, { recursive: true });
});

/** Serves files by name on a free local port, and gives its address. */
async function serve(files: Record<string, Uint8Array>): Promise<string> {
  server = createServer((request, response) => {
    const name = request.url?.replace("/mirror/", "") ?? "";
    requests.push(name);
    const body = files[name];
    response.writeHead(body === undefined ? 404 : 200).end(body);
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mirror`;
}

/** The address of a local port on which nobody listens any more. */
async function closedAddress(): Promise<string> {
  const closing = createServer();
  await new Promise<void>((resolve) => closing.listen(0, "127.0.0.1", resolve));
  const { port } = closing.address() as AddressInfo;
  await new Promise((resolve) => closing.close(resolve));
  return `http://127.0.0.1:${port}`;
}

async function put(directory: string, files: Record<string, Uint8Array>): Promise<void> {
  await mkdir(directory, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(directory, name), bytes);
}

describe("loadIdxDataset", () => {
  it("reads plain and compressed files of a given folder, pixels divided by 255", async () => {
    await put(join(root, "plain"), contents);
    await put(join(root, "zipped"), zipped);
    expect(await loadIdxDataset(tiny, { directory: join(root, "plain") })).toEqual(loaded);
    expect(await loadIdxDataset(tiny, { directory: join(root, "zipped") })).toEqual(loaded);
    expect(await hasIdxDataset(tiny, { directory: join(root, "zipped") })).toBe(true);
    expect(await hasIdxDataset(tiny, { directory: join(root, "neither") })).toBe(false);
  });

  it("looks into $ISOLOSS_DATA first, then into the cache", async () => {
    await put(join(root, "cache", "isoloss", "tiny"), { ...contents, "test-labels": idx([1], [0]) });
    expect((await loadIdxDataset(tiny)).test.labels.data[0]).toBe(0n);
    await put(join(root, "data", "tiny"), contents);
    expect((await loadIdxDataset(tiny)).test.labels.data[0]).toBe(2n);
  });

  it("passes over a folder that has only some of the files", async () => {
    await put(join(root, "data", "tiny"), { "train-images": contents["train-images"] });
    await put(join(root, "cache", "isoloss", "tiny"), zipped);
    expect(await loadIdxDataset(tiny)).toEqual(loaded);
  });

  it("names the places looked at and the files each of them lacks", async () => {
    const { "train-labels": _, ...others } = contents;
    await put(join(root, "data", "tiny"), others);
    const error = await loadIdxDataset(tiny).catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(`${join(root, "data", "tiny")}: without train-labels\n`);
    expect(error.message).toContain("/usr/share/datasets/tiny: without train-images, train-labels");
    expect(error.message).toContain(join(root, "cache", "isoloss", "tiny"));
    expect(error.message).toContain("download: true");
  });

  it("looks nowhere else when a folder is given", async () => {
    await put(join(root, "data", "tiny"), contents);
    const error = await loadIdxDataset(tiny, { directory: join(root, "empty") }).catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).not.toContain(join(root, "data", "tiny"));
  });

  it("refuses an unknown name", async () => {
    await expect(loadIdxDataset("imagenet" as "mnist")).rejects.toThrow(OptionError);
    await expect(loadIdxDataset("imagenet" as "mnist")).rejects.toThrow("known are mnist, fashion-mnist");
  });

  it.each([
    [
      "a truncated file",
      { "train-images": contents["train-images"].subarray(0, 20) },
      /train-images: .*truncated/,
    ],
    [
      "a label out of range",
      { "train-labels": idx([3], [0, 3, 1]) },
      /train-labels: labels must be in 0\.\.2; got 3/,
    ],
    [
      "fewer labels than images",
      { "train-labels": idx([2], [0, 1]) },
      /shape \[3, 2, 2\], .*train-labels \[2\]/,
    ],
    ["labels that are a matrix", { "train-labels": idx([3, 1], [0, 1, 2]) }, /as many labels \[n\]/],
  ])("refuses %s, naming the file", async (_, replaced, message) => {
    await put(join(root, "bad"), { ...contents, ...replaced });
    const load = loadIdxDataset(tiny, { directory: join(root, "bad") });
    await expect(load).rejects.toThrow(DataError);
    await expect(load).rejects.toThrow(message);
  });
});

describe("loadIdxDataset with download", () => {
  const cache = () => join(root, "cache", "isoloss", "tiny");

  it("fetches the files into the cache, once", async () => {
    const baseUrl = await serve(zipped);
    expect(await loadIdxDataset(tiny, { download: true, baseUrl })).toEqual(loaded);
    expect((await readdir(cache())).sort()).toEqual(Object.keys(zipped).sort());
    expect(requests.length).toBe(4);
    expect(await loadIdxDataset(tiny, { download: true, baseUrl })).toEqual(loaded);
    expect(requests.length).toBe(4);
  });

  it("fetches into a given folder only what it lacks", async () => {
    const directory = join(root, "mine");
    await put(directory, { "train-images": contents["train-images"] });
    const baseUrl = `${await serve(zipped)}/`;
    expect(await loadIdxDataset(tiny, { directory, download: true, baseUrl })).toEqual(loaded);
    expect(requests).toEqual(["train-labels.gz", "test-images.gz", "test-labels.gz"]);
    expect(existsSync(cache())).toBe(false);
  });

  it("does not fetch unless asked to", async () => {
    const baseUrl = await serve(zipped);
    await expect(loadIdxDataset(tiny, { baseUrl })).rejects.toThrow(DataError);
    expect(requests).toEqual([]);
  });

  it("leaves nothing behind when a checksum is wrong, and says which was expected", async () => {
    const baseUrl = await serve({ ...zipped, "train-images.gz": gzipSync("something else") });
    const error = await loadIdxDataset(tiny, { download: true, baseUrl }).catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(`${baseUrl}/train-images.gz: SHA-256 of its`);
    expect(error.message).toContain(`expected ${tiny.files.trainImages.sha256}`);
    expect(existsSync(cache())).toBe(false);
  });

  it("keeps the verified files, and no part of a wrong one, when a later file is wrong", async () => {
    const baseUrl = await serve({ ...zipped, "test-images.gz": gzipSync("something else") });
    await expect(loadIdxDataset(tiny, { download: true, baseUrl })).rejects.toThrow(
      "Cannot download test-images.gz",
    );
    expect((await readdir(cache())).sort()).toEqual(["train-images.gz", "train-labels.gz"]);
  });

  it("finds out that its folder cannot be made before it asks for anything", async () => {
    const baseUrl = await serve(zipped);
    const file = join(root, "file");
    await writeFile(file, "no folder");
    const directory = join(file, "tiny");
    await expect(loadIdxDataset(tiny, { directory, download: true, baseUrl })).rejects.toThrow(
      new DataError(`Cannot write to the folder ${directory}: a part of the path is not a directory.`),
    );
    expect(requests).toEqual([]);
  });

  it("says what the server answered", async () => {
    const baseUrl = await serve({});
    await expect(loadIdxDataset(tiny, { download: true, baseUrl })).rejects.toThrow("HTTP status 404");
  });

  it("goes on to the next mirror when one is down or has a wrong file", async () => {
    const good = await serve(zipped);
    const mirrors = [await closedAddress(), good.replace("mirror", "nowhere"), good];
    expect(await loadIdxDataset({ ...tiny, mirrors }, { download: true })).toEqual(loaded);
  });

  it("names every mirror when none of them can be reached", async () => {
    const closed = await closedAddress();
    const mirrors = [`${closed}/a/`, `${closed}/b/`];
    const error = await loadIdxDataset({ ...tiny, mirrors }, { download: true }).catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(`${closed}/a/train-images.gz: fetch failed (connect ECONNREFUSED`);
    expect(error.message).toContain(`${closed}/b/train-images.gz: fetch failed`);
    expect(existsSync(cache())).toBe(false);
  });
});
