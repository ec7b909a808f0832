import { constants, statSync } from "node:fs";
import { access, mkdir } from "node:fs/promises";
import { DataError } from "isoloss";
import { reasonOf } from "isoloss/node";

/**
 * Creates a folder for results and checks that it can be written to, before a long computation.
 *
 * @throws DataError when it cannot
 */
export async function prepareFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
    await access(path, constants.W_OK);
  } catch (cause) {
    const isFile = (cause as NodeJS.ErrnoException).code === "EEXIST";
    const why = isFile ? "it is a file" : reasonOf(cause);
    throw new DataError(`Cannot write to the folder ${path}: ${why}. Choose another one with --out.`, {
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
