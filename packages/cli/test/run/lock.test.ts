import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { lockDirectory } from "../../src/run/lock.js";
import { raceForLock } from "./races.js";

vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  return { ...fs, linkSync: vi.fn(fs.linkSync) };
});

describe("the lock of a directory", () => {
  let folder = "";
  const lock = () => join(folder, "lock");
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "isoloss-lock-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const { pid: dead } = spawnSync(process.execPath, ["--version"]);
  const textOf = (pid: number, nonce: string) => `${pid} ${hostname()} - ${nonce}\n`;
  const hash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);

  it("is held by one process at a time, also where several replace that of a dead one", async () => {
    expect(await raceForLock(400)).toEqual({ doubles: 0, left: [] });
  });

  it("is free after a process that died while it replaced that of another one", () => {
    const [stale, replacing] = [textOf(dead, "a"), textOf(dead, "b")];
    writeFileSync(lock(), stale);
    writeFileSync(`${lock()}.${hash(stale)}`, replacing);
    const release = lockDirectory(folder);
    expect(readdirSync(folder)).toEqual(["lock"]);
    release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is not replaced while another process replaces it", () => {
    const stale = textOf(dead, "a");
    writeFileSync(lock(), stale);
    writeFileSync(`${lock()}.${hash(stale)}`, textOf(process.ppid, "b"));
    expect(() => lockDirectory(folder)).toThrow(`is being written by process ${process.ppid}`);
    expect(readFileSync(lock(), "utf8")).toBe(stale);
  });

  it("is not that of a later process which got the same number", () => {
    const own = lockDirectory(folder);
    const isLinux = existsSync("/proc/self/stat");
    expect(readFileSync(lock(), "utf8").split(" ")[2]).toMatch(isLinux ? /^\d+$/ : "-");
    own();
    writeFileSync(lock(), `${process.ppid} ${hostname()} 1 a\n`);
    if (isLinux) lockDirectory(folder)();
    else expect(() => lockDirectory(folder)).toThrow("is being written by");
  });

  it.each(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"])(
    "is a file made exclusively where links fail with %s, which is never replaced",
    (code) => {
      const failing = vi.mocked(linkSync).mockImplementation((_, to) => {
        const errno = existsSync(to) ? "EEXIST" : code;
        throw Object.assign(new Error(errno), { code: errno });
      });
      try {
        const release = lockDirectory(folder);
        expect(readdirSync(folder)).toEqual(["lock"]);
        expect(readFileSync(lock(), "utf8")).toContain(`${process.pid} ${hostname()} `);
        release();
        expect(readdirSync(folder)).toEqual([]);
        for (const left of ["", textOf(dead, "a")]) {
          writeFileSync(lock(), left);
          expect(() => lockDirectory(folder)).toThrow(`If no process writes there, delete ${lock()}.`);
          expect(readFileSync(lock(), "utf8")).toBe(left);
        }
        writeFileSync(lock(), textOf(process.ppid, "b"));
        expect(() => lockDirectory(folder)).toThrow(`is being written by process ${process.ppid}`);
        expect(readdirSync(folder)).toEqual(["lock"]);
      } finally {
        failing.mockReset();
      }
    },
  );

  it("is left to who has it by now when it is released", () => {
    const release = lockDirectory(folder);
    writeFileSync(lock(), textOf(process.ppid, "b"));
    release();
    expect(readFileSync(lock(), "utf8")).toBe(textOf(process.ppid, "b"));
  });
});
