// Runs the commands of docs/command-line.md as printed, in their order, in a folder with digits as .npy files alone: those that need
// a shell, and the first use of each command, in one with the built command line, the others in this process.
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { digits } from "isoloss";
import { encodeNpy } from "isoloss/data";
import { inProcess } from "isoloss-test-support/cli/in-process";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { buildCli } from "../built-cli.js";
import { MlflowServer } from "../formats/mlflow-server.js";
import { blocks, text } from "./command-blocks.js";

let folder: string;
let environment: NodeJS.ProcessEnv;
const server = new MlflowServer();

/** Runs a script in the folder, with `isoloss` as a command. */
function shell(code: string): Promise<{ readonly status: number | null; readonly output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn("sh", ["-eu", "-c", code], { cwd: join(folder, "work"), env: environment });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (chunk: string) => {
        output += chunk;
      });
    }
    child.on("error", reject).on("close", (status) => resolve({ status, output }));
  });
}

/** Runs `isoloss` there in this process, which is cheaper. */
async function here(words: readonly string[]): ReturnType<typeof shell> {
  const { status, stdout, stderr } = await inProcess(words, join(folder, "work"));
  return { status, output: stdout + stderr };
}

/** A command, and of those that do several things what it does. */
const use = /^isoloss (?:(?:data|model) \S+|(?:export|sweep) \S+ --\S+(?: \w+)?|\S+)/;
const used = new Set<string>();

beforeAll(async () => {
  const { script } = await buildCli();
  folder = mkdtempSync(join(tmpdir(), "isoloss-document-"));
  const command = join(folder, "isoloss");
  writeFileSync(command, `#!/bin/sh\nexec "${process.execPath}" "${script}" "$@"\n`);
  chmodSync(command, 0o755);
  mkdirSync(join(folder, "work"));
  const { images, labels } = digits();
  writeFileSync(join(folder, "work/x.npy"), encodeNpy(images));
  writeFileSync(join(folder, "work/y.npy"), encodeNpy(labels));
  vi.stubEnv("MLFLOW_TRACKING_URI", await server.start());
  environment = {
    ...process.env,
    PATH: `${folder}${delimiter}${process.env.PATH}`,
  };
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe("docs/command-line.md", () => {
  it.each(blocks.filter(({ isRun }) => isRun).map((block) => [block.at, block] as const))(
    "%s runs as printed, and prints what it says",
    async (_, { code }) => {
      let output = "";
      for (const line of code.trim().split("\n")) {
        // Words alone, and perhaps a comment.
        const [, words] = /^isoloss ([\w ./=:-]+?) *(?:#.*)?$/.exec(line) ?? [];
        const [command = line] = use.exec(line) ?? [];
        const isInProcess = words !== undefined && used.has(command);
        used.add(command);
        const ended = await (isInProcess ? here(words.split(" ")) : shell(line));
        expect(ended.status, ended.output).toBe(0);
        output += ended.output;
      }
      const promised = [...code.matchAll(/^# => (.*)$/gm)].map(([, line]) => line);
      if (promised.length > 0) expect(output.trimEnd().split("\n")).toEqual(promised);
    },
  );

  it("names the files that a run leaves behind", () => {
    const [, table] = text.split("## What a run leaves behind");
    const named = [...table.split("\n## ")[0].matchAll(/^\| `([^`]+)`/gm)].map(([, name]) => name);
    expect(named.length).toBeGreaterThan(5);
    // Of a function, and of a training on data.
    const runs = ["booth-exact-0-1", "mine-plain-0-1"].map((run) => join(folder, "work/runs", run));
    const isThere = (name: string) => runs.some((run) => existsSync(join(run, name)));
    expect(named.filter((name) => !isThere(name))).toEqual([]);
  });

  it.each([
    [1, "isoloss run booth --variant plain --quiet --set learningRate=5 --set steps=1000"],
    [1, "isoloss export nowhere --to csv"],
    [2, "isoloss run boot"],
    [2, "isoloss run booth --set steps=-1"],
  ])("tells exit code %i", async (code, command) => {
    expect((await shell(command)).status).toBe(code);
  });
});
