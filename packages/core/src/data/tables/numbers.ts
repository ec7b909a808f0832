// Numbers as the text of a table has them.

export const isNumber = (text: string): boolean => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text);

/** One name for 1 and 1.0; numbers that doubles do not tell apart keep theirs. */
export function nameOfNumber(text: string): string {
  const number = Number(text);
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? String(number) : text;
}
