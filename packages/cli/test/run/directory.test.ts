import { appendFile, chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DataError, OptionError } from "isoloss";
import { describe, expect, it, vi } from "vitest";
import { readRun } from "../../src/run/read.js";
import { asOrdinaryUser, config, environment, fillDiskAt, lines, useRuns } from "./support.js";

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, open: vi.fn(actual.open) };
});

const runs = useRuns();

describe("createRunDirectory", () => {
  it("makes a directory with config, environment and empty records", async () => {
    const run = await runs.create();
    expect(run.path).toBe(join(runs.base, "toy-7-1"));
    expect((await readdir(run.path)).sort()).toEqual([
      "config.yaml",
      "environment.json",
      "figures",
      "lock",
      "metrics.jsonl",
      "teleports.jsonl",
    ]);
    run.close();
    expect(await readRun(run.path)).toEqual({
      path: run.path,
      config,
      environment,
      metrics: [],
      teleports: [],
      summary: undefined,
    });
  });

  it("never takes a directory that is there, also when many start at once", async () => {
    await mkdir(join(runs.base, "toy-7-2"));
    const made = await Promise.all(Array.from({ length: 8 }, () => runs.create()));
    const expected = [1, 3, 4, 5, 6, 7, 8, 9].map((n) => join(runs.base, `toy-7-${n}`));
    expect(made.map((r) => r.path).sort()).toEqual(expected);
  });

  it.each(["", "a/b", "..", "../x", ".hidden", "-x", "a\0b", "x".repeat(101)])(
    "refuses the name %j",
    async (name) => {
      await expect(runs.create(name)).rejects.toThrow(OptionError);
      expect(await readdir(runs.base)).toEqual([]);
    },
  );

  it("leaves nothing when the disk fills up", async () => {
    for (const n of [1, 2]) {
      fillDiskAt(n);
      const creating = runs.create();
      await expect(creating).rejects.toThrow(DataError);
      await expect(creating).rejects.toThrow(/Cannot write .*: no space is left on the disk\.$/);
      expect(await readdir(runs.base)).toEqual([]);
    }
  });

  it("says why a base cannot hold it", async () => {
    await writeFile(join(runs.base, "file"), "");
    await expect(runs.create("toy", join(runs.base, "file", "runs"))).rejects.toThrow(
      `Cannot make a directory for the run in ${join(runs.base, "file", "runs")}: a part of the path is not a directory. Choose another one with --out.`,
    );
  });

  it("says that a base is read-only", async () => {
    await chmod(runs.base, 0o555);
    await asOrdinaryUser(async () => {
      await expect(runs.create()).rejects.toThrow(
        `Cannot make a directory for the run in ${runs.base}: permission denied. Choose another one with --out.`,
      );
    });
    await chmod(runs.base, 0o755);
  });
});

describe("records", () => {
  it("are in the file when the call returns, one JSON object a line, not finite numbers as null", async () => {
    const run = await runs.create();
    run.appendMetrics([
      { step: 0, loss: 1.5 },
      { step: 1, loss: Number.NaN, tasks: [1, Infinity] },
    ]);
    run.appendMetrics([]);
    run.appendTeleports([{ step: 1, accepted: false, reason: 'a "quoted"\nreason é' }]);
    expect(await lines(run)).toEqual([
      '{"step":0,"loss":1.5}',
      '{"step":1,"loss":null,"tasks":[1,null]}',
      "",
    ]);
    const { teleports } = await readRun(run.path);
    expect(teleports).toEqual([{ step: 1, accepted: false, reason: 'a "quoted"\nreason é' }]);
  });

  it("say that the disk is full", async () => {
    const run = await runs.create();
    run.close();
    await rm(join(run.path, "metrics.jsonl"));
    await symlink("/dev/full", join(run.path, "metrics.jsonl"));
    const { directory } = await runs.reopen(run.path);
    const appending = () => directory.appendMetrics([{ step: 0, loss: 1 }]);
    expect(appending).toThrow(DataError);
    expect(appending).toThrow(
      `Cannot write ${join(run.path, "metrics.jsonl")}: no space is left on the disk.`,
    );
  });

  it("name the line that is damaged", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }]);
    await appendFile(join(run.path, "metrics.jsonl"), '[1]\n{"step":2}\n');
    await expect(readRun(run.path)).rejects.toThrow(
      `${join(run.path, "metrics.jsonl")}:2: expected a JSON object; got "[1]".`,
    );
  });
});

describe("summary and figures", () => {
  it("are written whole", async () => {
    const run = await runs.create();
    await run.writeSummary({ status: "completed" });
    const path = await run.writeFigure("loss.svg", "<svg/>");
    expect(await readFile(path, "utf8")).toBe("<svg/>");
    expect((await readRun(run.path)).summary).toEqual({ status: "completed" });
    await expect(run.writeFigure("../loss.svg", "<svg/>")).rejects.toThrow(OptionError);
  });
});
