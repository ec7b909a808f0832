import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { ReproduceDocument } from "../../src/commands/reproduce.js";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

describe("isoloss reproduce", () => {
  it("runs all that is packaged with --quick, regressions to the specification's numbers", async () => {
    const document = await bench.json<ReproduceDocument>(
      ...["reproduce", "regression-gd", "regression-adagrad", "rosenbrock-20d", "classify-digits"],
      ...["classify-digits-deep", "--quick", "--json", "--quiet", "--out", "quick"],
    );
    expect(document.experiments.map((e) => e.status)).toEqual(Array(5).fill("completed"));
    expect(document.counts?.differs).toBe(0);
    expect(document.counts?.pass).toBeGreaterThanOrEqual(19);
    const { rates } = document.experiments[0];
    expect(rates.plain.baseline).toBe("plain");
    expect(rates.plain.tuned.exact.seeds).toBe(3);
    expect(rates.plain.grid.map((g) => g.rate)).toEqual([4e-4, 8e-4]);
    expect(readFileSync(document.report, "utf8")).toMatch(/at its tuned rate 0\.000\d/);
  });
});
