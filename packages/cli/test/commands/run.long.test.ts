import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RunsDocument } from "../../src/formats/json.js";
import { booth, digits, workbench } from "./support.js";

const bench = workbench();

/** What a file of the build and those that it imports load at once. */
function loadedBy(file: string, seen = new Set<string>()): ReadonlySet<string> {
  for (const [, from] of readFileSync(file, "utf8").matchAll(/^import (?:[^"]+ from )?"([^"]+)";$/gm)) {
    if (seen.has(from)) continue;
    seen.add(from);
    if (from.startsWith(".")) loadedBy(join(dirname(file), from), seen);
  }
  return seen;
}

describe("isoloss run", () => {
  it("has its help without its code, which is loaded when it runs", () => {
    const { script } = bench.cli;
    const importIn = (file: string, before: RegExp): string => {
      const text = readFileSync(file, "utf8");
      const [, from] = /import\("([^"]+)"\)/.exec(text.slice(text.search(before))) ?? [];
      return join(dirname(file), String(from));
    };
    const row = importIn(script, /usage: "run \[experiment\]"/);
    expect([...loadedBy(row)]).not.toContain("zod");
    expect([...loadedBy(importIn(row, /run/))]).toContain("zod");
  });

  it("spreads runs over threads to the same numbers, in the same order", async () => {
    bench.write("digits.yaml", digits);
    const run = (jobs: string) =>
      bench.json<RunsDocument>(
        ...["run", "digits.yaml", "--variant", "plain", "--set", "steps=100", "--seeds", "0..3"],
        ...["--jobs", jobs, "--json", "--quiet"],
      );
    const [one, two] = [await run("1"), await run("2")];
    expect(two.runs.map((r) => r.seed)).toEqual([0, 1, 2, 3]);
    expect(two.runs.map((r) => r.loss)).toEqual(one.runs.map((r) => r.loss));
    // Seeds differ, and no run wrote over another one's directory.
    expect(new Set(one.runs.map((r) => r.loss.last)).size).toBe(4);
    expect(new Set([...one.runs, ...two.runs].map((r) => r.directory)).size).toBe(8);
  });

  it("runs more steps than a function takes arguments, which are recorded at once", async () => {
    bench.write("small.yaml", booth);
    const many = ["--set", "steps=130000", "--set", "warmUps=1", "--variant", "plain", "--out", "many"];
    const { status, stdout, stderr } = await bench.run("run", "small.yaml", ...many, "--quiet");
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^plain +1 +0 /m);
  });
});
