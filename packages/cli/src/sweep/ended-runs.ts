// The runs of `isoloss reproduce` that have ended, in its folder: a process that goes on computes none of them again. The first line
// is what was asked; then a line for each run with a directory that begins, and for each that ends. A killed process loses no line.
import { existsSync, readFileSync } from "node:fs";
import { realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { DataError } from "isoloss";
import { type Job, runName } from "../experiments/jobs/job.js";
import { type Elapsed, type EndedRuns, elapsedTime } from "../experiments/jobs/session.js";
import type { JobResult } from "../experiments/kind.js";
import { prepareFolder } from "../output.js";
import type { Environment } from "../run/environment.js";
import { type JsonRecord, openJsonLines, readJsonLines } from "../run/json-lines.js";
import { lockDirectory } from "../run/lock.js";
import { packed, unpacked } from "./brought-run.js";
import { programVersion } from "./plan.js";
import { jobId } from "./queued-jobs.js";

/** What a folder was begun with. */
export interface Asked {
  /** Names of experiments that come with the program, and absolute paths. */
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly environment: Environment;
}

interface BegunLine {
  readonly begun: string;
  readonly directory: string;
}

interface EndedLine extends Elapsed {
  readonly ended: string;
  readonly result: string;
}

const fileIn = (folder: string): string => join(folder, "ended-runs.jsonl");

export const hasEndedRuns = (folder: string): boolean => existsSync(fileIn(folder));

/** What a folder was begun with. @throws DataError unless it has runs of this version of the program */
export async function askedIn(folder: string): Promise<Asked> {
  const lines = hasEndedRuns(folder) ? await readJsonLines(fileIn(folder)) : [];
  const [asked] = lines as unknown as [Asked | undefined];
  if (asked === undefined) {
    throw new DataError(
      `${folder} has nothing to resume: expected the folder of an isoloss reproduce that was killed or interrupted. One that is complete keeps its report alone.`,
    );
  }
  const { isoloss } = asked.environment.versions;
  if (isoloss !== programVersion()) {
    throw new DataError(
      `${fileIn(folder)} is of isoloss ${isoloss}, and this is ${programVersion()}: its runs are not comparable. Begin again, without --resume.`,
    );
  }
  return asked;
}

/**
 * Opens the runs of a folder.
 *
 * @param options `isNew`: those that are there are of no use
 * @throws DataError when they cannot be read or written; LockedError while another process has them
 */
export async function openEndedRuns(folder: string, asked: Asked, { isNew }: { readonly isNew: boolean }) {
  await prepareFolder(folder);
  const path = fileIn(await realpath(folder));
  const unlock = lockDirectory(await realpath(folder), "folder");
  try {
    const length = isNew ? 0 : readFileSync(path).lastIndexOf(0x0a) + 1;
    const file = openJsonLines(path, length);
    const lines = (isNew ? [] : await readJsonLines(path)) as unknown as (BegunLine | EndedLine)[];
    const append = (line: Asked | BegunLine | EndedLine) => file.append([line as unknown as JsonRecord]);
    if (isNew) append(asked);
    const ended = new Map(lines.flatMap((line) => ("ended" in line ? [[line.ended, line]] : [])));
    const directories = new Map(
      lines.flatMap((line) => ("begun" in line ? [[line.begun, line.directory]] : [])),
    );
    /** Equal jobs are as many runs. */
    const seen = new Map<string, number>();
    const ids = new WeakMap<Job, string>();
    const begin = elapsedTime();
    let before: Elapsed = { wall: 0, processor: 0 };
    const elapsed = (): Elapsed => {
      const now = elapsedTime();
      return {
        wall: before.wall + now.wall - begin.wall,
        processor: before.processor + now.processor - begin.processor,
      };
    };

    /** The directory of a run: the one that it had, or the next that is free. */
    const directoryOf = (id: string, { name, variant, seed }: Job, out: string): string => {
      const taken = [...directories.values()];
      for (let n = 1; !directories.has(id); n++) {
        const directory = `${runName(name, variant)}-${seed}-${n}`;
        if (taken.includes(directory) || existsSync(join(out, directory))) continue;
        directories.set(id, directory);
        append({ begun: id, directory });
      }
      return join(out, directories.get(id) as string);
    };
    const runs: EndedRuns = {
      environment: asked.environment,
      elapsed,
      take(job) {
        const base = jobId(job);
        const n = seen.get(base) ?? 0;
        seen.set(base, n + 1);
        const id = `${base}-${n}`;
        const known = ended.get(id);
        if (known) {
          before = {
            wall: Math.max(before.wall, known.wall),
            processor: Math.max(before.processor, known.processor),
          };
          return { job, result: unpacked(known.result) as JobResult };
        }
        const own = job.out === undefined ? job : { ...job, directory: directoryOf(id, job, job.out) };
        ids.set(own, id);
        return { job: own };
      },
      add(job, result) {
        append({ ended: ids.get(job) as string, result: packed(result), ...elapsed() });
      },
    };
    return {
      ...runs,
      /** Those of earlier processes. */
      count: ended.size,
      close() {
        file.close();
        unlock();
      },
      /** Removes the file: there is nothing to go on with. */
      remove: () => rm(path, { force: true }),
    };
  } catch (error) {
    unlock();
    throw error;
  }
}
