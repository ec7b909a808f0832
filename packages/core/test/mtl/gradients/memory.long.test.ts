import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const worker = fileURLToPath(new URL("./memory-worker.mjs", import.meta.url));

async function measured(kind: "losses" | "gramian") {
  const { stdout } = await promisify(execFile)(process.execPath, [worker, kind]);
  return JSON.parse(stdout) as { readonly bytes: number; readonly norms: readonly number[] };
}

// Linux tells a process its own largest memory.
describe.skipIf(!existsSync("/proc/self/status"))("the memory of a step", () => {
  it("with 40 tasks on 5 million parameters is below three times that of one backward pass", async () => {
    const one = await measured("losses");
    const all = await measured("gramian");
    expect(all.norms.every((norm) => norm > 0)).toBe(true);
    // J would be 40 times 4.9 million numbers of 4 bytes.
    expect(all.bytes).toBeLessThan(40 * 4.9e6 * 4);
    expect(all.bytes / one.bytes).toBeLessThan(3);
  });
});
