import { spawn } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsdown";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const core = (file: string): string => path(`../../core/src/${file}`);

export interface Outcome {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

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
  remove(): void;
}

/** The command line built from the sources of both packages as they are, whatever the state of `dist`. */
export async function buildCli(): Promise<BuiltCli> {
  // Inside the checkout: from there Node finds the dependencies.
  const cache = path("../../../node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = realpathSync(mkdtempSync(join(cache, "isoloss-cli-")));
  chmodSync(folder, 0o755);
  cpSync(path("../package.json"), join(folder, "package.json"));
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
    alias: {
      "isoloss/node": core("node.ts"),
      isoloss: core("index.ts"),
      "#ort": core("runtime/onnx/ort-node.ts"),
    },
    deps: { neverBundle: [/^(onnxruntime-|ml-matrix|commander|linkedom|picocolors|@observablehq)/] },
  });
  const script = join(folder, "dist/bin.js");
  return {
    script,
    run: (args, { cwd = folder, env = {}, uid } = {}) =>
      new Promise((resolve, reject) => {
        // Colours as a user of a pipe has them, not as the terminal or the CI server that runs the tests.
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
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}
