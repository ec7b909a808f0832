import { Command } from "commander";
import { DataError } from "isoloss";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { addCommands, type CommandRow, type Result } from "../../src/commands/command.js";
import { excluding, flag, flagOff, json, texts, type Values, value } from "../../src/option-rows.js";
import { positiveInteger } from "../../src/parse.js";

const printed = { stdout: "", stderr: "" };
beforeEach(() => {
  for (const name of ["stdout", "stderr"] as const) {
    printed[name] = "";
    vi.spyOn(process[name], "write").mockImplementation((chunk) => {
      printed[name] += String(chunk);
      return true;
    });
  }
});
afterEach(() => vi.restoreAllMocks());

const options = {
  heldOut: value("<path>", "inputs"),
  count: value("<n>", "how many", positiveInteger, 4),
  drop: texts("<name>", "what goes"),
  verify: flagOff("no check"),
  raw: excluding("count", flag("as it is")),
  json: json(),
};

/** Runs the command `test FILE` with these arguments, and another one beside it. */
async function run(
  args: readonly string[],
  act: (file: string, settings: Values<typeof options>) => Promise<Result | undefined>,
): Promise<void> {
  const row: CommandRow = { options, help: "Example:", run: act };
  const load = vi.fn();
  const program = new Command("program").exitOverride();
  const list = [
    { usage: "test <file>", summary: "tests", load: async () => row },
    { usage: "other", summary: "is not asked for", load },
  ];
  await addCommands(program, list, { args: ["test", ...args], script: undefined });
  expect(load).not.toHaveBeenCalled();
  await program.parseAsync(["test", ...args], { from: "user" });
}

describe("a command", () => {
  it("gets its arguments and the values of its options, or their defaults", async () => {
    const act = vi.fn(async () => undefined);
    await run(["file"], act);
    const defaults = { count: 4, drop: [], verify: true, raw: false, json: false, script: undefined };
    expect(act).toHaveBeenLastCalledWith("file", defaults);
    await run(["file", "--held-out", "x", "--count", "2", "--drop", "a", "--drop", "b", "--no-verify"], act);
    const given = { heldOut: "x", count: 2, drop: ["a", "b"], verify: false };
    expect(act).toHaveBeenLastCalledWith("file", { ...defaults, ...given });
    await expect(run(["file", "--raw", "--count", "2"], act)).rejects.toThrow("cannot be used with option");
  });

  const result: Result = {
    document: { rows: [1] },
    text: [{ columns: ["row"], rows: [["1"]] }, "One row."],
    note: "interrupted",
    error: new DataError("broken"),
  };

  it("prints its result as a text, what is to be noted, and then fails", async () => {
    await expect(run(["file"], async () => result)).rejects.toThrow("broken");
    expect(printed).toEqual({ stdout: "row\n1\n\nOne row.\n", stderr: "isoloss: interrupted\n" });
  });

  it("prints it as one document with --json", async () => {
    await run(["file", "--json"], async () => ({ document: result.document, text: result.text }));
    expect(printed).toEqual({ stdout: '{"rows":[1]}\n', stderr: "" });
  });
});
