// Whole-file input and output. Writes are atomic: write, fsync, rename (POSIX.1-2017).
import { randomUUID } from "node:crypto";
import {
  type FileHandle,
  mkdir,
  open,
  readFile,
  readlink,
  realpath,
  rename,
  rm,
  stat,
} from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { DataError } from "../errors.js";
import { reasonOf } from "./system-error.js";

/**
 * Writes a file so that a crash at any moment leaves the old content or the new one, never a part.
 *
 * The bytes go to a temporary file in the same directory, are flushed to the disk, and the file is renamed; on failure
 * the temporary file is removed. Missing directories are created. A link stays, and the file that it points to is written.
 *
 * @throws DataError when the file cannot be written, and for a pipe, a socket or a device; its `cause` is the system's error
 *
 * @example
 * await writeFileAtomic("run/checkpoint.safetensors", encodeSafetensors(tensors));
 */
export async function writeFileAtomic(path: string, content: Uint8Array | string): Promise<void> {
  try {
    await replaceFile(await targetOf(path), content);
  } catch (cause) {
    throw new DataError(`Cannot write ${path}: ${reasonOf(cause)}.`, { cause });
  }
}

/** The path that a file is renamed to: a rename would replace a link by the file, and a device as well. */
async function targetOf(path: string): Promise<string> {
  const there = await stat(path).catch(unlessAbsent);
  if (there === undefined) {
    const link = await readlink(path).catch(unlessAbsent);
    return link === undefined ? path : targetOf(resolve(await realpath(dirname(path)), link));
  }
  if (there.isFile() || there.isDirectory()) return realpath(path);
  throw new Error("it is a pipe, a socket or a device, which a file would replace; name a regular file");
}

function unlessAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

async function replaceFile(path: string, content: Uint8Array | string): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await openNew(temporary);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    // The first error is more informative than this one.
    await rm(temporary, { force: true }).catch(() => {});
    throw cause;
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
  { what = "file" }: { readonly what?: string | undefined } = {},
): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new DataError(`Cannot read the ${what} ${path}: ${reasonOf(cause)}.`, { cause });
  }
}

/**
 * Makes a folder, and those above it, one after the other: a recursive mkdir of Node never returns in a file system such as /proc, which has no new
 * folders.
 *
 * @returns the first folder of the path that was not there
 * @throws the system's error
 */
export async function makeFolder(path: string): Promise<string | undefined> {
  const made = () => mkdir(path).catch((cause) => cause as NodeJS.ErrnoException);
  let why = await made();
  let above: string | undefined;
  if (why?.code === "ENOENT" && dirname(path) !== path) {
    above = await makeFolder(dirname(path));
    why = await made();
  }
  if (why === undefined) return above ?? path;
  const isFolder = (await stat(path).catch(() => undefined))?.isDirectory() === true;
  if (!isFolder) throw why;
  return above;
}

/** Creates and opens a file, together with the directories that it needs. */
async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    await makeFolder(dirname(path));
    return open(path, "wx");
  }
}
