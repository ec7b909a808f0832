import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { verifyBenchmark, writeSample } from "../../src/node/benchmarks.js";
import { loadQm9 } from "../../src/node/qm9.js";

describe("the sample of QM9", () => {
  const root = mkdtempSync(join(tmpdir(), "isoloss-qm9-sample-"));
  afterAll(() => rmSync(root, { recursive: true }));

  it("is read with its columns, without those that are not characterized", async () => {
    const folder = join(root, "qm9");
    await writeSample("qm9", folder);
    const { molecules, targets } = await loadQm9(folder, { isWhole: false });
    expect([molecules.length, targets.shape]).toEqual([42, [42, 11]]);
    expect(molecules[0].symbols.join("")).toBe("CHHHH");
    expect(Math.max(...molecules.map(({ symbols }) => symbols.length))).toBe(29);
    // Molecules 6 and 12 are left out: after methane, ammonia, water, hydrogen fluoride and formaldehyde comes carbon dioxide.
    expect(molecules[5].symbols.join("")).toBe("OCO");
    // No two atoms are at one place.
    const nonane = molecules.find(({ symbols }) => symbols.length === 29);
    const distances = nonane?.positions.flatMap((p, i) =>
      nonane.positions.slice(i + 1).map((q) => Math.hypot(...p.map((v, k) => v - q[k]))),
    );
    expect(Math.min(...(distances ?? [0]))).toBeGreaterThan(0.9);
    const { train, test } = await verifyBenchmark("qm9", folder, { isWhole: false });
    expect([train.examples, test.examples]).toEqual([34, 4]);
    expect(train.arrays.pairs.shape).toEqual([29, 29, 5]);
  });
});
