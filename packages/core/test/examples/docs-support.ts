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

export function expectRuns(rows: typeof runnable): void {
  it.each(rows)("%s runs, and prints what it says", async (_, block) => {
    const lines = await runCode(block.code);
    const promised = promisesOf(block);
    if (promised.length > 0) expect(lines).toEqual(promised);
  });
}
