import { readdirSync, rmSync } from "node:fs";
import { defineConfig } from "tsdown";
import { lazyCommands } from "./lazy-commands.js";

export default defineConfig({
  entry: { bin: "src/bin.ts" },
  format: "esm",
  platform: "node",
  target: "node20.19",
  fixedExtension: false,
  dts: false,
  plugins: [lazyCommands],
  // No module of the command line does anything when it is loaded, but for the program.
  treeshake: { moduleSideEffects: () => false },
  deps: { neverBundle: [/^isoloss(-[a-z]+)?(\/|$)/] },
  // Beside the program: what `isoloss run NAME` finds, and what `isoloss lab` serves.
  copy: ["../../experiments", { from: "../lab/dist", to: "dist", rename: "lab" }],
  hooks: {
    // The WebAssembly of ONNX Runtime is larger than all else: `isoloss lab` serves what is installed.
    "build:done"() {
      const folder = "dist/lab/assets";
      for (const name of readdirSync(folder)) if (name.endsWith(".wasm")) rmSync(`${folder}/${name}`);
    },
  },
});
