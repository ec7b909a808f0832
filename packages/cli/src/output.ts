import { constants } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { DataError } from "isoloss";

const explanations: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EEXIST: "it is a file",
  ENOSPC: "no space is left on the disk",
  ENOTDIR: "a part of the path is a file",
  EPERM: "operation not permitted",
  EROFS: "the file system is read-only",
};

/**
 * Makes a folder for results and checks that it can be written to: before a long computation, not after it.
 *
 * @throws DataError when it cannot
 */
export async function prepareFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (cause) {
    const { code = "", message } = cause as NodeJS.ErrnoException;
    const why = explanations[code] ?? message;
    throw new DataError(`Cannot write to the folder ${path}: ${why}. Choose another one with --out.`, {
      cause,
    });
  }
}
