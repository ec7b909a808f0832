import { readDocument } from "./tables.js";

/** docs/command-line.md. */
export const text = readDocument("command-line.md");
/** Its blocks of commands, in their order. */
export const blocks = [...text.matchAll(/^```sh( no-run)?\n([\s\S]*?)^```$/gm)].map(
  ({ 1: flag, 2: code, index }) => ({
    at: `line ${text.slice(0, index).split("\n").length}`,
    isRun: flag === undefined,
    code,
  }),
);
