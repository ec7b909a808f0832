import { defineConfig } from "tsdown";
import { optionComments } from "../../scripts/option-comments.js";

export default defineConfig({
  entry: { index: "src/index.ts" },
  format: "esm",
  platform: "neutral",
  target: "es2022",
  dts: true,
  plugins: [optionComments],
  deps: { neverBundle: [/^isoloss(\/|$)/] },
});
