// Whether docs/command-line.md is complete; command-line.long.test.ts runs its commands.
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createProgram } from "../../src/commands/program.js";
import { blocks, text } from "./command-blocks.js";

describe("docs/command-line.md", () => {
  it("has commands, all of which are run but the installation", () => {
    expect(blocks.length).toBeGreaterThan(10);
    const left = blocks.filter(({ isRun }) => !isRun).map(({ code }) => code.trim());
    expect(left).toEqual([
      "npm install --global isoloss-cli --ignore-scripts",
      // sweeps-on-queue.long.test.ts runs it, with a server.
      "isoloss worker --queue redis://127.0.0.1:6379 --jobs 2 --idle-exit 60",
      // lab.long.test.ts runs it until Ctrl-C.
      "isoloss lab",
    ]);
  });

  it("has an example of every command", async () => {
    const commands = (await createProgram([], { version: "0.0.0" })).commands.map((command) =>
      command.name(),
    );
    const all = blocks.map(({ code }) => code).join("\n");
    expect(commands.filter((name) => !new RegExp(`^isoloss ${name}\\b`, "m").test(all))).toEqual([]);
  });

  it("says how many experiments the demo has, as the README does", () => {
    const root = new URL("../../../../", import.meta.url);
    const count = readdirSync(new URL("experiments/demo", root)).length;
    const words = ["five", "six", "seven", "eight", "nine"];
    expect(text).toContain(`runs ${words[count - 5]} small experiments`);
    expect(readFileSync(new URL("README.md", root), "utf8")).toContain(
      `${words[count - 5]} experiments with and`,
    );
  });
});
