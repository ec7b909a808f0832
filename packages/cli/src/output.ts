import { constants, statSync } from "node:fs";
import { access } from "node:fs/promises";
import { resolve } from "node:path";
import { DataError } from "isoloss";
import { makeFolder } from "isoloss/internal-node";
import { reasonOf } from "isoloss/node";

/**
 * Creates a folder for results and checks that it can be written to, before a long computation.
 *
 * @param option the one that names it
 * @throws DataError when it cannot
 */
export async function prepareFolder(path: string, option = "--out"): Promise<void> {
  try {
    await makeFolder(resolve(path));
    await access(path, constants.W_OK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why = code === "EEXIST" ? "it is a file" : reasonOf(cause);
    throw new DataError(`Cannot write to the folder ${path}: ${why}. Choose another one with ${option}.`, {
      cause,
    });
  }
}

/**
 * Checks that a named file may be written, before a long computation.
 *
 * @throws DataError where it is there and is not to be replaced
 */
export function requireNew(file: string, { force }: { readonly force: boolean }): void {
  let isThere = false;
  try {
    isThere = statSync(file).isFile();
  } catch {
    // Not there, or in no folder: writing says which.
  }
  if (isThere && !force) {
    throw new DataError(
      `Cannot write ${file}: it is there already. Choose another name, or replace it with --force.`,
    );
  }
}
