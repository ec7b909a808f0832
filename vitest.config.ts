import { defineConfig } from "vitest/config";
import { sources } from "./scripts/entries.js";
import { optionComments } from "./scripts/option-comments.js";
import { countsReporter } from "./scripts/vitest-reporter.js";
import { LongestFirst } from "./scripts/vitest-sequencer.js";

/** Tests that put other modules in the place of Node's or of the library's: no other test may see these. */
const mocking = [
  "packages/cli/test/experiments/{jobs/pool,jobs/session,report/batch}.test.ts",
  "packages/core/test/node/images/image.test.ts",
  "packages/lab/test/{app/session,app/tab,screens/ort}.test.ts",
  "packages/cli/test/run/{directory,lock,resume}.test.ts",
  "packages/core/test/node/checkpoints.test.ts",
  "packages/onnx/test/model-file/decoded-once.test.ts",
  "packages/core/test/symmetry/inverses-without-onnx.test.ts",
];

/**
 * V8 in Node.js 20 optimizes a function after a budget of 67,584 bytes of bytecode. Most functions of tests do not run for long
 * enough to repay that: with eight times the budget, four files of tests took 27 s of processor time where they took 46 s, beside
 * other programs; with thirty times, a sample of six folders took 82 s where eight times took 92 s. Node.js 22 and 24 do not know the flag.
 */
const lateOptimization = process.version.startsWith("v20.") ? ["--interrupt-budget=2000000"] : [];

/** Tests that take long wait often: for pages, for processes, for what was killed. */
const workersIn = (mode: string): number => (mode === "long" || mode === "all" ? 3 : 2);

const long = "packages/*/test/**/*.long.test.ts";

/** `--mode quick`, which is `npm test`, takes a sample of the rows of large tables; `--mode all` runs all tests, `--mode long` only those that take long: processes, browsers, slow rows of tables, runs that are killed, full disks. */
export default defineConfig(({ mode }) => ({
  plugins: [optionComments],
  resolve: {
    alias: Object.entries(sources).map(([name, path]) => ({
      find: new RegExp(`^${name}$`),
      replacement: path,
    })),
  },
  test: {
    // Most tests share the modules of a process, whose loading takes a third of the time.
    projects: [
      {
        extends: true,
        test: {
          name: "isolated",
          // Here, as a project does not take it from what all extend.
          maxWorkers: workersIn(mode),
          include: [
            ...(mode === "long" ? [] : mocking),
            ...(mode === "long" || mode === "all" ? [long] : []),
          ],
          exclude: ["**/node_modules/**", ...(mode === "long" || mode === "all" ? [] : [long])],
        },
      },
      {
        extends: true,
        test: {
          name: "sharing",
          maxWorkers: workersIn(mode),
          isolate: false,
          include: mode === "long" ? [] : ["packages/*/test/**/*.test.ts"],
          exclude: ["**/node_modules/**", ...mocking, long],
        },
      },
    ],
    reporters: ["default", countsReporter()],
    // Processes, not threads: a crash of the native ONNX Runtime then fails one file, not the run.
    pool: "forks",
    execArgv: lateOptimization,
    // Transformed modules, in node_modules; `npx vitest --clearCache` forgets them.
    experimental: { fsModuleCache: true },
    setupFiles: "scripts/vitest-setup.ts",
    env: mode === "quick" ? { SAMPLED_ROWS: "true" } : mode === "test" ? {} : { ALL_CASES: "true" },
    sequence: { sequencer: LongestFirst },
    // For what hangs: a slow machine, beside other programs, must not fail.
    testTimeout: 300_000,
    hookTimeout: 300_000,
    expect: { poll: { timeout: 120_000 } },
  },
}));
