import ts from "typescript";
import { sources } from "../../../../scripts/entries.js";

const AsyncFunction = Object.getPrototypeOf(async () => {}).constructor;

/** A module's exports; those of the library come from its sources. */
async function load(name: string): Promise<unknown> {
  if (Object.hasOwn(sources, name)) return import(sources[name]);
  if (name.startsWith("node:") || name === "fast-png") return import(name);
  throw new Error(
    `Examples import the library's entry points and Node's own modules; this one imports "${name}".`,
  );
}

const importLine = /^import (?:\* as (\w+)|\{([^}]*)\}) from "([^"]+)";$/gm;

/**
 * Runs the code of an example, JavaScript or TypeScript, as a module of a user's project.
 *
 * @returns the lines that it logs
 */
export async function runCode(code: string): Promise<string[]> {
  const target = ts.ScriptTarget.ES2022;
  const { outputText } = ts.transpileModule(code, {
    compilerOptions: { target, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true },
  });
  const body = outputText.replaceAll(
    importLine,
    (_, whole: string | undefined, names: string, from: string) => {
      const bindings = whole ?? `{${names.replaceAll(/\b(\w+) as (\w+)\b/g, "$1: $2")}}`;
      return `const ${bindings} = await load("${from}");`;
    },
  );
  const lines: string[] = [];
  const console = { log: (...values: unknown[]) => lines.push(...values.join(" ").split("\n")) };
  await new AsyncFunction("load", "console", body)(load, console);
  return lines;
}
