import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, it } from "vitest";
import type { Batch } from "../../../src/batch.js";
import { rowsOf } from "../../../src/data/batches.js";
import type { DataStream } from "../../../src/data/stream.js";
import { netData } from "./support.js";
import { always, expectWrapped, farApart, methods, train } from "./training-support.js";

describe("COST in a training", () => {
  expectWrapped(methods.slice(1));

  it("keeps every task within the bound, also a small loss beside a large one", async () => {
    const options = { ...always, inner: { learningRate: 0.01, steps: 10 } };
    const bound = 0.01;
    const tasksMoves = async (judge?: "mean") => {
      const guard = { drift: bound, samples: 32, ...(judge ? { judge } : {}) };
      const { reports } = await train({ ...options, guard }, { steps: 40, losses: farApart });
      const accepted = reports.filter(({ outcome }) => outcome === "accepted");
      for (const { judged, reason } of accepted) {
        expect(judged?.judge).toBe(judge ?? "worst");
        expect(judged?.moved).toBeLessThanOrEqual(bound);
        expect(reason).toContain(judge === "mean" ? "on the mean over the tasks" : "moves most");
      }
      // By the losses that the reports give, not by their own quantities.
      return accepted.map(({ drift }) =>
        (drift?.lossesBefore ?? []).map((loss, k) => Math.abs((drift?.lossesAfter[k] ?? 0) / loss - 1)),
      );
    };
    const moves = await tasksMoves();
    expect(moves.length).toBeGreaterThan(5);
    for (const move of moves) {
      expect(move).toHaveLength(2);
      expect(Math.max(...move)).toBeLessThanOrEqual(bound * (1 + 1e-12));
    }
    // The mean does not see the small task.
    expect(Math.max(...(await tasksMoves("mean")).flat())).toBeGreaterThan(bound);
  });

  it.each(["paper", "released"] as const)(
    "has a few batches of the epoch in memory at once with the preset %s",
    async (preset) => {
      setFlagsFromString("--expose-gc");
      const collect = runInNewContext("gc") as () => void;
      const [count, megabyte] = [128, 2 ** 20];
      const { x, y } = netData(16 * count, 2, "float32");
      let [parts, most] = [0, 0];
      const held = () => {
        collect();
        return process.memoryUsage().arrayBuffers;
      };
      const before = held();
      // Each batch has an array of a megabyte more.
      const data: DataStream<Batch> = {
        length: 16 * count,
        async *batches() {
          for (let at = 0; at < 16 * count; at += 16) {
            if (parts++ % 16 === 0) most = Math.max(most, held() - before);
            const rest = { shape: [16, megabyte / 64], data: new Float32Array(megabyte / 4) };
            yield { x: rowsOf(x, at, at + 16), y: rowsOf(y, at, at + 16), rest };
          }
        },
      };
      const options = { preset, trigger: "weak", schedule: {} } as const;
      const { reports } = await train(options, { data, dtype: "float32", steps: 1 });
      expect(reports.map(({ outcome }) => outcome)).not.toContain("rejected");
      // The losses to preserve, and two passes.
      expect(parts).toBeGreaterThanOrEqual(3 * count);
      expect(most / megabyte).toBeLessThan(count / 2);
    },
  );
});
