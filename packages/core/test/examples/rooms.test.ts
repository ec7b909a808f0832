import { readdirSync } from "node:fs";
import { dirname, join, normalize } from "node:path/posix";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { coreEntries, entries, sources as entryFiles, isInternal } from "../../../../scripts/entries.js";
import { read, root } from "./documents.js";

/** The sources in a folder, by their paths from there. */
const sourcesIn = (folder: string): string[] =>
  readdirSync(fileURLToPath(new URL(folder, root)), { recursive: true })
    .map((path) => String(path).replaceAll("\\", "/"))
    .filter((path) => path.endsWith(".ts"));

/** What a source imports, as written. */
const importsOf = (path: string): string[] =>
  [...read(path).matchAll(/(?:from|import\() ?"([^"]+)"/g)].map(([, from]) => from);

/** Entry points: they are for users, and take from any room. */
const isEntry = (path: string) => /^(entries\/|(node\/)?index\.ts$)/.test(path);

/** Paths of imports that come back to where they began, one for each import that closes a circle. */
function circles(sources: readonly string[], targetsOf: (path: string) => readonly string[]): string[] {
  const found: string[] = [];
  const done = new Set<string>();
  const walk = (way: readonly string[]) => {
    const at = way[way.length - 1];
    for (const target of targetsOf(at)) {
      if (way.includes(target)) found.push([...way.slice(way.indexOf(target)), target].join(" -> "));
      else if (!done.has(target)) walk([...way, target]);
    }
    done.add(at);
  };
  for (const path of sources) if (!done.has(path)) walk([path]);
  return found;
}

describe.each(["core/src", "onnx/src", "benchmarks/src", "cli/src", "cli/src/experiments"])(
  "in packages/%s",
  (name) => {
    const folder = `packages/${name}`;
    const sources = sourcesIn(folder);
    /** The rows of the README's table, from top to bottom; files and folders of a row count as one. */
    const [, text] = read(`packages/${name.split("/")[0]}/README.md`).split(`| folder under \`${folder}\``);
    const rows = [...text.split("\n\n")[0].matchAll(/^\| (`[^|]*`) +\|/gm)].map(([, cell]) =>
      [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name.replace(/\/$/, "").split("/")[0]),
    );
    const rankOf = (path: string): number => rows.findIndex((names) => names.includes(path.split("/")[0]));

    /** The sources that a source imports. */
    const targets = new Map(
      sources.map((path) => [
        path,
        importsOf(`${folder}/${path}`)
          .filter((from) => from.startsWith("."))
          .map((from) => normalize(join(dirname(path), from)).replace(/\.js$/, ".ts")),
      ]),
    );
    const targetsOf = (path: string): readonly string[] => targets.get(path) ?? [];

    it("a room imports only from those above it", () => {
      const wrong = sources
        .filter((path) => !isEntry(path))
        .flatMap((path) =>
          targetsOf(path)
            .filter((target) => rankOf(target) > rankOf(path))
            .map((target) => `${path} imports ${target}`),
        );
      expect(wrong).toEqual([]);
    });

    it("nothing imports an entry point: they are for users", () => {
      expect(sources.filter((path) => targetsOf(path).some(isEntry))).toEqual([]);
    });

    it("nothing imports in a circle but operations, whose derivatives are made of each other", () => {
      const isOperation = (path: string) =>
        /^graph\/(ops\/[^/]+|tensor|javascript-rule|onnx-rule)\.ts$/.test(path);
      const rest = sources.filter((path) => name !== "core/src" || !isOperation(path));
      const wanted = new Set(rest);
      expect(circles(rest, (path) => targetsOf(path).filter((target) => wanted.has(target)))).toEqual([]);
    });

    if (name.startsWith("cli")) return;
    it("only node/ imports Node's own modules", () => {
      const wrong = sources.filter(
        (path) =>
          !path.startsWith("node/") &&
          importsOf(`${folder}/${path}`).some((from) => from.startsWith("node:")),
      );
      expect(wrong).toEqual([]);
    });
  },
);

it("the files of entries/ are the entry points of isoloss", () => {
  const inPaths = Object.keys(entryFiles).filter((name) => coreEntries.includes(name) || isInternal(name));
  const files = sourcesIn("packages/core/src/entries").map((path) =>
    fileURLToPath(new URL(`packages/core/src/entries/${path}`, root)),
  );
  expect(inPaths.map((name) => entryFiles[name]).sort()).toEqual(files.sort());
  const { exports } = JSON.parse(read("packages/core/package.json"));
  const exported = Object.keys(exports).filter((name) => name !== "./package.json");
  expect(exported.map((name) => name.replace(".", "isoloss")).sort()).toEqual(inPaths.sort());
});

it("a public name is one thing, wherever it is imported from", async () => {
  const seen = new Map<string, unknown>();
  for (const entry of entries) {
    const module = await import(entryFiles[entry]);
    for (const [name, value] of Object.entries(module)) {
      if (seen.has(name)) expect(value, `${entry}: ${name}`).toBe(seen.get(name));
      seen.set(name, value);
    }
  }
  expect(seen.size).toBeGreaterThan(250);
});
