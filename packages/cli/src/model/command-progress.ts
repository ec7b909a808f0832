// Progress of commands that take a model through several files.
import { Option } from "commander";
import { createProgress } from "../progress.js";

/** `--quiet`. */
export const quietOption = (): Option => new Option("--quiet", "no lines of progress").default(false);

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
