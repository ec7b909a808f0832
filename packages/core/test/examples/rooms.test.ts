import { readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
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
const rankOf = (path: string): number => rows.findIndex((names) => names.includes(path.split("/")[0]));

it("every room of the library is in CONTRIBUTING.md", () => {
  const rooms = sources.filter((path) => path !== "index.ts" && path !== "node.ts");
  expect(rooms.filter((path) => rankOf(path) < 0)).toEqual([]);
});

it("a room imports only from those above it", () => {
  const wrong = sources
    .filter((path) => path !== "index.ts" && path !== "node.ts")
    .flatMap((path) =>
      importsOf(path)
        .filter((from) => from.startsWith("."))
        .map((from) => normalize(join(dirname(path), from)).replace(/\.js$/, ".ts"))
        .filter((target) => rankOf(target) > rankOf(path))
        .map((target) => `${path} imports ${target}`),
    );
  expect(wrong).toEqual([]);
});

it("only node/ imports Node's own modules", () => {
  const wrong = sources.filter(
    (path) => !path.startsWith("node/") && importsOf(path).some((from) => from.startsWith("node:")),
  );
  expect(wrong).toEqual([]);
});
