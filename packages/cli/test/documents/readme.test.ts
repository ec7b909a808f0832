import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const read = (path: string): string => readFileSync(new URL(`../../../../${path}`, import.meta.url), "utf8");

describe("README.md", () => {
  it("has the table of what npm start measured", async () => {
    const { readmeTable } = await import("../../../../scripts/readme-table.mjs");
    const { machine, demo } = JSON.parse(read("docs/results/readme.json"));
    expect(read("README.md")).toContain(`<!-- measured -->\n${readmeTable(demo, machine)}\n<!-- end -->`);
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
});
