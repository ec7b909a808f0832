import { defineConfig } from "tsdown";

export default defineConfig({
  entry: { index: "src/index.ts", node: "src/node/index.ts" },
  format: "esm",
  platform: "neutral",
  target: "es2022",
  tsconfig: "tsconfig.node.json",
  dts: true,
  deps: { neverBundle: [/^isoloss(\/|$)/, /^node:/, "fast-png", /^@jsquash\/jpeg/] },
});
