import { describe, expect, it } from "vitest";
import { examples, expectRuns, isSlow } from "./docstring-runs-support.js";

describe("the examples in docstrings", () => {
  it("are there", () => {
    expect(examples.length).toBeGreaterThan(200);
  });

  expectRuns(examples.filter(([, path]) => !isSlow(path)));
});
