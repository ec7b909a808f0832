import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const root = new URL("../../../../", import.meta.url);

/** The documents of the project, by path. */
export const documents: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith(".md")),
  ...["docs", "docs/studies"].flatMap((folder) =>
    readdirSync(new URL(`${folder}/`, root))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `${folder}/${name}`),
  ),
  "examples/README.md",
  ...["core", "onnx", "benchmarks", "figures", "queue", "lab", "cli"].map(
    (name) => `packages/${name}/README.md`,
  ),
];

export const read = (path: string): string => readFileSync(fileURLToPath(new URL(path, root)), "utf8");

/** A fenced block of code. */
export interface Block {
  /** Where it is, such as `README.md:12`. */
  readonly at: string;
  /** What is written after the fence: the language, and a flag. `no-run`: only type-checked; `continued`: see `code`. */
  readonly info: readonly string[];
  /** With that of the blocks before it, where it goes on with their program. */
  readonly code: string;
}

export function blocksOf(path: string): Block[] {
  const text = read(path);
  let program = "";
  return [...text.matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(({ 1: line, 2: own, index }) => {
    const info = line.trim().split(/\s+/);
    program = info.includes("continued") ? `${program}\n${own}` : own;
    return { at: `${path}:${text.slice(0, index).split("\n").length}`, info, code: program };
  });
}

/** The lines that a block says it prints: those after `// => `. */
export const promisesOf = ({ code }: Block): string[] =>
  [...code.matchAll(/^ *\/\/ => (.*)$/gm)].map(([, line]) => line);
