import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { describeEnvironment } from "../../src/run/environment.js";

const versionIn = (folder: string): string =>
  JSON.parse(readFileSync(new URL(`../../../../${folder}/package.json`, import.meta.url), "utf8")).version;

it("names the versions that are installed, the machine and what computes", () => {
  const before = Date.now();
  const environment = describeEnvironment({ seed: 3, runtime: "onnx", threads: 2 });
  expect(environment).toMatchObject({
    versions: {
      isoloss: versionIn("packages/core"),
      cli: versionIn("packages/cli"),
      onnxruntime: versionIn("node_modules/onnxruntime-node"),
      node: process.versions.node,
    },
    runtime: "onnx",
    device: "cpu",
    threads: 2,
    seed: 3,
  });
  expect(environment.platform).toContain(process.platform);
  expect(environment.cpu.cores).toBeGreaterThan(0);
  expect(Date.parse(environment.startedAt)).toBeGreaterThanOrEqual(before);
});

it("has null for threads that the runtime chooses", () => {
  expect(describeEnvironment({ seed: 0, runtime: "javascript" }).threads).toBeNull();
});
