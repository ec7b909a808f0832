// Runs the commands of docs/your-own-data.md, and then those of docs/several-tasks.md, as printed, in their order, in a folder with
// the files that stand there.
import { beforeAll, describe, expect, it } from "vitest";
import { workbench } from "../commands/support.js";
import { readDocument } from "./tables.js";

const bench = workbench({ isInProcess: true });
const text = ["your-own-data.md", "several-tasks.md"].map(readDocument).join("");
const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, code]) =>
  (code ?? "").trim().split("\n"),
);
const blocksOf = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\b.*\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code]) => code ?? "",
  );

beforeAll(() => {
  const [rooms, , fresh, more] = blocksOf("csv");
  const files = {
    "rooms.csv": rooms,
    "new-rooms.csv": fresh,
    "more-rooms.csv": more,
    "bowl.mjs": blocksOf("es6")[0],
  };
  for (const [name, content] of Object.entries(files)) bench.write(name, content ?? "");
  for (const yaml of blocksOf("yaml")) {
    const [, name] = /^name: (.*)$/m.exec(yaml) as RegExpExecArray;
    bench.write(`${name}.yaml`, yaml);
  }
});

describe("docs/your-own-data.md and docs/several-tasks.md", () => {
  it("have commands", () => expect(lines.length).toBeGreaterThan(15));

  it.each(lines)("%s runs as printed", async (line) => {
    const [program, ...args] = line.split(" ");
    expect(program).toBe("isoloss");
    const { status, stderr } = await bench.run(...args);
    expect([status, stderr.replaceAll(/^(?!isoloss:).*\n/gm, "")]).toEqual([0, ""]);
  });
});
