import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { type Block, blocksOf, documents, promisesOf } from "./documents.js";
import { runCode } from "./run-code.js";

const blocks = documents.flatMap(blocksOf);

export const code = blocks.filter(({ info: [language] }) =>
  ["ts", "js", "mjs", "javascript", "typescript"].includes(language),
);

const named = (list: readonly Block[]) => list.map((block) => [block.at, block] as const);

/** Those whose code trains, or quantizes, for seconds. */
export const isSlow = (at: string): boolean => /several-tasks|onnx-models/.test(at);

export const runnable = named(code.filter(({ info }) => !info.includes("no-run")));

export function expectRuns(rows: Readonly<typeof runnable>): void {
  it.each(rows)("%s runs, and prints what it says", async (at, block) => {
    const files = namedFilesOf(at.slice(0, at.lastIndexOf(":")));
    const lines = await inFolderWith(files, () => runCode(block.code));
    const promised = promisesOf(block);
    if (promised.length > 0) expect(lines).toEqual(promised);
  });
}

/** Files that a document prints: blocks of another language than code, with the name of a file. */
export const namedFilesOf = (path: string): readonly (readonly [name: string, content: string])[] =>
  blocksOf(path).flatMap(({ info: [language, name], code: content }) =>
    language === "csv" && name !== undefined ? [[name, content] as const] : [],
  );

/** Runs something in a new folder with files, as in that of a user. */
export async function inFolderWith<R>(
  files: ReturnType<typeof namedFilesOf>,
  run: () => Promise<R>,
): Promise<R> {
  const before = process.cwd();
  const folder = mkdtempSync(join(tmpdir(), "isoloss-document-"));
  try {
    process.chdir(folder);
    for (const [name, content] of files) writeFileSync(name, content);
    return await run();
  } finally {
    process.chdir(before);
    rmSync(folder, { recursive: true });
  }
}
