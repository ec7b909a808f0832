import pc from "picocolors";

/** What tells whether it is a terminal, and how wide. */
export interface Lines {
  readonly isTTY?: boolean;
  /** Characters in a line of the terminal; some terminals say 0, and mean that they do not know. */
  readonly columns?: number;
}

/** Characters in a line; Infinity for a file or a pipe, and for a terminal that does not know. */
export const lineWidth = ({ isTTY, columns }: Lines): number =>
  isTTY && columns !== undefined && columns > 0 ? columns : Number.POSITIVE_INFINITY;

/** Colors of the terminal; none for a pipe, unless asked for, and none with NO_COLOR. */
export function colors(): ReturnType<typeof pc.createColors> {
  // picocolors also colors what goes to a pipe on a CI server.
  return pc.createColors(pc.isColorSupported && (process.stdout.isTTY || Boolean(process.env.FORCE_COLOR)));
}
