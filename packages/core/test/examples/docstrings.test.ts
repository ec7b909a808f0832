import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { diagnose, type Piece } from "./diagnose.js";
import { root } from "./documents.js";

const folders = ["symmetry", "teleport", "problems", "train", "mtl"];
const source = new URL("packages/core/src/", root);
const read = (path: string) => readFileSync(fileURLToPath(new URL(path, source)), "utf8");

/** Names that examples use without saying where they are from: a user's own functions, data and results so far. */
const free = [
  ...["loss", "objective", "model", "net", "trunk", "params", "start", "data", "train", "test", "training"],
  ...["validation", "batch", "x", "y", "left", "right", "w", "g", "p", "T", "sigma", "gradients", "rate"],
  ...["optimizer", "state", "before", "moved", "symmetry", "hessian", "trainer", "bytes", "setup", "losses"],
];

const files = folders.flatMap((folder) =>
  readdirSync(new URL(`${folder}/`, source), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name}`),
);

/** Names that a module exports, and the examples of its functions. */
function moduleAt(path: string) {
  const file = ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);
  const names: string[] = [];
  const examples: Piece[] = [];
  for (const statement of file.statements) {
    if (
      ts.isExportDeclaration(statement) &&
      statement.exportClause &&
      ts.isNamedExports(statement.exportClause)
    ) {
      names.push(...statement.exportClause.elements.map(({ name }) => name.text));
      continue;
    }
    const isExported = ts.canHaveModifiers(statement)
      ? ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
      : false;
    if (!isExported) continue;
    if (
      ts.isFunctionDeclaration(statement) ||
      ts.isInterfaceDeclaration(statement) ||
      ts.isTypeAliasDeclaration(statement)
    ) {
      if (statement.name) names.push(statement.name.text);
    }
    if (ts.isVariableStatement(statement)) {
      names.push(...statement.declarationList.declarations.map(({ name }) => name.getText(file)));
    }
    for (const tag of ts.getJSDocTags(statement)) {
      if (tag.tagName.text !== "example") continue;
      const { line } = file.getLineAndCharacterOfPosition(tag.getStart(file));
      examples.push({ at: `${path}:${line + 1}`, code: ts.getTextOfJSDocComment(tag.comment) ?? "" });
    }
  }
  return { path, names, examples };
}

const library = new Set(moduleAt("index.ts").names);
const node = new Set(moduleAt("node.ts").names);
const modules = files.map(moduleAt);

/** An example as a module: what it names of its own file and of the library is imported, its own names are local. */
function pieceOf({ at, code }: Piece, { path, names }: { path: string; names: readonly string[] }): Piece {
  const written = code.match(/^import .*$/gm) ?? [];
  const words = new Set(code.match(/[A-Za-z_$][\w$]*/g));
  const taken = new Set(written.join().match(/\w+/g));
  /** Those of some names that the example uses and that nothing before has. */
  const pick = (some: Iterable<string>) => {
    const picked = [...some].filter((name) => words.has(name) && !taken.has(name));
    for (const name of picked) taken.add(name);
    return picked.join(", ");
  };
  return {
    at,
    code: [
      ...written,
      `import { ${pick(names)} } from "../../src/${path.replace(/\.ts$/, ".js")}";`,
      `import { ${pick(library)} } from "isoloss";`,
      `import { ${pick(node)} } from "isoloss/node";`,
      ...free.filter((name) => !taken.has(name)).map((name) => `declare const ${name}: any;`),
      "type Params = any;",
      "async function example() {",
      code.replaceAll(/^import .*$/gm, ""),
      "}",
    ].join("\n"),
  };
}

describe("the examples in docstrings", () => {
  const pieces = modules.flatMap((module) => module.examples.map((example) => pieceOf(example, module)));

  it("are there", () => {
    expect(pieces.length).toBeGreaterThan(60);
  });

  it("have no type errors in a strict project", () => {
    expect(diagnose(pieces)).toEqual([]);
  });
});
