import { defineConfig } from "tsdown";
import { optionComments } from "../../scripts/option-comments.js";

export default defineConfig({
  entry: { index: "src/index.ts", node: "src/node/index.ts" },
  format: "esm",
  platform: "neutral",
  target: "es2022",
  tsconfig: "tsconfig.node.json",
  dts: true,
  plugins: [optionComments],
  deps: { neverBundle: [/^isoloss(\/|$)/, /^node:/, "fast-png", /^@jsquash\/jpeg/] },
});
