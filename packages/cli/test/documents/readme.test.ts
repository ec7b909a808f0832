import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/experiments/kind.js";

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");

/** What scripts/readme-numbers.mjs wrote: the findings of `npm start`, and of a published sweep. */
const measured = JSON.parse(read("docs/results/readme.json")) as Record<string, readonly Finding[]>;
const sentences = Object.values(measured).flatMap((findings) => findings.map(({ text }) => text));

describe("README.md", () => {
  const [, rest = ""] = read("README.md").split("**Does it pay?**");
  const [answer = ""] = rest.split("\nOn ONNX files");
  const numbers = answer.match(/[+-]?[\d.]+ \[[^\]]+\]( of the (time|steps))?/g) ?? [];

  it("prints numbers with their intervals, as the experiments reported them", () => {
    expect(numbers.length).toBeGreaterThan(5);
    // A report names a share of steps before its interval: "in 0.22 of the steps [0.166, 0.292]".
    const isReported = (number: string) => {
      const [, value, interval, of = ""] = /^(\S+) (\[.*\])(.*)$/.exec(number) ?? [];
      return sentences.some((text) => text.includes(` ${value}${of} ${interval}`));
    };
    expect(numbers.filter((number) => !isReported(number))).toEqual([]);
  });

  it("says of each row what its experiment found", () => {
    const judgments = new Map(measured.demo?.map(({ title, judgment }) => [title, judgment]));
    expect(Object.fromEntries(judgments)).toMatchObject({
      balanced: "no better than a control",
      restored: "no better than a control",
      "level-set-10x20": "helps",
      teleports: "undecided",
    });
  });
});
