import { mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serialize } from "node:v8";
import { gzipSync } from "node:zlib";
import { DataError } from "isoloss";
import { expect, it } from "vitest";
import type { Job } from "../../src/experiments/jobs/job.js";
import type { JobOutcome } from "../../src/experiments/jobs/pool.js";
import { packRun, unpacked, unpackRun } from "../../src/sweep/brought-run.js";

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

it("a run of more than 32 MiB travels without its large files, which are not read", async () => {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-brought-"));
  writeFileSync(join(folder, "rows.jsonl"), "{}\n");
  writeFileSync(join(folder, "weights.bin"), "");
  // More than can be read at once.
  truncateSync(join(folder, "weights.bin"), 2 ** 32);
  const sent = unpacked(await packRun({ result: {} } as JobOutcome, folder));
  expect(sent).toMatchObject({
    files: [["rows.jsonl", Buffer.from("{}\n")]],
    left: expect.stringContaining(folder),
  });
  rmSync(folder, { recursive: true });
});
