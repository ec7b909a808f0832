// Numbers as the text of a table has them.

export const isNumber = (text: string): boolean => /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text);

/** Whether it is an integer such as 01067, which may be a code. */
export const hasLeadingZero = (text: string): boolean => /^0\d+$/.test(text);

/** One name for 1 and 1.0; numbers that doubles do not tell apart, and codes such as 01, keep theirs. */
export function nameOfNumber(text: string): string {
  const number = Number(text);
  if (hasLeadingZero(text)) return text;
  return Math.abs(number) <= Number.MAX_SAFE_INTEGER ? String(number) : text;
}
