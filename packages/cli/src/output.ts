import { constants } from "node:fs";
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
