import { OptionError } from "isoloss";
import { describe, expect, it } from "vitest";
import { samplerOf } from "../../../src/sweep/samplers/sampler.js";
import type { Parameter } from "../../../src/sweep/types.js";

const parameters: Readonly<Record<string, Parameter>> = {
  rate: { values: [0.1, 0.2] },
  kind: { values: ["plain", "moved"] },
  every: { min: 1, max: 3, when: { kind: "moved" } },
};

const grid = (order: "shuffled" | "file", seed = 0, given = parameters) => {
  const sampler = samplerOf({ method: "grid", parameters: given, seed, order });
  return Array.from({ length: sampler.size }, (_, trial) => sampler.ask(trial));
};

const inOrder = [0.1, 0.2].flatMap((rate) => [
  { rate, kind: "plain" },
  ...[1, 2, 3].map((every) => ({ rate, kind: "moved", every })),
]);

describe("a grid", () => {
  it("has each assignment once, the last parameter fastest", () => {
    expect(grid("file")).toEqual(inOrder);
  });

  it("is shuffled by the seed", () => {
    const shuffled = grid("shuffled");
    expect(shuffled).not.toEqual(inOrder);
    expect(shuffled).toHaveLength(inOrder.length);
    expect(shuffled).toEqual(expect.arrayContaining(inOrder));
    expect(grid("shuffled")).toEqual(shuffled);
    expect(grid("shuffled", 1)).not.toEqual(shuffled);
  });

  it("gives every point the same chance to be among the first", () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 400; seed++) {
      const key = JSON.stringify(grid("shuffled", seed)[0]);
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    // 400 / 8 = 50 with a standard deviation of 6.6.
    for (const count of counts.values()) expect(Math.abs(count - 50)).toBeLessThan(27);
  });

  it("refuses more than a million points, and ranges without a step", () => {
    const many = Object.fromEntries("abcd".split("").map((name) => [name, { min: 1, max: 40 }]));
    expect(() => grid("file", 0, many)).toThrow(OptionError);
    expect(() => grid("file", 0, many)).toThrow(/2560000 points; at most 1000000/);
    expect(() => grid("file", 0, { a: { min: 0, max: 1, scale: "linear" } })).toThrow(
      /a: a grid needs values/,
    );
  });
});
