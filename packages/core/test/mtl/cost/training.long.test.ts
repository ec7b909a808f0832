import { describe, expect, it } from "vitest";
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
});
