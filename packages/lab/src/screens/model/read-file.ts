import { bytesText } from "./words.js";

/** Bytes of a file that is read. */
const mostBytes = 64 * 2 ** 20;

/** The bytes of a file that was dropped or chosen, or why it is not read. */
export async function readFile(
  file: File,
): Promise<{ readonly bytes: Uint8Array } | { readonly refused: string }> {
  if (file.size > mostBytes) {
    return {
      refused: `${file.name} has ${bytesText(file.size)}; files of up to ${bytesText(mostBytes)} are read here. On the command line isoloss model takes any size.`,
    };
  }
  try {
    return { bytes: new Uint8Array(await file.arrayBuffer()) };
  } catch (error) {
    return { refused: `${file.name} cannot be read: ${(error as Error).message}` };
  }
}
