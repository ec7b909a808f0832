// Writes packages/core/src/option-summaries.ts: what every option is, from the comments of the option types, so that
// programs can print what editors and the API reference show. `--check` only compares, and fails where they differ.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "..");
const core = path.join(root, "packages/core/src");
const target = path.join(core, "option-summaries.ts");

/** Comments of the options of every table, and what is wrong with them. */
function read() {
  const entries = JSON.parse(readFileSync(path.join(root, "typedoc.json"), "utf8")).entryPoints.map((entry) =>
    path.join(root, entry),
  );
  const configPath = path.join(root, "tsconfig.docs.json");
  const { options } = ts.getParsedCommandLineOfConfigFile(
    configPath,
    {},
    { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
  );
  const program = ts.createProgram(entries, {
    ...options,
    noEmit: true,
    composite: false,
    incremental: false,
  });
  const checker = program.getTypeChecker();
  const isPublic = new Set(
    entries.flatMap((entry) =>
      checker
        .getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(entry)))
        .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol)),
    ),
  );
  const tables = new Map();
  const problems = [];
  for (const file of program.getSourceFiles()) {
    if (/\/packages\/[a-z]+\/src\//.test(file.fileName)) ts.forEachChild(file, visit);
  }
  return { tables, problems };

  function visit(node) {
    if (
      ts.isCallExpression(node) &&
      node.expression.getText() === "optionTable" &&
      node.arguments.length === 2
    ) {
      tableOf(node);
    }
    ts.forEachChild(node, visit);
  }

  function tableOf({ arguments: [nameNode, rows] }) {
    const name = nameNode.text;
    const [typeNode] = rows.type?.typeArguments ?? [];
    if (typeNode === undefined) {
      if (rows.properties?.length !== 0) problems.push(`${name}: no "satisfies OptionRows<...>"`);
      return;
    }
    if (tables.has(name)) problems.push(`${name}: two tables of that name`);
    const type = checker.getTypeFromTypeNode(typeNode);
    const hidden = partsOf(typeNode).find((part) => !isPublic.has(checker.getTypeFromTypeNode(part).symbol));
    if (hidden !== undefined) problems.push(`${name}: ${hidden.getText()} is not exported`);
    const summaries = type.getProperties().map((property) => {
      const comment = ts.displayPartsToString(property.getDocumentationComment(checker));
      if (comment === "") problems.push(`${name}: ${property.name} has no comment`);
      return [property.name, comment.replace(/\{@link (\S+?)\}/g, "$1").replace(/\s+/g, " ")];
    });
    tables.set(name, Object.fromEntries(summaries));
  }
}

/** The declared types that a type is put together from. */
function partsOf(node) {
  if (ts.isIntersectionTypeNode(node)) return node.types.flatMap(partsOf);
  return node.typeName?.text === "Partial" ? partsOf(node.typeArguments[0]) : [node];
}

const { tables, problems } = read();
if (problems.length > 0) {
  console.error(`Options that the API reference would not show:\n  ${problems.join("\n  ")}`);
  process.exit(1);
}
const sorted = Object.fromEntries([...tables].sort(([a], [b]) => (a < b ? -1 : 1)));
const content = `// Written by scripts/option-summaries.mjs from the comments of the option types: edit those.
/** What every option is, by the names of its table and its own. */
export const optionSummaries: Readonly<Record<string, Readonly<Record<string, string>>>> = ${JSON.stringify(sorted, null, 2)};
`;
if (!process.argv.includes("--check")) writeFileSync(target, content);
else if (readFileSync(target, "utf8") !== content) {
  console.error("packages/core/src/option-summaries.ts is out of date: node scripts/option-summaries.mjs");
  process.exit(1);
}
