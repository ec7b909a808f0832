// json-documents.test.ts compares the page with what commands print; this one with the types of the program.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

it("docs/json-documents.md is what scripts/json-documents.mjs writes of the types", () => {
  const root = fileURLToPath(new URL("../../../../", import.meta.url));
  const check = () =>
    execFileSync(process.execPath, ["scripts/json-documents.mjs", "--check"], { cwd: root });
  expect(check).not.toThrow();
});
