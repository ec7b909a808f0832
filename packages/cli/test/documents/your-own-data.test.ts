// Runs the commands of docs/your-own-data.md as printed, in their order, in a folder with the files that stand there.
import { beforeAll, describe, expect, it } from "vitest";
import { workbench } from "../commands/support.js";
import { readDocument } from "./tables.js";

const bench = workbench({ isInProcess: true });
const text = readDocument("your-own-data.md");
const lines = [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, code]) =>
  (code ?? "").trim().split("\n"),
);
const blocksOf = (language: string) =>
  [...text.matchAll(new RegExp(`^\`\`\`${language}\\b.*\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    ([, code]) => code ?? "",
  );

beforeAll(() => {
  const [rents, pays, bowl] = blocksOf("yaml");
  const files = {
    "rooms.csv": blocksOf("csv")[0],
    "bowl.mjs": blocksOf("es6")[0],
    "rents.yaml": rents,
    "pays.yaml": pays,
    "bowl.yaml": bowl,
  };
  for (const [name, content] of Object.entries(files)) bench.write(name, content);
});

describe("docs/your-own-data.md", () => {
  it("has commands", () => expect(lines.length).toBeGreaterThan(5));

  it.each(lines)("%s runs as printed", async (line) => {
    const [program, ...args] = line.split(" ");
    expect(program).toBe("isoloss");
    const { status, stderr } = await bench.run(...args);
    expect([status, stderr.replaceAll(/^(?!isoloss:).*\n/gm, "")]).toEqual([0, ""]);
  });
});
