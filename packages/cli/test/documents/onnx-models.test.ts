// Runs the commands of docs/onnx-models.md as printed, in their order, in a folder with a model and photos.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { encode } from "fast-png";
import { beforeAll, describe, expect, it } from "vitest";
import { workbench } from "../commands/support.js";
import { normalized } from "../model/model-files.js";
import { readDocument } from "./tables.js";

const bench = workbench({ isInProcess: true });
const text = readDocument("onnx-models.md");
const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, code]) => code.trim().split("\n"));

beforeAll(() => {
  writeFileSync(join(bench.folder, "model.onnx"), normalized());
  mkdirSync(join(bench.folder, "photos"));
  for (const name of ["cats", "dogs"]) mkdirSync(join(bench.folder, "classes", name), { recursive: true });
  for (let i = 0; i < 8; i++) {
    const data = Uint8Array.from({ length: 9 * 7 * 3 }, (_, k) => (37 * k + 101 * i) % 256);
    const photo = encode({ width: 9, height: 7, channels: 3, data });
    writeFileSync(join(bench.folder, "photos", `${i}.png`), photo);
    writeFileSync(join(bench.folder, "classes", i % 2 === 0 ? "cats" : "dogs", `${i}.png`), photo);
  }
});

describe("docs/onnx-models.md", () => {
  it("has commands of isoloss model alone", () => {
    expect(lines.length).toBeGreaterThan(4);
    expect(lines.filter((line) => !line.startsWith("isoloss model "))).toEqual([]);
  });

  it.each(lines)("%s runs as printed", async (line) => {
    const [, ...args] = line.split(" ");
    const { status, stderr } = await bench.run(...args);
    // What training tells of its progress, and that scales are larger than what they save in so small a file.
    const messages = stderr
      .replaceAll(/^(as it came|epoch \d+ of \d+): .*\n/gm, "")
      .replaceAll(/^isoloss: \w+\.onnx is larger than .*\n/gm, "");
    expect([status, messages]).toEqual([0, ""]);
  });
});
