// Whole-file input and output; a write is seen in full or not at all: write, fsync, rename (POSIX.1-2017).
import { randomUUID } from "node:crypto";
import { open, readFile, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DataError } from "../errors.js";

/**
 * Writes a file so that a crash at any moment leaves the old content or the new one, never a part.
 *
 * The bytes go to a temporary file in the same directory, are flushed to the disk, and the file is renamed; on failure
 * the temporary file is removed. The directory must exist.
 *
 * @throws DataError when the file cannot be written; its `cause` is the system's error
 *
 * @example
 * await writeFileAtomic("run/checkpoint.safetensors", encodeSafetensors(tensors));
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx");
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    throw new DataError(`Cannot write ${path}: ${reason(cause)}.`, { cause });
  }
}

/**
 * The bytes of a file.
 *
 * @param options `what`: what the file is, for the message
 * @throws DataError when it cannot be read; its `cause` is the system's error
 *
 * @example
 * await readFileOrThrow("run/checkpoint.safetensors", { what: "checkpoint" });
 */
export async function readFileOrThrow(
  path: string,
  { what = "file" }: { readonly what?: string } = {},
): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(`Cannot read the ${what} ${path}: ${reason(cause)}.`, { cause });
  }
}

const explanations: Readonly<Record<string, string>> = {
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EISDIR: "it is a directory",
  ENOTDIR: "a part of the path is not a directory",
  ENOSPC: "no space is left on the disk",
  EROFS: "the file system is read-only",
};

function reason(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return (
    (code !== undefined && explanations[code]) || (error instanceof Error ? error.message : String(error))
  );
}
