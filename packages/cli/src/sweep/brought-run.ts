// A run that comes from another computer whole: its result, and the files of its directory.
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname, join, resolve, sep } from "node:path";
import { deserialize, serialize } from "node:v8";
import { gunzipSync, gzipSync } from "node:zlib";
import { DataError } from "isoloss";
import { makeFolder } from "isoloss/internal-node";
import { writeFileAtomic } from "isoloss/node";
import { type Job, runName } from "../experiments/jobs/job.js";
import { type JobOutcome, type PlainError, plainError, revived } from "../experiments/jobs/pool.js";
import type { JobResult } from "../experiments/kind.js";
import { makeFree } from "../run/directory.js";

type BroughtRun =
  | { readonly error: PlainError }
  | {
      readonly result: JobResult;
      readonly files: readonly (readonly [path: string, bytes: Uint8Array])[];
      /** Where files stayed that are too large to travel. */
      readonly left?: string | undefined;
    };

/** Bytes of a directory that travel: a server keeps them in its memory until the run has come. */
const mostBytes = 32 * 2 ** 20;

/** Files that are of no use elsewhere: a lock, and halves of files. */
const isOfProcess = (name: string): boolean => name === "lock" || name.endsWith(".tmp");

/** A value that is no JSON as text: numbers that are not finite stay what they are. */
export const packed = (value: unknown): string => gzipSync(serialize(value)).toString("base64");
export const unpacked = (text: string): unknown => deserialize(gunzipSync(Buffer.from(text, "base64")));

/** A run as text. @param directory the run's */
export async function packRun(outcome: JobOutcome, directory: string): Promise<string> {
  const run: BroughtRun =
    "error" in outcome ? { error: plainError(outcome.error) } : await whole(outcome, directory);
  return packed(run);
}

async function whole({ result }: { readonly result: JobResult }, directory: string): Promise<BroughtRun> {
  const names: string[] = [];
  let bytes = 0;
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || isOfProcess(entry.name)) continue;
    const path = join(entry.parentPath, entry.name);
    names.push(path.slice(directory.length + 1));
    bytes += (await stat(path)).size;
  }
  const filesOf = async (chosen: readonly string[]) => {
    const files: [string, Uint8Array][] = [];
    for (const name of chosen) files.push([name, await readFile(join(directory, name))]);
    return files;
  };
  if (bytes <= mostBytes) return { result, files: await filesOf(names) };
  const texts = names.filter((name) => /\.(yaml|jsonl?)$/.test(name) && name !== "checkpoint.json");
  return { result, files: await filesOf(texts), left: `${hostname()}:${directory}` };
}

/**
 * The outcome of a run that {@link packRun} packed, with a directory of its own below the job's `out` as a run of this computer
 * has it.
 *
 * @throws DataError when the directory cannot be written, and for files outside of it: who can write to the server must not
 *   write to this computer
 */
export async function unpackRun(
  text: string,
  job: Job,
): Promise<{ readonly outcome: JobOutcome; readonly left?: string | undefined }> {
  const run = unpacked(text) as BroughtRun;
  if ("error" in run) return { outcome: { job, error: revived(run.error) } };
  const { result, files, left } = run;
  const stray = files.find(([name]) => !resolve("/run", name).startsWith(resolve("/run") + sep));
  if (stray !== undefined) {
    throw new DataError(`A worker sent a file for another place than its run's directory: ${stray[0]}.`);
  }
  const directory = await directoryFor(job);
  if (directory !== null) {
    await mkdir(join(directory, "figures"));
    for (const [name, bytes] of files) {
      const path = join(directory, name);
      await makeFolder(dirname(path));
      await writeFileAtomic(path, name === "summary.json" ? placed(bytes, directory) : bytes);
    }
  }
  return { outcome: { job, result: { ...result, document: { ...result.document, directory } } }, left };
}

/** An empty directory for a run: its own, of which a killed process may have written a part, or one that is free. */
async function directoryFor({ directory, out, name, variant, seed }: Job): Promise<string | null> {
  if (directory !== undefined) {
    await rm(directory, { recursive: true, force: true });
    await makeFolder(directory);
    return directory;
  }
  return out === undefined ? null : makeFree(out, `${runName(name, variant)}-${seed}`);
}

/** A summary with the directory where it is now. */
const placed = (summary: Uint8Array, directory: string): string =>
  `${JSON.stringify({ ...JSON.parse(Buffer.from(summary).toString("utf8")), directory }, undefined, 2)}\n`;
