import { describe, expect, it } from "vitest";
import { keptLast } from "../../../src/experiments/catalogue/kept-last.js";

describe("a result that is kept", () => {
  it("is made once for equal arguments in a row, and again after others", async () => {
    const made: number[] = [];
    const load = keptLast(async ({ n }: { readonly n: number }) => made.push(n));
    for (const n of [1, 1, 2, 1]) await load({ n });
    expect(made).toEqual([1, 2, 1]);
  });

  it("is not a failure", async () => {
    let calls = 0;
    const load = keptLast(async (_: string) => {
      calls += 1;
      if (calls === 1) throw new Error("no files yet");
      return calls;
    });
    await expect(load("images")).rejects.toThrow("no files yet");
    expect(await load("images")).toBe(2);
  });
});
