// The examples in the docstrings of the library.
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import type { Piece } from "./diagnose.js";
import { root } from "./documents.js";

/** The packages with the library, and what their paths begin with here. */
const packages = { core: "", onnx: "isoloss-onnx/", benchmarks: "isoloss-benchmarks/" } as const;

/** A source file: what it exports, and the examples of its docstrings. */
export interface SourceModule {
  /** Below `src`; that of another package begins with the package's name. */
  readonly path: string;
  readonly url: URL;
  readonly names: readonly string[];
  readonly examples: readonly Piece[];
}

function moduleAt(path: string, url: URL): SourceModule {
  const text = readFileSync(fileURLToPath(url), "utf8");
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const examples: Piece[] = [];
  const visit = (node: ts.Node): void => {
    for (const tag of ts.getJSDocTags(node)) {
      // The tags of a variable are also those of its statement.
      if (tag.tagName.text !== "example" || tag.parent.parent !== node) continue;
      const { line } = file.getLineAndCharacterOfPosition(tag.getStart(file));
      examples.push({ at: `${path}:${line + 1}`, code: ts.getTextOfJSDocComment(tag.comment) ?? "" });
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, url, names: file.statements.flatMap((statement) => exportsOf(statement, file)), examples };
}

/** Names that a statement exports. */
function exportsOf(statement: ts.Statement, file: ts.SourceFile): string[] {
  if (
    ts.isExportDeclaration(statement) &&
    statement.exportClause &&
    ts.isNamedExports(statement.exportClause)
  ) {
    return statement.exportClause.elements.map(({ name }) => name.text);
  }
  const modifiers = ts.canHaveModifiers(statement) ? ts.getModifiers(statement) : undefined;
  if (!modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)) return [];
  if (ts.isVariableStatement(statement)) {
    return statement.declarationList.declarations.map(({ name }) => name.getText(file));
  }
  const { name } = statement as ts.DeclarationStatement;
  return name === undefined ? [] : [name.getText(file)];
}

/** All source files of the library. */
export const modules: readonly SourceModule[] = Object.entries(packages).flatMap(([folder, prefix]) => {
  const source = new URL(`packages/${folder}/src/`, root);
  return readdirSync(source, { recursive: true, encoding: "utf8" })
    .map((name) => name.replaceAll("\\", "/"))
    .filter((name) => name.endsWith(".ts"))
    .sort()
    .map((name) => moduleAt(prefix + name, new URL(name, source)));
});
