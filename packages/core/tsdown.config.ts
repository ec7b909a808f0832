import { defineConfig } from "tsdown";

export default defineConfig({
  entry: {
    index: "src/index.ts",
    node: "src/node.ts",
    "ort-node": "src/runtime/onnx/ort-node.ts",
    "ort-web": "src/runtime/onnx/ort-web.ts",
  },
  format: "esm",
  platform: "neutral",
  target: "es2022",
  tsconfig: "tsconfig.node.json",
  dts: true,
  // `#ort` is resolved where the package is used: the imports map picks the Node or the browser build.
  deps: { neverBundle: ["#ort", /^node:/] },
});
