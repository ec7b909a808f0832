// `isoloss sweep` with a server and no worker: what it leaves there, lists and ends.
import { Redis } from "ioredis";
import { serverProgram, startServer, type TestServer } from "isoloss-test-support/queue/server";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { SweepDocument } from "../../src/sweep/document.js";
import { documentShapes, objections } from "../documents/tables.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });
const shapes = await documentShapes();

describe.skipIf(!serverProgram)("isoloss sweep on a server", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server?.end());

  it("leaves all runs there, lists the sweep, and ends it", async () => {
    bench.write(
      "booths.yaml",
      "name: booths\nexperiment: booth\nvariant: plain\nmethod: grid\nmetric: { name: loss.last }\n" +
        "parameters: { learningRate: { min: 0.01, max: 0.1, count: 40 } }\nconfirm: false\n",
    );
    const queue = ["--queue", server.url, "--json"];
    const left = await bench.run("sweep", "booths.yaml", "--detach", "--quiet", ...queue);
    const { id, counts }: SweepDocument = JSON.parse(left.stdout);
    expect([left.status, counts]).toEqual([0, { running: 40 }]);
    expect(left.stderr).toContain(`isoloss sweep --resume sweeps/booths-1 --queue ${server.url}\n`);
    const redis = new Redis(server.port);
    expect(await redis.llen(`{isoloss-${id}}:isoloss-${id}:wait`)).toBe(40);
    redis.disconnect();

    const served = await bench.json<{ sweeps: object[] }>("sweep", "--list", ...queue);
    expect(objections(shapes, "sweep-on-queue2", served)).toEqual([]);
    expect(served.sweeps).toMatchObject([{ id, name: "booths", needs: [] }]);
    // The variable alone leaves the list to the folder.
    vi.stubEnv("ISOLOSS_QUEUE", server.url);
    expect((await bench.run("sweep", "--list")).stdout).toContain(
      "sweeps/booths-1  not ended  40 not finished",
    );
    vi.unstubAllEnvs();

    const closed = await bench.json<object>("sweep", "--cancel", "sweeps/booths-1", ...queue);
    expect(objections(shapes, "sweep-on-queue", closed)).toEqual([]);
    expect(closed).toEqual({ closed: id });
    const again = await bench.run("sweep", "--close", id, ...queue);
    expect([again.status, again.stderr]).toEqual([
      2,
      expect.stringContaining(`no open sweep ${id}. It has none.`),
    ]);
  });
});
