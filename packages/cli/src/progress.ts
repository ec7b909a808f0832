import { type Lines, lineWidth } from "./terminal.js";

/** Where progress goes: a terminal, or anything else that takes text. */
export interface ProgressStream extends Lines {
  write(text: string): unknown;
}

/** Reports the progress of a long computation. */
export interface Progress {
  /** The current state: rewritten in place on a terminal; elsewhere left out, or a line now and then. */
  update(text: string): void;
  /** A line that stays. */
  line(text: string): void;
  /** Erases the line that is rewritten, so that others can write. */
  clear(): void;
}

export interface ProgressOptions {
  /** Seconds between updates that are lines where none can be rewritten; default Infinity: they are left out. */
  readonly every?: number;
}

/**
 * Progress on a stream: text that is rewritten on a terminal, plain lines in a file or pipe and on one of unknown width; nothing
 * without a stream.
 */
export function createProgress(
  stream: ProgressStream | undefined,
  { every = Number.POSITIVE_INFINITY }: ProgressOptions = {},
): Progress {
  if (stream === undefined) return { update() {}, line() {}, clear() {} };
  if (!stream.isTTY || stream.columns === 0) return linesOn(stream, every);
  let shown = "";
  const replace = (text: string, end = "") => {
    // What was longer than a line goes over several: up to the first of them, and erased from there.
    const rows = Math.max(1, Math.ceil(shown.length / lineWidth(stream)));
    stream.write(`\r${rows > 1 ? `\u001b[${rows - 1}A` : ""}\u001b[J${text}${end}`);
    shown = end === "" ? text : "";
  };
  return {
    update: (text) => replace(text),
    line: (text) => replace(text, "\n"),
    clear: () => {
      if (shown !== "") replace("");
    },
  };
}

function linesOn(stream: ProgressStream, every: number): Progress {
  let last = performance.now();
  const line = (text: string) => {
    stream.write(`${text}\n`);
    last = performance.now();
  };
  const isDue = () => performance.now() - last >= 1000 * every;
  return { update: (text) => (isDue() ? line(text) : undefined), line, clear() {} };
}

/** Seconds between lines where there is no terminal: quick work has none. */
const EVERY = 10;

/**
 * Runs work that reports its steps on stderr, also with `--json`: on a terminal in a line that is rewritten, elsewhere in a line
 * every 10 seconds; nowhere with `--quiet`.
 */
export async function withProgress<T>(
  { quiet }: { readonly quiet: boolean },
  work: (step: (text: string) => void) => Promise<T>,
): Promise<T> {
  if (quiet) return work(() => {});
  const progress = createProgress(process.stderr, { every: EVERY });
  const start = performance.now();
  const seconds = () => Math.round((performance.now() - start) / 1000);
  try {
    return await work((text) => progress.update(`${seconds()} s: ${text}`));
  } finally {
    progress.clear();
  }
}
