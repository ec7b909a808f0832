import { readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { entries } from "../../../../scripts/entries.js";
import { read, root } from "./documents.js";

const folder = "packages/core/src";
const sources = readdirSync(fileURLToPath(new URL(folder, root)), { recursive: true })
  .map((path) => String(path).replaceAll("\\", "/"))
  .filter((path) => path.endsWith(".ts"));

/** What a source imports, as written. */
const importsOf = (path: string): string[] =>
  [...read(`${folder}/${path}`).matchAll(/(?:from|import\() ?"([^"]+)"/g)].map(([, from]) => from);

/** The folders of CONTRIBUTING.md's table, from top to bottom; files and folders of a row count as one. */
const rows = [...read("CONTRIBUTING.md").matchAll(/^\| (`[^|]*`) +\|/gm)]
  .map(([, cell]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name.replace(/\/$/, "").split("/")[0]),
  )
  .filter((names) => names.some((name) => sources.some((path) => path.split("/")[0] === name)));
/** Entry points: they are for users, and take from any room. */
const isEntry = (path: string) => path.startsWith("entries/");
const rankOf = (path: string): number => rows.findIndex((names) => names.includes(path.split("/")[0]));

it("every room of the library is in CONTRIBUTING.md", () => {
  expect(sources.filter((path) => !isEntry(path) && rankOf(path) < 0)).toEqual([]);
});

it("a room imports only from those above it", () => {
  const wrong = sources
    .filter((path) => !isEntry(path))
    .flatMap((path) =>
      importsOf(path)
        .filter((from) => from.startsWith("."))
        .map((from) => normalize(join(dirname(path), from)).replace(/\.js$/, ".ts"))
        .filter((target) => rankOf(target) > rankOf(path))
        .map((target) => `${path} imports ${target}`),
    );
  expect(wrong).toEqual([]);
});

it("nothing in the library imports an entry point: they are for users", () => {
  const wrong = sources.filter((path) => importsOf(path).some((from) => from.includes("entries/")));
  expect(wrong).toEqual([]);
});

it("the files of entries/ are the entry points of the package", () => {
  const files = sources.filter(isEntry).map((path) => `./${folder}/${path}`);
  const { compilerOptions } = JSON.parse(read("tsconfig.base.json"));
  const paths = compilerOptions.paths as Record<string, [string]>;
  expect(entries.flatMap((name) => paths[name]).sort()).toEqual(files.sort());
  const { exports } = JSON.parse(read("packages/core/package.json"));
  const exported = Object.keys(exports).filter((name) => name !== "./package.json");
  expect(exported.map((name) => name.replace(".", "isoloss"))).toEqual(entries);
});

it("a public name is one thing, wherever it is imported from", async () => {
  const seen = new Map<string, unknown>();
  for (const path of sources.filter(isEntry)) {
    const module = await import(fileURLToPath(new URL(`${folder}/${path}`, root)));
    for (const [name, value] of Object.entries(module)) {
      if (seen.has(name)) expect(value, `${path}: ${name}`).toBe(seen.get(name));
      seen.set(name, value);
    }
  }
  expect(seen.size).toBeGreaterThan(250);
});

it("only node/ imports Node's own modules", () => {
  const wrong = sources.filter(
    (path) => !path.startsWith("node/") && importsOf(path).some((from) => from.startsWith("node:")),
  );
  expect(wrong).toEqual([]);
});
