import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { sources as libraryPaths } from "../../../../scripts/entries.js";
import { root } from "./documents.js";

/** A piece of TypeScript, and where it is from. */
export interface Piece {
  readonly at: string;
  readonly code: string;
}

/**
 * Type errors of pieces of code, each as a module of a strict project that has the library.
 *
 * @param options `verbatimModuleSyntax`, by default true: imports of types say so
 */
export function diagnose(
  pieces: readonly Piece[],
  { verbatimModuleSyntax = true }: { readonly verbatimModuleSyntax?: boolean } = {},
): string[] {
  const base = fileURLToPath(new URL("packages/core/test/examples/", root));
  const sources = new Map(
    pieces.map(({ code: text }, i) => [join(base, `block-${i}.ts`), `${text}\nexport {};\n`]),
  );
  const options: ts.CompilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    verbatimModuleSyntax,
    noEmit: true,
    skipLibCheck: true,
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: ["node"],
    paths: Object.fromEntries(Object.entries(libraryPaths).map(([name, path]) => [name, [path]])),
  };
  const host = ts.createCompilerHost(options);
  const { getSourceFile, fileExists, readFile } = host;
  host.fileExists = (name) => sources.has(name) || fileExists.call(host, name);
  host.readFile = (name) => sources.get(name) ?? readFile.call(host, name);
  host.getSourceFile = (name, language, ...rest) => {
    const text = sources.get(name);
    return text === undefined
      ? getSourceFile.call(host, name, language, ...rest)
      : ts.createSourceFile(name, text, language, true);
  };
  const program = ts.createProgram([...sources.keys()], options, host);
  return [...sources.keys()].flatMap((name, i) => {
    const file = program.getSourceFile(name);
    const found = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
    return found.map((d) => `${pieces[i].at}: ${ts.flattenDiagnosticMessageText(d.messageText, "\n")}`);
  });
}
