import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inProcess, type Outcome } from "isoloss-test-support/cli/in-process";
import { afterAll, beforeAll } from "vitest";
import { type BuiltCli, buildCli } from "../built-cli.js";
import { folderInMemory } from "../memory.js";

/** What a model command says on stderr but for lines of progress, which it has where the machine is slow. */
export const withoutProgress = (stderr: string): string => stderr.replaceAll(/^\d+ s: .*\n/gm, "");

/** The built command line and a folder to work in, for the tests of a file. */
export interface Workbench {
  readonly folder: string;
  readonly cli: BuiltCli;
  /** Runs `isoloss` in the folder. */
  run(...args: string[]): Promise<Outcome>;
  /** Runs it, expects success, and reads the one JSON document on stdout. */
  json<T>(...args: string[]): Promise<T>;
  write(name: string, content: string): string;
  /** Lines of a file of records. */
  records(...path: string[]): Record<string, unknown>[];
  /** Directories of runs below the folder, sorted. */
  runs(): string[];
}

/**
 * @param options `isInProcess`: commands run in this process and in memory, which is cheaper; see `inProcess`. Processes, which may
 *   be killed, write to a disk
 */
export function workbench({ isInProcess = false } = {}): Workbench {
  let cli: BuiltCli;
  let folder: string;
  beforeAll(async () => {
    const prefix = "isoloss-commands-";
    folder = realpathSync(isInProcess ? folderInMemory(prefix) : mkdtempSync(join(tmpdir(), prefix)));
    if (!isInProcess) cli = await buildCli();
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }));
  const run = (...args: string[]) => (isInProcess ? inProcess(args, folder) : cli.run(args, { cwd: folder }));
  return {
    get folder() {
      return folder;
    },
    get cli() {
      return cli;
    },
    run,
    async json(...args) {
      const { status, stdout, stderr } = await run(...args);
      if (status !== 0) throw new Error(`isoloss ${args.join(" ")}: exit code ${status}\n${stderr}`);
      if (!/^[^\n]+\n$/.test(stdout)) throw new Error(`Not one line on stdout: ${stdout.slice(0, 200)}`);
      return JSON.parse(stdout);
    },
    write(name, content) {
      const path = join(folder, name);
      writeFileSync(path, content);
      return path;
    },
    records: (...path) =>
      readFileSync(join(folder, ...path), "utf8")
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    runs: () => readdirSync(join(folder, "runs")).sort(),
  };
}

/** Records without what a clock says. */
export const withoutTimes = (records: readonly Record<string, unknown>[]): unknown[] =>
  records.map(({ seconds: _, ...rest }) => rest);

/** A short run of a classifier, with teleports. */
export const digits = `name: digits
kind: train
data: digits
model: { name: mlp, sizes: [64, 12, 10], activation: leakyRelu }
optimizer: momentum
learningRate: 0.02
batchSize: 20
steps: 1500
evaluateEvery: 2
seeds: [3]
variants:
  plain: {}
  scaling:
    teleport:
      when: { every: 200, from: 50 }
      search: { name: gradientAscent, symmetry: positiveScaling, steps: 3 }
figures: [loss, validation]
`;

export const booth = `name: small
kind: minimize
problem: booth
optimizer: gd
learningRate: 0.08
steps: 10
variants:
  plain: {}
  exact: { teleport: { when: { atSteps: [4] }, search: bestAngle } }
`;
