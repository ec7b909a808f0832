import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { countsReporter } from "./scripts/vitest-reporter.js";

const source = (path: string, name = "core") =>
  fileURLToPath(new URL(`./packages/${name}/src/${path}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^isoloss$/, replacement: source("index.ts") },
      { find: /^isoloss\/node$/, replacement: source("node.ts") },
      { find: /^isoloss-figures$/, replacement: source("index.ts", "figures") },
      { find: /^isoloss-figures\/base$/, replacement: source("base.ts", "figures") },
      { find: /^#ort$/, replacement: source("runtime/onnx/ort-node.ts") },
    ],
  },
  test: {
    include: ["packages/*/test/**/*.test.ts"],
    reporters: ["default", countsReporter()],
    // Processes, not threads: a crash of the native ONNX Runtime then fails one file, not the run.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
