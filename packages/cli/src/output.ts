import { constants, statSync } from "node:fs";
import { access, mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { DataError } from "isoloss";
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
    const { code, path: place } = cause as NodeJS.ErrnoException;
    const ofFile = place === resolve(path) ? "it is a file" : "a part of the path is not a directory";
    const why = code === "EEXIST" ? ofFile : reasonOf(cause);
    throw new DataError(`Cannot write to the folder ${path}: ${why}. Choose another one with ${option}.`, {
      cause,
    });
  }
}

/** One folder after the other: a recursive mkdir of Node never returns in a file system such as /proc, which has no new folders. */
async function makeFolder(path: string): Promise<void> {
  const isFolder = async () => (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (await isFolder()) return;
  if (dirname(path) !== path) await makeFolder(dirname(path));
  const why = await mkdir(path).catch((cause) => cause as NodeJS.ErrnoException);
  // Another process may have made it.
  if (why instanceof Error && !(await isFolder())) throw why;
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
