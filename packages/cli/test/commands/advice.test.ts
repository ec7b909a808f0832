// What commands print for the user to go on with.
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { workbench } from "./support.js";

const bench = workbench({ isInProcess: true });

/** The words of a command as a shell reads them. */
const wordsOf = (command: string): string[] =>
  execFileSync("sh", ["-c", `printf '%s\\n' ${command}`], { encoding: "utf8" })
    .split("\n")
    .slice(0, -1);

it("commands to copy hold paths with spaces", async () => {
  const { stdout } = await bench.run("init", "my own/first one.yaml");
  const [, command = ""] = /run it with\n {2}(.*)\n/.exec(stdout) ?? [];
  expect(wordsOf(command)).toEqual(["isoloss", "run", "my own/first one.yaml"]);
  mkdirSync(join(bench.folder, "my data"));
  bench.write("my data/a b.csv", `x,y\n${Array.from({ length: 20 }, (_, i) => `${i},${i % 2}\n`).join("")}`);
  const data = await bench.run("init", "--data", "my data/a b.csv");
  expect(wordsOf(/run it with\n {2}(.*)\n/.exec(data.stdout)?.[1] ?? "")).toEqual([
    ...["isoloss", "run", "a b.yaml"],
  ]);
});
