import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { expect, it } from "vitest";

const root = new URL("../src/", import.meta.url);
const files = readdirSync(root, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".ts"));

const textOf = (file: string): string => readFileSync(new URL(file, root), "utf8");

/** The files that each file imports, types included. */
const imports = new Map(
  files.map((file) => [
    file,
    [...textOf(file).matchAll(/(?:import|export)\b[^;]*?from "(\.[^"]+)\.js"/g)].map(
      ([, path]) => `${posix.join(posix.dirname(file), path)}.ts`,
    ),
  ]),
);

/** All files that a file needs, by way of others too. */
function neededBy(file: string): Set<string> {
  const seen = new Set<string>();
  const stack = [...(imports.get(file) ?? [])];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    stack.push(...(imports.get(next) ?? []));
  }
  return seen;
}

it("no files import each other in a circle but operations, whose derivatives are operations, and what describes one", () => {
  const needs = new Map(files.map((file) => [file, neededBy(file)]));
  const inCircle = files.filter((file) => needs.get(file)?.has(file));
  expect(inCircle.sort()).toEqual([
    "graph/javascript-rule.ts",
    "graph/onnx-rule.ts",
    "graph/ops/arithmetic.ts",
    "graph/ops/broadcast.ts",
    "graph/ops/compare.ts",
    "graph/ops/elementary.ts",
    "graph/ops/gather.ts", // Each of gather and scatterAdd is the other's derivative.
    "graph/ops/leaf.ts",
    "graph/ops/reduce.ts",
    "graph/ops/scatter.ts",
    "graph/tensor.ts",
  ]);
});

it("operations name no layout of ONNX Runtime's own", () => {
  const naming = files.filter((file) => file.startsWith("graph/") && /nchwc|convBlock/i.test(textOf(file)));
  expect(naming).toEqual([]);
});
