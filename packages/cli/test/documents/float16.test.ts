// docs/float16.md: its commands as printed, the names of its table against those of the fixtures, its picture from a run.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { svgText } from "isoloss-figures";
import { toHalf } from "isoloss-onnx";
import { fixtures } from "isoloss-test-support/model-file/float16-fixtures";
import { transformer } from "isoloss-test-support/model-file/transformer";
import { describe, expect, it } from "vitest";
import { valueRanges } from "../../src/model/page.js";
import { workbench } from "../commands/support.js";
import { readDocument } from "./tables.js";

const bench = workbench({ isInProcess: true });
const text = readDocument("float16.md");
const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, code]) => code.trim().split("\n"));
const options = { fused: true, outlier: 9e4, layers: 4 } as const;

describe("docs/float16.md", () => {
  it.each(lines)("%s runs as printed", async (line) => {
    writeFileSync(join(bench.folder, "model.onnx"), transformer({ ...options, layers: 1 }));
    const [program, ...args] = line.split(" ");
    const { status, stderr } = await bench.run(...args);
    expect([program, status, stderr]).toEqual(["isoloss", 0, ""]);
  });

  it("has a row for each of the twelve fixtures", () => {
    const names = [...text.matchAll(/^\| ([^|]+) \| [\d.e+]+ \|/gm)].map(([, name]) => name);
    expect(names).toEqual(fixtures.map(({ name }) => name));
  });

  it.runIf(process.env.ISOLOSS_FLOAT16_PICTURE)("draws its picture", async () => {
    const { values } = await toHalf(transformer(options));
    const figure = valueRanges(values, {
      theme: "light",
      width: 720,
      title: "Values inside a transformer, before and after the move",
    });
    writeFileSync(process.env.ISOLOSS_FLOAT16_PICTURE as string, svgText(figure));
  });
});
