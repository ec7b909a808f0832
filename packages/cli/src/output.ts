import { constants, statSync } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
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
export function requireNew(
  file: string,
  { force, option = "--force" }: { readonly force: boolean; readonly option?: string | undefined },
): void {
  let isThere = false;
  try {
    isThere = statSync(file).isFile();
  } catch {
    // Not there, or in no folder: writing says which.
  }
  if (isThere && !force) {
    throw new DataError(
      `Cannot write ${file}: it is there already. Choose another name, or replace it with ${option}.`,
    );
  }
}

/** What a command writes: a model, and a page about it. */
interface Outputs {
  readonly out: string;
  /** Whether `out` may replace a file. */
  readonly force: boolean;
  /** The option that says so; default `--force`. */
  readonly replaceOption?: string;
  readonly report?: string | undefined;
}

/** A file that must stay, and what it is. */
interface Kept {
  readonly path: string;
  readonly what: string;
}

/**
 * Throws where a new file would be written over the model that is read, one with its data, a file of the examples, the
 * other new file, or what is no file, and where the new model is there already; creates the folders. So a long computation is not lost.
 *
 * @param examples paths of data that are read, where they were given
 * @throws OptionError, DataError
 */
export async function requireOutputs(
  { files }: { readonly files: readonly string[] },
  { out, report, force, replaceOption }: Outputs,
  examples: readonly (string | undefined)[] = [],
): Promise<void> {
  const kept: readonly Kept[] = [
    ...files.map((path) => ({ path, what: "the model that is read" })),
    ...examples.flatMap((path) => (path === undefined ? [] : [{ path, what: "data that are read" }])),
  ];
  await requireOutput("--out", out, "model.onnx", kept);
  requireNew(out, { force, option: replaceOption });
  if (report === undefined) return;
  await requireOutput("--report", report, "report.html", [...kept, { path: out, what: "the new model" }]);
}

async function requireOutput(
  option: string,
  path: string,
  example: string,
  kept: readonly Kept[],
): Promise<void> {
  const there = await stat(path).catch(() => undefined);
  if (there?.isDirectory()) {
    throw new OptionError(`${option} ${path} is a folder: name a file, such as ${join(path, example)}.`);
  }
  if (there && !there.isFile()) {
    throw new OptionError(`${option} ${path} is a pipe or a device: name a file, such as ${example}.`);
  }
  for (const other of kept) {
    if (!(await isSameFile(path, other.path))) continue;
    throw new OptionError(`${option} ${path} is ${other.what}: name another file with ${option}.`);
  }
  await prepareFolder(dirname(resolve(path)), option);
}

/**
 * Throws where two of the options name the same data, which then choose and judge, or train and judge.
 *
 * @param paths by the options that name them
 */
export async function requireOthers(paths: Readonly<Record<string, string | undefined>>): Promise<void> {
  const given = Object.entries(paths).flatMap(([name, path]) => (path === undefined ? [] : [{ name, path }]));
  for (const [i, { name, path }] of given.entries()) {
    for (const first of given.slice(0, i)) {
      if (!(await isSameFile(path, first.path))) continue;
      throw new OptionError(
        `${name} ${path} is the data of ${first.name}: give other examples with ${name}, which are to judge.`,
      );
    }
  }
}

/** Whether two paths are of one file, also by links. */
async function isSameFile(a: string, b: string): Promise<boolean> {
  const [own, other] = await Promise.all([a, b].map((path) => stat(path).catch(() => undefined)));
  return own && other ? own.ino === other.ino && own.dev === other.dev : resolve(a) === resolve(b);
}
