import { mkdirSync, mkdtempSync, realpathSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "tsdown";
import { aliases } from "../../../../scripts/entries.js";

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** `writer.ts`, or another program, with the sources it uses as one script that Node runs. */
export async function buildWriter(
  program = new URL("./writer.ts", import.meta.url),
): Promise<{ readonly script: string; remove(): void }> {
  // Inside the checkout: from there Node finds the dependencies.
  const cache = path("../../../../node_modules/.cache");
  mkdirSync(cache, { recursive: true });
  const folder = realpathSync(mkdtempSync(join(cache, "isoloss-writer-")));
  await build({
    config: false,
    cwd: path("../.."),
    entry: { program: fileURLToPath(program) },
    outDir: folder,
    format: "esm",
    platform: "node",
    fixedExtension: false,
    dts: false,
    logLevel: "error",
    alias: aliases,
    deps: {
      alwaysBundle: [/^isoloss(\/|$)/, "#ort"],
      neverBundle: [/^(onnxruntime-|ml-matrix|yaml|zod)/],
    },
  });
  return {
    script: join(folder, "program.js"),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
