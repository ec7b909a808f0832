import { spawnSync } from "node:child_process";
import { appendFile, chmod, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { DataError } from "isoloss";
import { describe, expect, it, vi } from "vitest";
import { openRunDirectory } from "../../src/run/directory.js";
import { readRun, readRunCheckpoint } from "../../src/run/read.js";
import { asOrdinaryUser, config, fillDiskAt, lines, useRuns } from "./support.js";

vi.mock("node:fs/promises", async (original) => {
  const actual = await original<typeof import("node:fs/promises")>();
  return { ...actual, open: vi.fn(actual.open) };
});

const runs = useRuns();

describe("openRunDirectory", () => {
  it("goes on after the last checkpoint: what came later is dropped", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }, { step: 1 }]);
    run.appendTeleports([{ step: 1 }]);
    await run.saveCheckpoint(2, Buffer.from("first"));
    run.appendMetrics([{ step: 2 }]);
    await run.saveCheckpoint(3, Buffer.from("second"));
    run.appendMetrics([{ step: 3 }, { step: 4 }]);
    run.appendTeleports([{ step: 4 }]);
    run.close();
    await appendFile(join(run.path, "metrics.jsonl"), '{"step":5,"lo');
    await writeFile(join(run.path, ".checkpoint.0.tmp"), "half");

    const { directory, checkpoint, config: stored } = await runs.reopen(run.path);
    expect(directory.step).toBe(3);
    expect(checkpoint).toEqual(Buffer.from("second"));
    expect(stored).toEqual(config);
    expect(await lines(directory)).toEqual(['{"step":0}', '{"step":1}', '{"step":2}', ""]);
    expect(await lines(directory, "teleports.jsonl")).toEqual(['{"step":1}', ""]);
    expect(await readdir(run.path)).not.toContain(".checkpoint.0.tmp");
    directory.appendMetrics([{ step: 3 }]);
    expect(await lines(directory)).toHaveLength(5);
  });

  it("forgets the summary of an earlier end with its first record, and not before", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }]);
    await run.saveCheckpoint(1, Buffer.from("first"));
    await run.writeSummary({ status: "interrupted", metrics: { "loss.final": 5 } });
    run.close();

    const { directory } = await runs.reopen(run.path);
    expect((await readRun(run.path)).summary).toBeDefined();
    directory.appendMetrics([{ step: 1 }]);
    expect((await readRun(run.path)).summary).toBeUndefined();
  });

  it("begins again when there was no checkpoint", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }]);
    run.close();
    const { directory, checkpoint } = await runs.reopen(run.path);
    expect(checkpoint).toBeUndefined();
    expect(directory.step).toBe(0);
    expect(await lines(directory)).toEqual([""]);
  });

  it("takes the old checkpoint when the process was killed between the mark and the new one", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }]);
    await run.saveCheckpoint(1, Buffer.from("old"));
    run.appendMetrics([{ step: 1 }]);
    await run.saveCheckpoint(2, Buffer.from("new"));
    run.close();
    await writeFile(join(run.path, "checkpoint"), "old");
    const { directory } = await runs.reopen(run.path);
    expect(directory.step).toBe(1);
    expect(await lines(directory)).toEqual(['{"step":0}', ""]);
  });

  it("keeps the old checkpoint when the disk fills up, and can save again", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }]);
    await run.saveCheckpoint(1, Buffer.from("old"));
    for (const n of [1, 2]) {
      fillDiskAt(n);
      await expect(run.saveCheckpoint(2, Buffer.from("a new one"))).rejects.toThrow("no space is left");
      expect((await readRunCheckpoint(run.path)).bytes).toEqual(Buffer.from("old"));
    }
    expect((await readdir(run.path)).filter((name) => name.endsWith(".tmp"))).toEqual([]);
    await run.saveCheckpoint(3, Buffer.from("newer"));
    expect((await readRunCheckpoint(run.path)).mark).toMatchObject({ step: 3, bytes: 5 });
  });

  it("saves checkpoints one after the other when they are not awaited", async () => {
    const run = await runs.create();
    const savings = [1, 2, 3, 4].map((step) => run.saveCheckpoint(step, Buffer.alloc(step * 1000, step)));
    await Promise.all(savings);
    run.close();
    expect((await runs.reopen(run.path)).directory.step).toBe(4);
  });

  it.each([
    ["truncated", (path: string) => truncate(path, 3), "it has 3 bytes, expected 7. Start"],
    ["empty", (path: string) => truncate(path, 0), "it has 0 bytes, expected 7. Start"],
    [
      "changed",
      (path: string) => writeFile(path, "damaged"),
      "7 bytes, expected 7 of another checksum. Start",
    ],
  ])("says that a checkpoint is %s, and changes nothing", async (_, damage, message) => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }]);
    await run.saveCheckpoint(1, Buffer.from("content"));
    run.appendMetrics([{ step: 1 }]);
    run.close();
    await damage(join(run.path, "checkpoint"));
    const opening = openRunDirectory(run.path);
    await expect(opening).rejects.toThrow(DataError);
    await expect(opening).rejects.toThrow(message);
    expect(await lines(run)).toHaveLength(3);
  });

  it("says that records or marks are damaged", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }, { step: 1 }]);
    await run.saveCheckpoint(2, Buffer.from("content"));
    run.close();
    await truncate(join(run.path, "metrics.jsonl"), 15);
    await expect(openRunDirectory(run.path)).rejects.toThrow(
      "a line should end at byte 22; the file has 15 bytes",
    );
    await writeFile(join(run.path, "metrics.jsonl"), "x".repeat(100));
    await expect(openRunDirectory(run.path)).rejects.toThrow("was changed after it was written");
    await writeFile(join(run.path, "checkpoint.json"), '{"marks":');
    await expect(openRunDirectory(run.path)).rejects.toThrow("checkpoint.json is damaged");
    await rm(join(run.path, "checkpoint.json"));
    await expect(openRunDirectory(run.path)).rejects.toThrow("no such file or directory");
  });

  it("says what is not a run", async () => {
    const missing = join(runs.base, "none");
    await expect(openRunDirectory(missing)).rejects.toThrow(
      `Cannot read the run ${missing}: no such file or directory.`,
    );
    await expect(openRunDirectory(runs.base)).rejects.toThrow(
      `${runs.base} is not the directory of a run: it has no config.yaml and no environment.json.`,
    );
    await writeFile(join(runs.base, "file"), "");
    await expect(openRunDirectory(join(runs.base, "file"))).rejects.toThrow(
      "is a file; expected the directory of a run",
    );
    await writeFile(join(runs.base, "config.yaml"), "a: [");
    await writeFile(join(runs.base, "environment.json"), "{}");
    await expect(openRunDirectory(runs.base)).rejects.toThrow(/config\.yaml is not YAML/);
    await writeFile(join(runs.base, "config.yaml"), "a: 1");
    await writeFile(join(runs.base, "environment.json"), '{"seed":');
    await expect(openRunDirectory(runs.base)).rejects.toThrow(
      /environment\.json is not JSON.*Is it truncated\?/,
    );
  });

  it("says that a run is read-only, and changes nothing", async () => {
    const run = await runs.create();
    run.appendMetrics([{ step: 0 }]);
    run.close();
    await chmod(runs.base, 0o755);
    await chmod(run.path, 0o555);
    await asOrdinaryUser(async () => {
      await expect(openRunDirectory(run.path)).rejects.toThrow(
        `Cannot write to the run ${run.path}: permission denied.`,
      );
    });
    expect(await lines(run)).toHaveLength(2);
  });

  it("lets one writer at a time", async () => {
    const run = await runs.create();
    await expect(openRunDirectory(run.path)).rejects.toThrow("is open already in this process");
    run.close();
    const lock = join(run.path, "lock");
    await writeFile(lock, `${process.ppid} ${hostname()}\n`);
    await expect(openRunDirectory(run.path)).rejects.toThrow(
      `is being written by process ${process.ppid}. If that is not so, delete ${lock}.`,
    );
    await writeFile(lock, "12 elsewhere\n");
    await expect(openRunDirectory(run.path)).rejects.toThrow("process 12 on elsewhere");
    const { pid } = spawnSync(process.execPath, ["-e", ""]);
    await writeFile(lock, `${pid} ${hostname()}\n`);
    await runs.reopen(run.path);
  });
});
