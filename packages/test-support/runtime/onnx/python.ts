import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";

const python = "/usr/bin/python3";

/** Whether Debian's Python has a package. */
export const hasPackage = (name: string): boolean => spawnSync(python, ["-c", `import ${name}`]).status === 0;

/** What a script prints; its first argument is a folder with the given files. */
export function runPython(script: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  const folder = mkdtempSync(join(tmpdir(), "isoloss-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    const { stdout, stderr, status } = spawnSync(python, ["-c", script, folder], { encoding: "utf8" });
    expect(status, stderr).toBe(0);
    return stdout.trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Checks every model of a folder against the ONNX standard, with the types and shapes that it states. */
export const checkModels = [
  "import sys, glob, onnx",
  "paths = glob.glob(f'{sys.argv[1]}/*.onnx')",
  "for path in paths: onnx.checker.check_model(onnx.load(path), full_check=True)",
  "print(len(paths), 'valid')",
].join("\n");
