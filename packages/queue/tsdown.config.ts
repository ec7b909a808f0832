import { defineConfig } from "tsdown";

export default defineConfig({
  entry: { index: "src/index.ts" },
  format: "esm",
  platform: "node",
  target: "node20.19",
  fixedExtension: false,
  dts: true,
  deps: { neverBundle: [/^(isoloss|bullmq|ioredis)(\/|$)/] },
});
