import { defineConfig } from "vitest/config";
import { sources } from "./scripts/entries.js";
import { countsReporter } from "./scripts/vitest-reporter.js";

/** `--mode all` runs all tests, `--mode long` only those that take long: runs that are killed, full disks, searches with absurd settings. */
export default defineConfig(({ mode }) => ({
  resolve: {
    alias: Object.entries(sources).map(([name, path]) => ({
      find: new RegExp(`^${name}$`),
      replacement: path,
    })),
  },
  test: {
    include: mode === "long" ? ["packages/*/test/**/*.long.test.ts"] : ["packages/*/test/**/*.test.ts"],
    exclude: ["**/node_modules/**", ...(mode === "all" || mode === "long" ? [] : ["**/*.long.test.ts"])],
    reporters: ["default", countsReporter()],
    // Processes, not threads: a crash of the native ONNX Runtime then fails one file, not the run.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
  },
}));
