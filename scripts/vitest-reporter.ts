import type { Reporter } from "vitest/node";

/**
 * Ends the output with `N passed, N failed, N skipped`. A failure outside a test (a module that does not load,
 * a failing hook, an unhandled error) counts as one failed test, so that the line never says 0 failed on a failed run.
 */
export function countsReporter(): Reporter {
  return {
    onTestRunEnd(modules, unhandledErrors) {
      let passed = 0;
      let failed = unhandledErrors.length;
      let skipped = 0;
      for (const module of modules) {
        let failedHere = 0;
        for (const test of module.children.allTests()) {
          const { state } = test.result();
          if (state === "passed") passed++;
          else if (state === "failed") failedHere++;
          else skipped++;
        }
        if (failedHere === 0 && module.state() === "failed") failedHere = 1;
        failed += failedHere;
      }
      process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`);
    },
  };
}
