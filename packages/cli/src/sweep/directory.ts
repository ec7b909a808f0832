// The directory of a sweep, `sweeps/NAME-N`: what it is (sweep.yaml, experiment.yaml), what has come of it (journal.jsonl,
// runs/), and what is written of that (trials.csv, summary.json, report.html).

import { randomBytes } from "node:crypto";
import { readdir, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { isPlainObject, union } from "es-toolkit";
import { DataError } from "isoloss";
import { readFileOrThrow, reasonOf, writeFileAtomic } from "isoloss/node";
import { parse, stringify } from "yaml";
import { partsOf } from "../dotted-path.js";
import { requireFreshSeeds, runConfig } from "../experiments/definition/resolve.js";
import { makeFree } from "../run/directory.js";
import { describeEnvironment, type Environment } from "../run/environment.js";
import { lockDirectory } from "../run/lock.js";
import { readJsonFile } from "../run/read.js";
import { shellWord } from "../shell-word.js";
import { createEngine, type Engine } from "./engine.js";
import {
  type Entry,
  hasJournal,
  type Journal,
  type NewEntry,
  type OpenEntry,
  openJournal,
  readJournal,
} from "./journal.js";
import type { RunRecord } from "./lanes.js";
import { type LoadedSweep, loadSweep } from "./load.js";
import { testNameOf } from "./metric.js";
import { planSweep, programVersion, type SweepPlan } from "./plan.js";
import { samplerOf } from "./samplers/sampler.js";
import type { SweepFile } from "./schema.js";
import type { AskEntry } from "./types.js";
import { faultsOfBudget, faultsOfJournal, faultsOfRuns } from "./verify.js";

export const sweepPaths = (directory: string) => ({
  file: join(directory, "sweep.yaml"),
  experiment: join(directory, "experiment.yaml"),
  environment: join(directory, "environment.json"),
  journal: join(directory, "journal.jsonl"),
  runs: join(directory, "runs"),
  trials: join(directory, "trials.csv"),
  summary: join(directory, "summary.json"),
  report: join(directory, "report.html"),
});

/** A sweep as its directory says it. */
export interface StoredSweep {
  /** Absolute. */
  readonly directory: string;
  /** Letters and digits that name the sweep everywhere. */
  readonly id: string;
  readonly loaded: LoadedSweep;
  readonly engine: Engine;
  readonly plan: SweepPlan;
}

export interface OpenSweep extends StoredSweep {
  readonly journal: Journal;
  close(): void;
}

/**
 * Makes the directory of a new sweep.
 *
 * @param base created when it is missing
 * @throws DataError when it cannot be written
 * @throws OptionError where there are fewer test data than fresh seeds
 */
export async function createSweepDirectory(base: string, loaded: LoadedSweep): Promise<OpenSweep> {
  const { file, experiment, variant } = loaded;
  // Once there are runs, neither the data nor the seeds can be changed.
  if (file.confirm !== false && testNameOf(file) !== undefined) {
    await requireFreshSeeds(experiment.kind, variant.settings, file.confirm.seeds.length);
  }
  const directory = await makeFree(resolve(base), file.name, "sweep");
  const environment = describeEnvironment({
    seed: file.seed,
    runtime: (variant.settings.runtime as string | undefined) ?? "auto",
  });
  const spec: SweepSpec = {
    file: stringify({ ...file, experiment: "experiment.yaml", variant: variant.name }),
    experiment: stringify(runConfig(experiment, variant, 0)),
    environment: `${JSON.stringify(environment, undefined, 2)}\n`,
  };
  await writeSpec(directory, spec);
  const id = randomBytes(6).toString("hex");
  return opened(directory, loaded, [
    {
      entry: "open",
      id,
      name: file.name,
      since: environment.startedAt,
      files: beginningOf(spec),
      at: 0,
    },
  ]);
}

/** All files that make the directory of a sweep. */
export interface SweepSpec extends SweepTexts {
  readonly environment: string;
}

async function writeSpec(directory: string, spec: SweepSpec): Promise<void> {
  const paths = sweepPaths(directory);
  // The file last: a directory with it is a sweep.
  for (const name of ["experiment", "environment", "file"] as const) {
    await writeFileAtomic(paths[name], spec[name]);
  }
}

/** Makes the directory of a sweep again, which another computer began. @throws DataError when it cannot be written */
export async function rebuildSweepDirectory(
  base: string,
  { id, name, since }: Pick<OpenEntry, "id" | "name" | "since">,
  {
    spec,
    asks,
    records,
  }: {
    readonly spec: SweepSpec;
    readonly asks: readonly AskEntry[];
    readonly records: readonly RunRecord[];
  },
): Promise<OpenSweep> {
  const directory = await makeFree(resolve(base), name, "sweep");
  await writeSpec(directory, spec);
  const at = Math.max(0, (Date.now() - Date.parse(since)) / 1000);
  const begin: NewEntry[] = [{ entry: "open", id, name, since, files: beginningOf(spec) }, ...asks];
  const sweep = await opened(
    directory,
    await loadSweep(sweepPaths(directory).file),
    begin.map((entry) => ({ ...entry, at })),
  );
  const past: Entry[] = [];
  for (const record of records) {
    const entries = sweep.engine.recorded(record).map((entry) => ({ ...entry, at }));
    for (const entry of entries) sweep.engine.apply(entry);
    past.push(...entries);
  }
  // At once: each call waits for the disk.
  sweep.journal.append(past);
  return sweep;
}

/**
 * Opens a sweep to go on with it.
 *
 * @throws DataError unless it is one, where another process runs it, and where its files are not those that it began with
 */
export async function openSweepDirectory(path: string): Promise<OpenSweep> {
  const directory = await requireSweep(path);
  return opened(directory, await loadSweep(sweepPaths(directory).file));
}

/** What the journal of a sweep breaks of its promises, and what of its files has changed; empty: nothing. @throws DataError unless it is one */
export async function faultsOfDirectory(path: string): Promise<string[]> {
  const directory = await requireSweep(path);
  const { file: own, journal, environment } = sweepPaths(directory);
  const loaded = await loadSweep(own);
  const { file } = loaded;
  const faults: string[] = [];
  const entries = await readJournal(journal, faults);
  const changes = changesSince(entries, await textsOf(directory), file);
  const begun = ((await readJsonFile(environment).catch(() => ({}))) as Partial<Environment>).versions;
  // Another version may give other ids to the same settings, as do files that were edited.
  const isComparable = (begun?.isoloss ?? programVersion()) === programVersion() && changes.length === 0;
  return [
    ...faults,
    ...changes,
    ...faultsOfJournal(entries, file, samplerOf(file).size),
    ...(isComparable ? faultsOfRuns(entries, file, planSweep(loaded).idOf) : []),
  ];
}

/** Reads a sweep, also while it is running. @throws DataError unless it is one, and where its files are not those that it began with */
export async function readSweepDirectory(path: string): Promise<StoredSweep> {
  const directory = await requireSweep(path);
  const loaded = await loadSweep(sweepPaths(directory).file);
  return folded(directory, loaded, await readJournal(sweepPaths(directory).journal));
}

/** @param first entries of a new journal */
async function opened(
  directory: string,
  loaded: LoadedSweep,
  first: readonly Entry[] = [],
): Promise<OpenSweep> {
  const unlock = lockDirectory(directory, "sweep");
  try {
    const { journal: path } = sweepPaths(directory);
    const journal = openJournal(path);
    journal.append(first);
    const entries = await readJournal(path);
    const sweep = await folded(directory, loaded, entries);
    requireGoingOn(sweep, entries);
    return {
      ...sweep,
      journal,
      close() {
        journal.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function folded(
  directory: string,
  loaded: LoadedSweep,
  entries: readonly Entry[],
): Promise<StoredSweep> {
  const changes = changesSince(entries, await textsOf(directory), loaded.file);
  if (changes.length > 0) throw changed(directory, changes);
  const { id } = entries[0] as OpenEntry;
  const plan = planSweep(loaded);
  const engine = createEngine({ file: loaded.file, sampler: samplerOf(loaded.file), ...plan });
  for (const entry of entries) engine.apply(entry);
  return { directory, id, loaded, engine, plan };
}

/** A budget may change until the search is over: nothing is asked after that. */
function requireGoingOn({ directory, loaded: { file } }: StoredSweep, entries: readonly Entry[]): void {
  const faults = faultsOfBudget(entries, file.budget, samplerOf(file).size);
  if (faults.length > 0)
    throw changed(
      directory,
      faults.map((fault) => `sweep.yaml: budget: ${fault}`),
    );
  // Before its end, what it lacks is computed.
  if (!entries.some(({ entry }) => entry === "end")) return;
  const broken = faultsOfJournal(entries, file, samplerOf(file).size);
  if (broken.length > 0) throw refused(`The journal of the sweep ${directory} has faults`, directory, broken);
}

const changed = (directory: string, changes: readonly string[]): DataError =>
  refused(`The files of the sweep ${directory} are not those that it began with`, directory, changes);

const refused = (what: string, directory: string, why: readonly string[]): DataError =>
  new DataError(
    `${what}. ${why.join("; ")}. Put back what there was, or begin a new sweep: isoloss sweep ${shellWord(sweepPaths(directory).file)}`,
  );

async function textsOf(directory: string): Promise<SweepTexts> {
  const { file, experiment } = sweepPaths(directory);
  const [sweep, other] = await Promise.all(
    [file, experiment].map((path) => readFileOrThrow(path, { what: "sweep" })),
  );
  return { file: Buffer.from(sweep).toString("utf8"), experiment: Buffer.from(other).toString("utf8") };
}

/** The absolute path of a sweep's directory. @throws DataError unless it is one */
export async function requireSweep(path: string): Promise<string> {
  let directory: string;
  let names: readonly string[];
  try {
    directory = await realpath(path);
    names = await readdir(directory);
  } catch (cause) {
    throw new DataError(`Cannot read the sweep ${path}: ${reasonOf(cause)}.`, { cause });
  }
  const missing = [
    ...(names.includes("sweep.yaml") ? [] : ["sweep.yaml"]),
    ...(hasJournal(sweepPaths(directory).journal) ? [] : ["journal.jsonl"]),
  ];
  if (missing.length === 0) return directory;
  throw new DataError(`${path} is not the directory of a sweep: it has no ${missing.join(" and no ")}.`);
}

/** Directories of sweeps in a folder, in alphabetical order. */
export async function sweepsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((): string[] => []);
  return names
    .map((name) => join(folder, name))
    .filter((path) => hasJournal(sweepPaths(path).journal))
    .sort();
}

// What a sweep was when it began. Its directory's files can be edited; trials of two sweeps in one journal would be mixed.

/** The files of a sweep's directory that say what is computed, as text. */
interface SweepTexts {
  /** `sweep.yaml`. */
  readonly file: string;
  /** `experiment.yaml`. */
  readonly experiment: string;
}

/** Keys of `sweep.yaml` that say how long it runs, and not what: they may change while it does. */
const free = ["budget", "stopAfter", "timeout", "runSeconds"];
/** Most changes that a message lists. */
const most = 5;

/** What the first entry of a journal keeps of the files, whatever their comments and their order. */
const beginningOf = ({ file, experiment }: SweepTexts): NonNullable<OpenEntry["files"]> => ({
  "sweep.yaml": plain(file),
  "experiment.yaml": plain(experiment),
});

/** As JSON has it, which the journal is. */
const plain = (yaml: string): unknown => JSON.parse(JSON.stringify(parse(yaml) ?? null));

/** What of a sweep's files is not as it was when it began, in words: `sweep.yaml: seeds was [0,1] and is [0]`. */
function changesSince(
  entries: readonly Entry[],
  texts: SweepTexts,
  { seeds }: Pick<SweepFile, "seeds">,
): string[] {
  const { files } = entries[0] as OpenEntry;
  // A journal of a time when it did not keep them tells how many runs a trial has.
  if (files === undefined) {
    const other = entries.find((e) => e.entry === "ask" && e.runs.length !== seeds.length);
    return other?.entry === "ask"
      ? [`sweep.yaml: seeds were ${other.runs.length} and are ${seeds.length}`]
      : [];
  }
  const changes = Object.entries(beginningOf(texts)).flatMap(([name, now]) => {
    const [a, b] = [files[name as keyof typeof files], now].map((value) => new Map(partsOf(value, isLeaf)));
    return union([...a.keys()], [...b.keys()])
      .filter((path) => !(name === "sweep.yaml" && free.includes(path.split(".")[0] as string)))
      .filter((path) => !isDeepStrictEqual(a.get(path), b.get(path)))
      .map((path) => `${name}: ${path} was ${shown(a.get(path))} and is ${shown(b.get(path))}`);
  });
  const more = changes.length - most;
  return more > 0 ? [...changes.slice(0, most), `and ${more} more`] : changes;
}

const isLeaf = (value: unknown): boolean => !isPlainObject(value) || Object.keys(value).length === 0;

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "not there";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
