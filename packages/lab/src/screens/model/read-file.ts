import { bytesText } from "./words.js";

/** Megabytes of a file that is read. */
const most = 64;

/** The bytes of a file that was dropped or chosen, or why it is not read. */
export async function readFile(
  file: File,
): Promise<{ readonly bytes: Uint8Array } | { readonly refused: string }> {
  if (file.size > most * 1e6) {
    return {
      refused: `${file.name} has ${bytesText(file.size)}; files of up to ${most} MB are read here. On the command line isoloss model takes any size.`,
    };
  }
  try {
    return { bytes: new Uint8Array(await file.arrayBuffer()) };
  } catch (error) {
    return { refused: `${file.name} cannot be read: ${(error as Error).message}` };
  }
}
