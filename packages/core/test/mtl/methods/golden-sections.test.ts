import { readdirSync, readFileSync } from "node:fs";
import { readGolden } from "isoloss-test-support/nn/support";
import { expect, it } from "vitest";

/** What describes a file, inputs that the sections share, and the toy's sections, which problems/toy.long.test.ts goes through. */
const aside = ["origin", "matrices", "inits", "values", "optimizer", "note", "trajectories"];

it("every section of the golden files of multi-task methods has a ledger in a test", () => {
  const folder = new URL("../../", import.meta.url);
  const tests = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) =>
    file.endsWith(".test.ts"),
  );
  const ledgers = tests.flatMap((file) => {
    const source = readFileSync(new URL(file, folder), "utf8");
    const calls = source.matchAll(/goldenLedger<[^(]*\(\s*"([^"]+)",\s*"([^"]+)"/g);
    return [...calls].map(([, name, section]) => `${name} ${section}`);
  });
  const sections = ["aggregators", "stateful", "metrics", "toy"].flatMap((name) =>
    Object.keys(readGolden<object>(`mtl-${name}.json`))
      .filter((section) => !aside.includes(section))
      .map((section) => `mtl-${name}.json ${section}`),
  );
  expect(ledgers.sort()).toEqual(sections.sort());
});
