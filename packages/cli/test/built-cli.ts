import { spawn } from "node:child_process";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Outcome } from "isoloss-test-support/cli/in-process";
import { sharedBuild } from "isoloss-test-support/shared-build";
import { aliases } from "../../../scripts/entries.js";
import { lazyCommands } from "../lazy-commands.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

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

/** The command line built from the sources of all packages as they are, whatever the state of `dist`. */
export async function buildCli(): Promise<BuiltCli> {
  const sources = ["../src", "../../core/src", "../../onnx/src", "../../benchmarks/src", "../../figures/src"];
  const folder = await sharedBuild(
    "cli",
    [...sources, "../../queue/src", "../lazy-commands.ts"].map(path).concat(fileURLToPath(import.meta.url)),
    buildInto,
  );
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

async function buildInto(folder: string): Promise<void> {
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
        /^(onnxruntime-|ml-matrix|commander|picocolors|@observablehq|@resvg|yaml|zod|bullmq|ioredis)/,
      ],
    },
  });
}
