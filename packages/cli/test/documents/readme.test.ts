import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import type { Finding } from "../../src/experiments/kind.js";

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");

/** What scripts/readme-numbers.mjs wrote: the findings of `npm start`, and of a published sweep. */
const measured = JSON.parse(read("docs/results/readme.json")) as Record<string, readonly Finding[]>;
const sentences = Object.values(measured).flatMap((findings) => findings.map(({ text }) => text));

describe("README.md", () => {
  const [, rest = ""] = read("README.md").split("\n## Does it pay?\n");
  const [answer = ""] = rest.split("\n## ");
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

  it("says of COST's toy what the demo found", () => {
    const [finding] = measured.demo?.filter(({ title }) => title === "LS-COST") ?? [];
    const [cost, plain, random] = [/from (\d of \d) starts/, /LS from (\d)/, /LS-random from (\d)/].map(
      (pattern) => pattern.exec(finding?.text ?? "")?.[1],
    );
    expect(answer).toContain(
      `front reached from ${plain} of 5 starts | from ${cost} starts; ${finding?.judgment} | random moves: ${random} of 5`,
    );
  });

  it("prints the accuracies in int8 that stand in the record of their study", () => {
    const row = /depthwise network with ReLU6.*/.exec(answer)?.[0] ?? "";
    const accuracies = [...row.matchAll(/([\d.]+) %/g)].map(([, value]) => value);
    const record =
      /^\| the same with ReLU6, 8 bits .*/m.exec(read("docs/studies/int8-equalized.md"))?.[0] ?? "";
    expect(accuracies).toHaveLength(3);
    for (const value of accuracies) expect(record).toContain(` ${value} (`);
  });

  it("describes its picture by the means of the measured runs", () => {
    const series: {
      readonly name: string;
      readonly runs: readonly { steps: number[]; values: number[] }[];
    }[] = JSON.parse(read("docs/results/pruned.json"));
    const meanOf = (name: string) => {
      const runs = series.find((one) => one.name === name)?.runs ?? [];
      return Math.round(
        runs.reduce((sum, { steps, values }) => sum + (values[steps.indexOf(70)] ?? Number.NaN), 0) /
          runs.length,
      );
    };
    expect(read("README.md")).toContain(
      `with 70 % of them zero, ${meanOf("as they are")} % are right when the least weights go as they are, and ${meanOf("balanced first")} % when`,
    );
  });

  it("says of each row what its experiment found", () => {
    const judgments = new Map(measured.demo?.map(({ title, judgment }) => [title, judgment]));
    expect(Object.fromEntries(judgments)).toMatchObject({
      balanced: "no better than a control",
      restored: "no better than a control",
      "level-set-10x20": "fewer steps, more time",
      "level-set": "fewer steps, too noisy to time",
      teleports: "undecided",
    });
    const rows = (start: string) => answer.split("\n").find((line) => line.startsWith(`| ${start}`));
    const times = sentences.flatMap((text) => /^level-set-10x20.* but in (.*?),/.exec(text)?.slice(1) ?? []);
    expect(rows("Rosenbrock's function")).toContain(`but ${times.join()}`);
    expect(rows("a regression in full batches")).toContain("too noisy to compare");
    expect(rows("digits in mini-batches")).toContain("undecided");
  });
});
