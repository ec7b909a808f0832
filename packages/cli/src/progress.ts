/** Where progress goes: a terminal, or anything else that takes text. */
export interface ProgressStream {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** Tells how a long computation is getting on. */
export interface Progress {
  /** Where it is now: rewritten in place on a terminal, left out elsewhere. */
  update(text: string): void;
  /** A line that stays. */
  line(text: string): void;
}

const eraseLine = "\r\u001b[K";

/** Progress on a stream: a line that is rewritten on a terminal, plain lines in a file or pipe. */
export function createProgress(stream: ProgressStream): Progress {
  if (!stream.isTTY) return { update() {}, line: (text) => stream.write(`${text}\n`) };
  return {
    update: (text) => stream.write(`${eraseLine}${text}`),
    line: (text) => stream.write(`${eraseLine}${text}\n`),
  };
}
