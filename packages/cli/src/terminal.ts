import pc from "picocolors";

/** A stream that may be a terminal, with its width. */
export interface Lines {
  readonly isTTY?: boolean;
  /** Characters in a line of the terminal; some terminals report 0 for an unknown width. */
  readonly columns?: number;
}

/** Characters in a line; Infinity for a file, a pipe or a terminal of unknown width. */
export const lineWidth = ({ isTTY, columns }: Lines): number =>
  isTTY && columns !== undefined && columns > 0 ? columns : Number.POSITIVE_INFINITY;

/** Colors of the terminal; none for a pipe, unless asked for, and none with NO_COLOR. */
export function colors(): ReturnType<typeof pc.createColors> {
  // picocolors also colors what goes to a pipe on a CI server.
  return pc.createColors(pc.isColorSupported && (process.stdout.isTTY || Boolean(process.env.FORCE_COLOR)));
}
