import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serialize } from "node:v8";
import { gzipSync } from "node:zlib";
import { DataError } from "isoloss";
import { expect, it } from "vitest";
import type { Job } from "../../src/experiments/jobs/job.js";
import { unpackRun } from "../../src/sweep/brought-run.js";

it.each(["../../outside.txt", "/tmp/outside.txt", "figures/../../outside.txt"])(
  "a run from a server writes nothing outside of its directory: %s",
  async (name) => {
    const folder = mkdtempSync(join(tmpdir(), "isoloss-brought-"));
    const job = { name: "booth", variant: "run", seed: 0, out: join(folder, "runs") } as Job;
    const sent = { result: { document: {} }, files: [[name, new Uint8Array(1)]] };
    const text = gzipSync(serialize(sent)).toString("base64");
    await expect(unpackRun(text, job)).rejects.toThrow(DataError);
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  },
);
