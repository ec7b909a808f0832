import { defineConfig } from "tsdown";
import { coreEntries, isInternal, sources } from "../../scripts/entries.js";
import { optionComments } from "../../scripts/option-comments.js";

export default defineConfig({
  entry: {
    ...Object.fromEntries(
      [...coreEntries, ...Object.keys(sources).filter(isInternal)].map((name) => [
        name.split("/")[1] ?? "index",
        sources[name],
      ]),
    ),
    "ort-node": "src/runtime/onnx/ort-node.ts",
    "ort-web": "src/runtime/onnx/ort-web.ts",
  },
  format: "esm",
  platform: "neutral",
  target: "es2022",
  tsconfig: "tsconfig.node.json",
  dts: true,
  plugins: [optionComments],
  // `#ort` is resolved where the package is used: the imports map picks the Node or the browser build.
  deps: { neverBundle: ["#ort", /^node:/, /^onnxruntime-/] },
});
