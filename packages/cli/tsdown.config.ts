import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { defineConfig } from "tsdown";
import { lazyCommands } from "./lazy-commands.js";

/** Node.js takes longer to read their many files than all of ours. */
const bundled = ["es-toolkit", "zod"];
const noticeOf = (path: string): string =>
  fileURLToPath(new URL(`../../node_modules/${path}`, import.meta.url));

export default defineConfig({
  entry: { bin: "src/bin.ts" },
  format: "esm",
  platform: "node",
  target: "node20.19",
  fixedExtension: false,
  dts: false,
  plugins: [lazyCommands],
  // No module of the command line does anything when it is loaded, but for the program and zod, which sets its language.
  treeshake: { moduleSideEffects: (id) => /[\\/]node_modules[\\/]zod[\\/]/.test(id) },
  deps: {
    neverBundle: [/^isoloss(-[a-z]+)?(\/|$)/],
    alwaysBundle: bundled,
    onlyBundle: bundled,
  },
  // Beside the program: what `isoloss run NAME` finds, and what `isoloss lab` serves.
  copy: [
    "../../experiments",
    { from: "../lab/dist", to: "dist", rename: "lab" },
    ...bundled.map((name) => ({ from: noticeOf(`${name}/LICENSE`), rename: `LICENSE-${name}` })),
    { from: noticeOf("es-toolkit/NOTICE"), rename: "NOTICE-es-toolkit" },
  ],
  hooks: {
    // The WebAssembly of ONNX Runtime is larger than all else: `isoloss lab` serves what is installed.
    "build:done"() {
      const folder = "dist/lab/assets";
      for (const name of readdirSync(folder)) if (name.endsWith(".wasm")) rmSync(`${folder}/${name}`);
    },
  },
});
