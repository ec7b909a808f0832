import { describe, expect, it } from "vitest";
import { examples, expectRuns, isSlow } from "./docstring-runs-support.js";

describe("the examples in docstrings", () => {
  const slow = examples.filter(([, path]) => isSlow(path));

  it("are there that take long", () => {
    expect(slow.length).toBeGreaterThanOrEqual(12);
  });

  expectRuns(slow);
});
