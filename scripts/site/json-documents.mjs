// The page of the JSON documents: what commands print with --json, from the types of the documents in their sources. Tests compare it
// with what commands print.
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

const root = fileURLToPath(new URL("../../", import.meta.url));
const commands = join(root, "packages/cli/src/commands/");
const { paths } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile).config.compilerOptions;
const { options } = ts.getParsedCommandLineOfConfigFile(
  join(root, "packages/cli/tsconfig.json"),
  { noEmit: true, composite: false, incremental: false, paths, pathsBasePath: root },
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: () => {} },
);
const program = ts.createProgram([join(root, "packages/cli/src/bin.ts")], {
  ...options,
  pathsBasePath: root,
});
const checker = program.getTypeChecker();

/** The documents of the commands: expressions of results. */
const documents = program
  .getSourceFiles()
  .filter(({ fileName }) => fileName.startsWith(commands))
  .sort((a, b) => (a.fileName < b.fileName ? -1 : 1))
  .flatMap((file) => {
    const found = [];
    const visit = (node) => {
      const isDocument =
        (ts.isPropertyAssignment(node) || ts.isShorthandPropertyAssignment(node)) &&
        node.name.text === "document";
      if (isDocument && ts.isObjectLiteralExpression(node.parent)) {
        // Of an async function a result or a promise of one.
        const context = checker.getContextualType(node.parent);
        if (context !== undefined && membersOf(context).some((type) => type.getProperty("exitCode"))) {
          const type = ts.isPropertyAssignment(node)
            ? checker.getTypeAtLocation(node.initializer)
            : checker.getTypeOfSymbol(checker.getShorthandAssignmentValueSymbol(node));
          found.push(type);
        }
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
    const command = relative(commands, file.fileName).replace(/\.ts$/, "").replaceAll("/", " ");
    return found.flatMap((type) => membersOf(type).map((type) => ({ command, type })));
  });

function membersOf(type) {
  return type.isUnion() ? type.types : [type];
}

/** Tables by name: names of types, or of the place of what has none. */
const shapes = new Map();
const names = new Map();

const keyOf = (type) =>
  type
    .getProperties()
    .map((p) => `${p.name}:${checker.typeToString(checker.getTypeOfSymbol(p))}`)
    .join(";");

function nameOf(type, place) {
  const symbol = type.aliasSymbol ?? type.symbol;
  const isNamed =
    symbol !== undefined &&
    !["__type", "__object"].includes(symbol.name) &&
    !/^(Omit|Pick|Readonly|Required|Partial)$/.test(symbol.name);
  const wanted = isNamed ? symbol.name : place;
  const key = keyOf(type);
  for (let i = 1; ; i++) {
    const name = i === 1 ? wanted : `${wanted}${i}`;
    if (!names.has(name)) names.set(name, key);
    if (names.get(name) === key) return name;
  }
}

/** A type as the tables have it, and the values of strings. */
function textOf(type, place) {
  if (type.aliasSymbol?.name === "Json") return { text: "parameter", values: [] };
  const parts = membersOf(type).filter(({ flags }) => (flags & ts.TypeFlags.Undefined) === 0);
  const texts = [...new Set(parts.map((part) => partOf(part, place)))];
  // True and false are a union.
  const text = texts.sort((a, b) => Number(a === "null") - Number(b === "null")).join(" or ");
  const values = parts.filter((part) => part.isStringLiteral()).map(({ value }) => `\`${value}\``);
  return { text, values };
}

function partOf(type, place) {
  const { flags } = type;
  if (flags & ts.TypeFlags.Null) return "null";
  if (flags & ts.TypeFlags.NumberLike) return "number";
  if (flags & ts.TypeFlags.StringLike) return "string";
  if (flags & ts.TypeFlags.BooleanLike) return "boolean";
  if (flags & (ts.TypeFlags.Any | ts.TypeFlags.Unknown)) return "parameter";
  const item = checker.isArrayLikeType(type)
    ? checker.getIndexTypeOfType(type, ts.IndexKind.Number)
    : undefined;
  if (item !== undefined) return listText("[", item, place, "]");
  const value = checker.getIndexTypeOfType(type, ts.IndexKind.String);
  if (value !== undefined) return listText("{", value, place, "}");
  return shapeOf(type, place);
}

function listText(open, type, place, close) {
  return `${open}${textOf(type, place).text}${close}`;
}

function shapeOf(type, place) {
  const name = nameOf(type, place);
  if (shapes.has(name)) return name;
  shapes.set(name, []);
  const rows = type.getProperties().flatMap((property) => {
    const inner = checker.getTypeOfSymbol(property);
    if (inner.getCallSignatures().length > 0) return [];
    const { text, values } = textOf(inner, `${name}.${property.name}`);
    const comment = ts
      .displayPartsToString(property.getDocumentationComment(checker))
      .replace(/\{@link (\S+?)\}/g, "`$1`")
      .replace(/\s+/g, " ");
    const isOptional = (property.flags & ts.SymbolFlags.Optional) !== 0;
    const what = [comment, comment.includes(values[0]) ? "" : values.join(", ")]
      .filter((part) => part !== "")
      .join(" ");
    return [`| \`${property.name}\`${isOptional ? "?" : ""} | ${text} | ${what.replaceAll("|", "\\|")} |`];
  });
  shapes.set(name, rows);
  return name;
}

const table = documents.map(({ command, type }) => {
  const text = partOf(type, command.replaceAll(" ", "-"));
  return `| \`${command}\` | ${text} |`;
});
export const jsonDocuments = `# The documents of \`--json\`

With \`--json\` a command writes exactly one JSON document to stdout, on one line; progress and messages go to stderr. Times are in seconds, paths are absolute. \`null\` is a value that was not measured;
numbers that are not finite are \`null\`, too.

In the tables \`[x]\` is a list of x, \`{x}\` an object whose keys are names and whose values are x; \`?\` marks a key that is only there where it applies; a parameter is any value. Other names are those of
tables. The page is written from the types of the program.

| file of the command | document |
| --- | --- |
${[...new Set(table)].join("\n")}

${[...shapes].map(([name, rows]) => `### ${name}\n\n| key | type | what |\n| --- | --- | --- |\n${rows.join("\n")}\n`).join("\n")}`;
