import { describe, expect, it } from "vitest";
import { diagnose } from "./diagnose.js";
import { code, expectRuns, isSlow, runnable } from "./docs-support.js";

describe("the code in the documents", () => {
  expectRuns(runnable.filter(([at]) => isSlow(at)));

  it("has no type errors in a strict project", () => {
    expect(diagnose(code)).toEqual([]);
  });
});
