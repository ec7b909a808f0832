import { execFileSync } from "node:child_process";
import { lstat, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { DataError } from "../../src/errors.js";
import { readFileOrThrow, writeFileAtomic } from "../../src/node/files.js";

let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "isoloss-files-"));
});

afterEach(() => rm(directory, { recursive: true }));

describe("writeFileAtomic", () => {
  it("writes bytes and text, new or in place of an old file, and leaves no other file", async () => {
    const path = join(directory, "a.bin");
    await writeFileAtomic(path, Uint8Array.from([1, 2, 3]));
    expect(await readFile(path)).toEqual(Buffer.from([1, 2, 3]));
    await writeFileAtomic(path, "text");
    expect(await readFile(path, "utf8")).toBe("text");
    expect(await readdir(directory)).toEqual(["a.bin"]);
  });

  it("makes the directories that are missing", async () => {
    const path = join(directory, "some", "run", "a.txt");
    await Promise.all([writeFileAtomic(path, "x"), writeFileAtomic(path, "x")]);
    expect(await readFile(path, "utf8")).toBe("x");
    expect(await readdir(join(directory, "some", "run"))).toEqual(["a.txt"]);
  });

  it.runIf(process.platform === "linux")("fails at once where no folder can be made", async () => {
    await expect(writeFileAtomic("/proc/nope/deep/file", "new")).rejects.toThrow(
      /^Cannot write \/proc\/nope\/deep\/file: /,
    );
  });

  it("removes its temporary file when the rename fails", async () => {
    const path = join(directory, "folder");
    await mkdir(join(path, "inner"), { recursive: true });
    await expect(writeFileAtomic(path, "x")).rejects.toThrow(DataError);
    expect(await readdir(directory)).toEqual(["folder"]);
  });

  it("leaves the old content and no temporary file when the content cannot be written", async () => {
    const path = join(directory, "a.txt");
    await writeFileAtomic(path, "old");
    await expect(writeFileAtomic(path, Symbol("not bytes") as unknown as string)).rejects.toThrow(DataError);
    expect(await readFile(path, "utf8")).toBe("old");
    expect(await readdir(directory)).toEqual(["a.txt"]);
  });

  it("says why a file cannot be written, with the system's error as cause", async () => {
    await writeFile(join(directory, "file"), "no folder");
    const path = join(directory, "file", "a.txt");
    const error = await writeFileAtomic(path, "x").catch((e) => e);
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toBe(`Cannot write ${path}: a part of the path is not a directory.`);
    expect(error.cause.code).toBe("ENOTDIR");
  });

  it("writes the file that links point to, be it there or not, and leaves the links", async () => {
    await mkdir(join(directory, "folder"));
    await symlink("folder", join(directory, "way"));
    await symlink("../end.txt", join(directory, "folder", "link.txt"));
    const path = join(directory, "way", "link.txt");
    for (const text of ["new", "newer"]) {
      await writeFileAtomic(path, text);
      expect(await readFile(join(directory, "end.txt"), "utf8")).toBe(text);
    }
    expect((await lstat(path)).isSymbolicLink()).toBe(true);
    expect((await readdir(directory)).sort()).toEqual(["end.txt", "folder", "way"]);
  });

  it.skipIf(process.platform === "win32")("puts no file in the place of a pipe", async () => {
    const [path, link] = ["pipe", "link"].map((name) => join(directory, name));
    execFileSync("mkfifo", [path]);
    await symlink(path, link);
    for (const way of [path, link]) {
      await expect(writeFileAtomic(way, "x")).rejects.toThrow(
        new DataError(
          `Cannot write ${way}: it is a pipe, a socket or a device, which a file would replace; name a regular file.`,
        ),
      );
    }
    expect((await lstat(path)).isFIFO()).toBe(true);
    expect((await readdir(directory)).sort()).toEqual(["link", "pipe"]);
  });

  it("lets writers of the same file work at the same time: one of them wins whole", async () => {
    const path = join(directory, "a.txt");
    const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000));
    await Promise.all(texts.map((text) => writeFileAtomic(path, text)));
    expect(texts).toContain(await readFile(path, "utf8"));
    expect(await readdir(directory)).toEqual(["a.txt"]);
  });
});

describe("readFileOrThrow", () => {
  it("reads the bytes of a file", async () => {
    await writeFile(join(directory, "a"), "abc");
    expect(Array.from(await readFileOrThrow(join(directory, "a")))).toEqual([97, 98, 99]);
  });

  it("says what could not be read and why", async () => {
    const path = join(directory, "none");
    await expect(readFileOrThrow(path, { what: "checkpoint" })).rejects.toThrow(
      new DataError(`Cannot read the checkpoint ${path}: no such file or directory.`),
    );
    await expect(readFileOrThrow(directory)).rejects.toThrow("it is a directory");
  });
});
