import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Outcome } from "isoloss-test-support/cli/in-process";
import { aliases } from "../../../scripts/entries.js";
import { lazyCommands } from "../lazy-commands.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const core = (file: string): string => path(`../../core/src/${file}`);
const figures = (file: string): string => path(`../../figures/src/${file}`);
const queue = (file: string): string => path(`../../queue/src/${file}`);

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** User and group; only root may choose. */
  readonly uid?: number;
}

export interface BuiltCli {
  /** Path of the built script. */
  readonly script: string;
  /** Runs `isoloss` with arguments in a process of its own, not on a terminal. */
  run(args: readonly string[], options?: RunOptions): Promise<Outcome>;
}

/**
 * The command line built from the sources of all packages as they are, whatever the state of `dist`. Test files share it:
 * it is built again when a source has changed.
 */
export async function buildCli(): Promise<BuiltCli> {
  // Inside the checkout: from there Node finds the dependencies.
  const cache = path("../../../node_modules/.cache/isoloss-cli");
  mkdirSync(cache, { recursive: true });
  const folder = join(cache, sourcesKey());
  if (!existsSync(folder)) {
    removeOld(cache);
    const making = mkdtempSync(join(cache, "making-"));
    await buildInto(making);
    try {
      renameSync(making, folder);
    } catch {
      // Another test file was faster: the same sources make the same program.
      rmSync(making, { recursive: true, force: true });
    }
  }
  const script = join(folder, "dist/bin.js");
  return {
    script,
    run: (args, { cwd = folder, env = {}, uid } = {}) =>
      new Promise((resolve, reject) => {
        // Colors as a user of a pipe has them, not as the terminal or the CI server that runs the tests.
        const { CI: _, NO_COLOR: __, FORCE_COLOR: ___, ...inherited } = process.env;
        const child = spawn(process.execPath, [script, ...args], {
          cwd,
          env: { ...inherited, ...env },
          ...(uid === undefined ? {} : { uid, gid: uid }),
        });
        const text = { stdout: "", stderr: "" };
        for (const name of ["stdout", "stderr"] as const) {
          child[name].setEncoding("utf8").on("data", (chunk: string) => {
            text[name] += chunk;
          });
        }
        child.on("error", reject).on("close", (status) => resolve({ status, ...text }));
      }),
  };
}

/** Names, sizes and times of all sources, and how they are built, as a hash. */
function sourcesKey(): string {
  const hash = createHash("sha256").update(readFileSync(fileURLToPath(import.meta.url)));
  for (const root of [path("../src"), core(""), figures(""), queue("")]) {
    for (const name of (readdirSync(root, { recursive: true }) as string[]).sort()) {
      const { size, mtimeMs } = statSync(join(root, name));
      hash.update(`${name} ${size} ${mtimeMs}\n`);
    }
  }
  return hash.digest("hex").slice(0, 16);
}

/** Removes builds that no test run uses any more. */
function removeOld(cache: string): void {
  for (const name of readdirSync(cache)) {
    const age = Date.now() - (statSync(join(cache, name), { throwIfNoEntry: false })?.mtimeMs ?? 0);
    if (age > 3_600_000) rmSync(join(cache, name), { recursive: true, force: true });
  }
}

async function buildInto(folder: string): Promise<void> {
  chmodSync(folder, 0o755);
  cpSync(path("../package.json"), join(folder, "package.json"));
  const { build } = await import("tsdown");
  await build({
    config: false,
    cwd: path(".."),
    entry: { bin: "src/bin.ts" },
    outDir: join(folder, "dist"),
    format: "esm",
    platform: "node",
    fixedExtension: false,
    dts: false,
    logLevel: "error",
    plugins: [lazyCommands],
    treeshake: { moduleSideEffects: () => false },
    alias: aliases,
    deps: {
      alwaysBundle: [/^isoloss(-[a-z]+)?(\/|$)/, "#ort"],
      neverBundle: [
        /^(onnxruntime-|ml-matrix|commander|linkedom|picocolors|@observablehq|@resvg|yaml|zod|bullmq|ioredis)/,
      ],
    },
  });
}
