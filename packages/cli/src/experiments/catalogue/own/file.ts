// Files of the user's own that experiments name: found, hashed, and modules imported.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DataError, MissingDataError, OptionError } from "isoloss";
import { reasonOf } from "isoloss/node";
import { z } from "zod";

/** SHA-256 of a file: a run's config has it, so that another file is not taken for it. */
export const sha256Schema = z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits");

/** A module, and the name of its export: FILE#NAME; without a name the default export. */
export function placeInModule(text: string): { readonly file: string; readonly name: string } {
  const at = text.lastIndexOf("#");
  return at < 0 ? { file: text, name: "default" } : { file: text.slice(0, at), name: text.slice(at + 1) };
}

/** The same with an absolute path. @param config paths are relative to that file */
export function absoluteModule(text: string, config: string): string {
  const { file, name } = placeInModule(text);
  const path = absolute(file, config);
  return name === "default" ? path : `${path}#${name}`;
}

export const absolute = (file: string, config: string): string => resolve(dirname(config), file);

/**
 * The SHA-256 of a file. That of a folder, or of several paths, is the SHA-256 of the lines that `sha256sum` prints of their files.
 *
 * @param what what messages call it
 * @param expected by the config
 * @throws DataError when a file cannot be read, or the hash is another one than expected
 */
export async function hashed(
  paths: readonly string[],
  { what, expected }: { readonly what: string; readonly expected?: string | undefined },
): Promise<string> {
  const sha256 = await hashOf(paths).catch((cause) => {
    const { path = paths[0], code } = cause as NodeJS.ErrnoException;
    const Kind = code === "ENOENT" ? MissingDataError : DataError;
    throw new Kind(`Cannot read the ${what} ${path}: ${reasonOf(cause)}.`, { cause });
  });
  if (expected === undefined || expected === sha256) return sha256;
  const [changed, those] =
    paths.length > 1 ? [`One of ${paths.join(", ")} has`, "the files"] : [`${paths[0]} has`, "the file"];
  throw new DataError(
    `${changed} changed: its SHA-256 is ${sha256}, and the config says ${expected}. Restore ${those}, or leave sha256 out to take what is there.`,
  );
}

async function hashOf(paths: readonly string[]): Promise<string> {
  const [first] = paths;
  if (paths.length === 1 && !(await stat(first)).isDirectory()) return hashOfFile(first);
  const lines: string[] = [];
  for (const path of paths) {
    for (const file of await filesIn(path)) {
      lines.push(`${await hashOfFile(file)}  ${relative(dirname(path), file)}\n`);
    }
  }
  return createHash("sha256").update(lines.join("")).digest("hex");
}

/** A file, or all files of a folder in the order of their paths. */
async function filesIn(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

/** Imports the user's code. @throws DataError when that fails; OptionError when it has no such export */
export async function exportOf({
  file,
  name,
}: {
  readonly file: string;
  readonly name: string;
}): Promise<unknown> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await import(pathToFileURL(file).href);
  } catch (cause) {
    throw new DataError(`Cannot import ${file}: ${(cause as Error).message}`, { cause });
  }
  if (name in exports) return exports[name];
  const names = Object.keys(exports).join(", ") || "nothing";
  throw new OptionError(`${file} has no export ${name}; it exports ${names}. Write module: FILE#NAME.`);
}
