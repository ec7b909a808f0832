// A lane in this process.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataError } from "isoloss";
import { afterAll, expect, it } from "vitest";
import { parseConfig } from "../../src/config/load.js";
import { resolveExperiment } from "../../src/experiments/definition/resolve.js";
import { experimentSchema } from "../../src/experiments/definition/schema.js";
import { jobsOf } from "../../src/experiments/jobs/job.js";
import { localRunner, plainError, revived } from "../../src/experiments/jobs/pool.js";
import { createLane, type LaneMessage } from "../../src/sweep/lane.js";
import type { RunRecord } from "../../src/sweep/lanes.js";

const folder = mkdtempSync(join(tmpdir(), "isoloss-lane-"));
afterAll(() => rmSync(folder, { recursive: true }));
const experiment = (data: string) => `name: rooms
kind: train
data: ${data}
model: { name: mlp, sizes: [1, 2, 1] }
optimizer: sgd
learningRate: 0.1
batchSize: 1
epochs: 1
`;

async function record(data: string): Promise<Omit<RunRecord, "lane">> {
  const text = experiment(data);
  const resolved = resolveExperiment(parseConfig(text, { schema: experimentSchema, file: "x.yaml" }));
  const [job] = jobsOf(resolved, { out: folder, checkpointSeconds: 10 });
  const message = await new Promise<LaneMessage>((resolve) => {
    const take = createLane(localRunner(), { send: resolve });
    take({ run: { id: "r-1", place: "0-0", metrics: ["loss"], job }, directory: join(folder, "run") });
  });
  return (message as { record: Omit<RunRecord, "lane"> }).record;
}

it("a run fails here that another computer may have the data of: they are not there, or are others", async () => {
  writeFileSync(join(folder, "rooms.csv"), "area,rent\n1,2\n2,3\n3,4\n");
  const csv = (name: string, rest = "") =>
    `{ csv: ${JSON.stringify(join(folder, name))}, label: rent${rest} }`;
  expect(await record(csv("flats.csv"))).toMatchObject({ status: "failed", isMissingData: true });
  const others = await record(csv("rooms.csv", `, sha256: ${"a".repeat(64)}`));
  expect(others).toMatchObject({ status: "failed", isMissingData: true });
  expect(others.error).toMatch("rooms.csv has changed");
  // A run that never began leaves no directory.
  expect(others.directory).toBeNull();
  const wrong = await record(csv("rooms.csv", ", features: [areas]"));
  expect(wrong.status).toBe("failed");
  expect(wrong).not.toHaveProperty("isMissingData");
});

it.each(["ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES"])(
  "a disk that says %s is no end of a run, unless it is the run's own",
  async (code) => {
    const cause = Object.assign(new Error("write"), { code });
    const failed = new DataError("Cannot write it.", { cause });
    const message = await new Promise<LaneMessage>((resolve) => {
      // As from a worker thread.
      const run = async () => ({ job: {} as never, error: revived(plainError(failed)) });
      const take = createLane({ run, end: async () => {} }, { send: resolve });
      take({ run: { id: "r-1", place: "0-0", metrics: ["loss"], job: {} as never }, directory: folder });
    });
    if (code === "EACCES")
      expect(message).toMatchObject({ record: { status: "failed", error: "Cannot write it." } });
    else expect(message).toMatchObject({ stuck: { message: "Cannot write it.", cause: { code } } });
  },
);
