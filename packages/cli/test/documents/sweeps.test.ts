// Runs the commands of docs/sweeps.md as printed, in their order, in a folder with the file that stands there.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { workbench } from "../commands/support.js";
import { readDocument } from "./tables.js";

const bench = workbench({ isInProcess: true });
const text = readDocument("sweeps.md");
const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, code]) =>
  (code ?? "").trim().split("\n"),
);

beforeAll(() => {
  bench.write("rates.yaml", /^```yaml\n([\s\S]*?)^```$/m.exec(text)?.[1] ?? "");
});

describe("docs/sweeps.md", () => {
  it.each(lines)("%s runs as printed", async (line) => {
    const [program, ...args] = line.split(" ");
    expect(program).toBe("isoloss");
    const { status, stderr } = await bench.run(...args);
    expect([status, stderr.replaceAll(/^(?!isoloss:).*\n/gm, "")]).toEqual([0, ""]);
  });

  it("names the files that a sweep leaves behind", () => {
    const [, table = ""] = text.split("## What a sweep leaves behind");
    const named = [...(table.split("\n## ")[0] ?? "").matchAll(/^\| `([^`]+)`/gm)].map(
      ([, name]) => name ?? "",
    );
    expect(named.length).toBeGreaterThan(5);
    const sweep = join(bench.folder, "sweeps/rates-1");
    expect(named.filter((name) => !existsSync(join(sweep, name)))).toEqual([]);
  });
});
