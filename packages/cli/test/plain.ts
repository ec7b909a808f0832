import { stripVTControlCharacters } from "node:util";

/** Without colors, cursor movements and lines that are overwritten. */
export const isPlain = (text: string): boolean =>
  stripVTControlCharacters(text) === text && !text.includes("\r");
export const isOneLine = (text: string): boolean => isPlain(text) && /^[^\n]+\n$/.test(text);
