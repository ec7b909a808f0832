import { type Dirent, existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { sampledRows } from "isoloss-test-support/random-cases";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { describe, expect, it } from "vitest";
import { code, expectRuns, inFolderWith, isSlow, namedFilesOf, runnable } from "./docs-support.js";
import { documents, promisesOf, read, root } from "./documents.js";
import { runCode } from "./run-code.js";

describe("the code in the documents", () => {
  it("is there, and README.md has one block that says what it prints", () => {
    expect(code.length).toBeGreaterThan(4);
    const [block, ...others] = code.filter(({ at }) => at.startsWith("README.md"));
    expect(others).toEqual([]);
    expect(promisesOf(block).length).toBeGreaterThan(0);
  });

  it("is ts with at most the flag continued, or no-run, which is for pages and bundlers' settings", () => {
    for (const { at, info } of code) {
      expect([["ts"], ["ts", "continued"], ["ts", "no-run"]], at).toContainEqual(info);
      if (info.includes("no-run")) expect(at).toMatch(/^docs\/browser\.md/);
    }
  });

  expectRuns(sampledRows(runnable.filter(([at]) => !isSlow(at))));
});

it("the program of docs/your-own-data.md exports a file that ONNX Runtime runs on rows of the table", async () => {
  const path = "docs/your-own-data.md";
  const block = code.find(({ at }) => at.startsWith(path)) as (typeof code)[number];
  const found = await inFolderWith(namedFilesOf(path), async () => {
    const lines = await runCode(`${block.code}\nconsole.log(JSON.stringify([table.features, rents]));`);
    return { file: readFileSync("rent.onnx"), lines };
  });
  const [features, rents] = JSON.parse(found.lines.at(-1) as string);
  expect(features).toEqual(["area", "heating=gas", "heating=oil", "heating=wood"]);
  const session = await InferenceSession.create(found.file);
  // The areas and heatings of new.csv: of an area that is missing, as it is missing.
  const { output } = await session.run({
    input: new Tensor("float32", [50, 1, 0, 0, Number.NaN, 0, 1, 0], [2, 4]),
  });
  const values = Array.from(output.data as Float32Array);
  expect(values).toEqual(rents.map((rent: number) => expect.closeTo(rent, 2)));
  // In the table's unit: it has rents from 500 to 1180.
  expect(Math.min(...values)).toBeGreaterThan(400);
  await session.release();
});

describe("the documents", () => {
  /** References are written when the site is built; its sidebar lists them. */
  const sidebar = read("docs/.vitepress/config.mjs");
  const isGenerated = (path: string) =>
    /^docs\/reference\//.test(path) && sidebar.includes(`"${path.replace(/^docs(.*)\.md$/, "$1")}"`);

  it.each(documents)("%s has links to what is there", (path) => {
    const links = [...read(path).matchAll(/\]\(([^)#]+)(#[^)]*)?\)/g)].map(([, target]) => target);
    const missing = links
      .filter((target) => !/^https?:/.test(target))
      .map((target) => join(dirname(path), target))
      .filter((target) => !existsSync(fileURLToPath(new URL(target, root))) && !isGenerated(target));
    expect(missing).toEqual([]);
  });

  it.each(documents)("%s names files that are there", (path) => {
    const names = [
      ...read(path).matchAll(/`((?:packages|bench|docs|examples|scripts|experiments)\/[^`\s]*)`/g),
    ];
    const missing = names
      .map(([, name]) => name)
      // A pattern.
      .filter((name) => !name.includes("*"))
      .filter((name) => !existsSync(fileURLToPath(new URL(name, root))));
    expect(missing).toEqual([]);
  });

  it.each(documents)("%s cites tests that are there", (path) => {
    const cited = [...read(path).matchAll(/`([^`\s]*\.test\.ts)`/g)].map(([, cite]) => cite);
    const missing = cited.filter((cite) => {
      const whole = cite.startsWith("packages/") ? cite : `packages/core/test/${cite}`;
      const folder = fileURLToPath(new URL(`${dirname(whole)}/`, root));
      const names = existsSync(folder) ? readdirSync(folder) : [];
      const pattern = new RegExp(`^${basename(whole).replaceAll(".", "\\.").replaceAll("*", ".*")}$`);
      return !names.some((name) => pattern.test(name));
    });
    expect(missing).toEqual([]);
  });
});

describe("the README of a package", () => {
  const folders = ["core/src", "onnx/src", "benchmarks/src", "cli/src", "cli/src/experiments"];

  it.each(folders.map((folder) => `packages/${folder}`))("lists what is in %s", (folder) => {
    const readme = read(`${folder.split("/src")[0]}/README.md`);
    const [, text] = readme.split(`| folder under \`${folder}\``);
    const table = text.split("\n\n")[0];
    const listed = [...table.matchAll(/^\| (`.*?`) +\|/gm)].flatMap(([, cell]) => cell.split(", "));
    const contents = (path: string) => readdirSync(new URL(`${path}/`, root), { withFileTypes: true });
    const nameOf = (entry: Dirent) => `\`${entry.name}${entry.isDirectory() ? "/" : ""}\``;
    const here = contents(folder);
    expect(listed.filter((name) => !name.slice(1, -2).includes("/")).sort()).toEqual(here.map(nameOf).sort());
    const inner = here
      .filter((entry) => entry.isDirectory())
      .flatMap(({ name }) => contents(`${folder}/${name}`))
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => name);
    expect(inner.filter((name) => !readme.includes(`${name}/\``))).toEqual([]);
  });
});

describe("docs/architecture.md", () => {
  it("says of every dependency why it is there, and of no other", () => {
    const table = read("docs/architecture.md").split("## Dependencies")[1].split("\n## ")[0];
    const explained = [...table.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, name]) => name);
    const used = [
      "package.json",
      ...JSON.parse(read("package.json")).workspaces.map((folder: string) => `${folder}/package.json`),
    ].flatMap((path) => {
      const { dependencies, optionalDependencies, peerDependencies, devDependencies } = JSON.parse(
        read(path),
      );
      return Object.keys({
        ...dependencies,
        ...optionalDependencies,
        ...peerDependencies,
        ...devDependencies,
      });
    });
    expect(explained.sort()).toEqual([...new Set(used)].sort());
  });

  it("is of packages that accept newer versions of what they depend on: the lock file pins what is tested", () => {
    for (const folder of JSON.parse(read("package.json")).workspaces) {
      const { private: isPrivate, ...manifest } = JSON.parse(read(`${folder}/package.json`));
      if (isPrivate) continue;
      for (const kind of ["dependencies", "optionalDependencies", "peerDependencies"]) {
        for (const [name, range] of Object.entries(manifest[kind] ?? {}))
          expect(`${name}@${range}`).toMatch(/@\^\d+\.\d+\.\d+( \|\| \^\d+\.\d+\.\d+)*$/);
      }
    }
  });

  it("names the packages", () => {
    const { workspaces } = JSON.parse(read("package.json"));
    for (const folder of workspaces) {
      expect(read("docs/architecture.md")).toContain(
        `\`${JSON.parse(read(`${folder}/package.json`)).name}\``,
      );
    }
  });

  it("answers four questions, each with at most six files in order", () => {
    const answers = read("docs/architecture.md").split("## Four questions")[1].split("\n## ")[0];
    const [, ...questions] = answers.split(/^\*\*(?=.*\?\*\*$)/m);
    expect(questions).toHaveLength(4);
    for (const question of questions) {
      const files = [...question.matchAll(/^(\d)\. `(packages\/[^`]+\.ts)`/gm)];
      expect(files.map(([, number]) => Number(number))).toEqual(files.map((_, i) => i + 1));
      expect(files.length).toBeGreaterThan(2);
      expect(files.length).toBeLessThanOrEqual(6);
      expect(files.filter(([, , path]) => !existsSync(fileURLToPath(new URL(path, root))))).toEqual([]);
    }
  });
});

describe("CONTRIBUTING.md", () => {
  it("names scripts that are there", () => {
    const { scripts } = JSON.parse(read("package.json"));
    const named = [...read("CONTRIBUTING.md").matchAll(/`npm (?:run )?(?!ci )([a-z]+)/g)].map(
      ([, name]) => name,
    );
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !(name in scripts))).toEqual([]);
  });
});
