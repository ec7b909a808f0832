import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { runCode } from "./run-code.js";

const folder = new URL("../../../../examples/strict/", import.meta.url);

/** What each program prints; package.long.test.ts compiles them. */
const printed: Readonly<Record<string, readonly RegExp[]>> = {
  "onnx.ts": [/^positive scaling$/, /^0 4$/],
  "own-loss.ts": [/^true$/, /^true true$/, /^true$/, /^true$/],
  "own-method.ts": [/^true$/],
  "own-model.ts": [/^true true 64$/, /^true$/, /^ShapeError$/],
  // As in docs/your-own-loss.md, to the bound 0.5.
  "own-symmetry.ts": [/^true 0\.607 3\.297$/],
};

describe("the programs in strict TypeScript", () => {
  it("are all here", () => {
    expect(readdirSync(folder).filter((name) => name.endsWith(".ts"))).toEqual(Object.keys(printed));
  });

  it.each(Object.keys(printed))("%s runs, and prints what it should", async (name) => {
    const lines = await runCode(readFileSync(new URL(name, folder), "utf8"));
    expect(lines).toHaveLength(printed[name].length);
    printed[name].forEach((line, i) => {
      expect(lines[i]).toMatch(line);
    });
  });
});
