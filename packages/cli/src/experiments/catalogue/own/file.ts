// Files of the user's own that experiments name: found, hashed, and modules imported.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { DataError, IsolossError, MissingDataError, OptionError } from "isoloss";
import { reasonOf } from "isoloss/node";
import { z } from "zod";
import { isImageName } from "../../../formats/read-data.js";

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
  return name === "default" && !path.includes("#") ? path : `${path}#${name}`;
}

const absolute = (file: string, config: string): string => resolve(dirname(config), file);

export interface NamedFiles {
  /** What messages call them. */
  readonly what: string;
  /** `module` names a file and an export of it, the others paths. */
  readonly keys: readonly string[];
  /** Whether it is a folder with a folder of images for each class. */
  readonly isFolder?: boolean | undefined;
}

type Naming = { readonly [key: string]: unknown };

/**
 * A setting with absolute paths and the hash of its files.
 *
 * @param config that names them: paths are relative to that
 * @throws DataError when they cannot be read, or are others than the config says
 */
export async function located(own: Naming, config: string, files: NamedFiles): Promise<Naming> {
  const paths = files.keys.map((key) => {
    const absolutePath = key === "module" ? absoluteModule : absolute;
    return [key, absolutePath(own[key] as string, config)];
  });
  const found = { ...own, ...Object.fromEntries(paths) };
  return { ...found, sha256: await checkFiles(found, files) };
}

/**
 * The SHA-256 of a file. That of several is the SHA-256 of the lines that `sha256sum` prints of them.
 *
 * @param own the setting that names them by absolute paths, perhaps with their `sha256`
 * @throws DataError when a file cannot be read; MissingDataError when there is none, or its hash is another one than expected
 */
export async function checkFiles(own: Naming, { what, keys, isFolder = false }: NamedFiles): Promise<string> {
  const paths = keys.map((key) => {
    const place = own[key] as string;
    return key === "module" ? placeInModule(place).file : place;
  });
  const { sha256: expected } = own;
  const sha256 = await (isFolder ? hashOfFolder(paths[0]) : hashOfFiles(paths)).catch((cause) => {
    const { path = paths[0], code } = cause as NodeJS.ErrnoException;
    const Kind = code === "ENOENT" ? MissingDataError : DataError;
    throw new Kind(`Cannot read the ${what} ${path}: ${reasonOf(cause)}.`, { cause });
  });
  if (expected === undefined || expected === sha256) return sha256;
  const [changed, those] =
    paths.length > 1 ? [`One of ${paths.join(", ")} has`, "the files"] : [`${paths[0]} has`, "the file"];
  // The data of the config are not here; another computer may have them.
  throw new MissingDataError(
    `${changed} changed: its SHA-256 is ${sha256}, and the config says ${expected}. Restore ${those}, or leave sha256 out to take what is there.`,
  );
}

async function hashOfFiles(paths: readonly string[]): Promise<string> {
  if (paths.length === 1) return hashOfFile(paths[0]);
  return hashOfLines(paths.map((path) => ({ path, name: basename(path) })));
}

async function hashOfFolder(folder: string): Promise<string> {
  const list = async (path: string) => (await readdir(path)).filter((name) => !name.startsWith("."));
  const names: string[] = [];
  for (const name of await list(folder)) {
    const path = join(folder, name);
    // Of a link, what it leads to.
    if (!(await stat(path).catch(() => undefined))?.isDirectory()) continue;
    names.push(...(await list(path)).filter(isImageName).map((file) => `${name}/${file}`));
  }
  return hashOfLines(names.sort().map((name) => ({ path: join(folder, name), name })));
}

async function hashOfLines(
  files: readonly { readonly path: string; readonly name: string }[],
): Promise<string> {
  const hash = createHash("sha256");
  for (const { path, name } of files) hash.update(`${await hashOfFile(path)}  ${name}\n`);
  return hash.digest("hex");
}

async function hashOfFile(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

/** Imports the user's code. @throws DataError when that fails; OptionError when it has no such export */
export async function exportOf({ file, name }: ReturnType<typeof placeInModule>): Promise<unknown> {
  let exports: Readonly<Record<string, unknown>>;
  try {
    exports = await import(pathToFileURL(file).href);
  } catch (cause) {
    const { message } = cause as Error;
    const advice = /find package 'isoloss'/.test(message)
      ? ". A module must find the isoloss of this command: npm install isoloss isoloss-cli beside it, and run npx isoloss."
      : "";
    throw new DataError(`Cannot import ${file}: ${message}${advice}`, { cause });
  }
  if (name in exports) return exports[name];
  const names = Object.keys(exports).join(", ") || "nothing";
  throw new OptionError(`${file} has no export ${name}; it exports ${names}. Write module: FILE#NAME.`);
}

/** A function of the user's module, which says so of what it throws: it is no defect of the library. */
export function ownFunction<A extends readonly unknown[], R>(
  { file, name }: ReturnType<typeof placeInModule>,
  what: string,
  own: (...given: A) => R,
): (...given: A) => R {
  const failed = (cause: unknown): never => {
    if (cause instanceof IsolossError) throw cause;
    const message = cause instanceof Error ? cause.message : String(cause);
    throw new OptionError(`${file}: the ${what} of ${name} failed: ${message}`, { cause });
  };
  return (...given) => {
    try {
      const made = own(...given);
      return made instanceof Promise ? (made.catch(failed) as R) : made;
    } catch (cause) {
      return failed(cause);
    }
  };
}
