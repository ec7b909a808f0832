import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, it } from "vitest";

describe("registries", () => {
  it("have the summaries that stand at the options' types, all of them public", () => {
    const script = fileURLToPath(new URL("../../../scripts/option-summaries.mjs", import.meta.url));
    execFileSync(process.execPath, [script, "--check"], { stdio: "pipe" });
  });
});
