import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Fields, readFields, readRecords } from "isoloss-test-support/node/history/read-events";
import { expect, it } from "vitest";
import { booth, workbench } from "../commands/support.js";

const bench = workbench({ isInProcess: true });

const inner = (fields: Fields, field: number): Fields[] =>
  (fields[field] ?? []).map((bytes) => readFields(bytes as Buffer));

it("a run's event file has its losses, teleports and results at their steps", async () => {
  bench.write("small.yaml", booth);
  await bench.run("run", "small.yaml", "--quiet", "--variant", "exact", "--out", "runs");
  const run = "runs/small-exact-0-1";
  const { file } = await bench.json<{ file: string }>("export", run, "--to", "tensorboard", "--json");
  expect(file.startsWith(join(bench.folder, run))).toBe(true);
  const found = new Map<string, [number, number][]>();
  for (const event of readRecords(readFileSync(file)).map(readFields)) {
    const step = Number(event[2]?.[0] ?? 0);
    for (const value of inner(event, 5).flatMap((summary) => inner(summary, 1))) {
      const tag = String(value[1][0]);
      if (value[2]) found.set(tag, [...(found.get(tag) ?? []), [step, value[2][0] as number]]);
    }
  }
  // Booth's function (x + 2y - 7)^2 + (2x + y - 5)^2 by a plain loop from (5, -5) at rate 0.08; its Hessian has the eigenvalues 2
  // and 18, so that the largest ||g||^2 where the loss is L is 2 * 18 * L, on the shortest axis.
  const losses = found.get("loss") as [number, number][];
  expect(losses.map(([step]) => step)).toEqual(Array.from({ length: 11 }, (_, i) => i));
  expect(losses[4][1]).toBeCloseTo(17.948211369895528, 5);
  expect(found.get("teleport.gradNormSqAfter")).toEqual([[4, Math.fround(646.1356093162)]]);
  expect(found.get("teleport.accepted")).toEqual([[4, 1]]);
  expect(found.get("result.teleports.accepted")).toEqual([[10, 1]]);
});
