import { defineConfig } from "vitest/config";
import { sources } from "./scripts/entries.js";
import { countsReporter } from "./scripts/vitest-reporter.js";

export default defineConfig({
  resolve: {
    alias: Object.entries(sources).map(([name, path]) => ({
      find: new RegExp(`^${name}$`),
      replacement: path,
    })),
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
