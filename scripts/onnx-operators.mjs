// Writes docs/onnx-operators.md: what is read of ONNX, by running its conformance suite (Debian's libonnx-testdata). A
// test compares the page with the suite's outcomes.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

if (!existsSync("/usr/share/libonnx-testdata/data")) {
  console.error("The suite is not installed: apt-get install libonnx-testdata");
  process.exit(1);
}
const test = "packages/core/test/nn/onnx/conformance/conformance.long.test.ts";
const { status } = spawnSync("npx", ["vitest", "run", test, "--mode", "long", "--update"], {
  stdio: "inherit",
});
process.exit(status ?? 1);
