import { defineConfig, type UserConfig } from "tsdown";
import { optionComments } from "../../scripts/option-comments.js";

const common: UserConfig = {
  format: "esm",
  platform: "neutral",
  target: "es2022",
  plugins: [optionComments],
  deps: { neverBundle: [/^isoloss(\/|$)/] },
};

export default defineConfig([
  { ...common, entry: { index: "src/index.ts" }, dts: true },
  // What a thread loads, without a package.
  {
    ...common,
    entry: { "layer-rounding": "src/quantize/layer-rounding.ts" },
    clean: false,
    dts: false,
    treeshake: { moduleSideEffects: false },
  },
]);
