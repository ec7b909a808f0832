// The journal of a sweep: one JSON value a line, which only grows. What it says is the sweep; all else follows from it. Runs'
// directories stand in it relative to its own, so that a sweep can be moved. Each line ends with a checksum of what is before it;
// those of earlier versions do not.
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { crc32 } from "node:zlib";
import { DataError } from "isoloss";
import type { TestPart } from "../experiments/catalogue/datasets.js";
import {
  type JsonLinesFile,
  type JsonRecord,
  openJsonLines,
  readJsonLines,
  unzipped,
} from "../run/json-lines.js";
import type { RungVerdict, RunRecord } from "./lanes.js";
import type { AskEntry, Assignment } from "./types.js";

export interface OpenEntry {
  readonly entry: "open";
  readonly id: string;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly since: string;
  /** What its files say, see `beginningOf`. Left out in journals of earlier versions. */
  readonly files?: { readonly "sweep.yaml": unknown; readonly "experiment.yaml": unknown } | undefined;
}

/** A run goes on, or stops, at a rung. */
export interface VerdictEntry extends RungVerdict {
  readonly entry: "verdict";
  readonly run: string;
}

/** The result of a run; a second one of the same run does not count. */
export interface RecordEntry extends Omit<RunRecord, "verdicts"> {
  readonly entry: "record";
}

/** What is confirmed: the best trials, and a baseline. */
export interface ConfirmEntry {
  readonly entry: "confirm";
  /**
   * Test data of which each fresh seed is judged by its own part, and of `divided` ones with its own division of the other rows.
   * Left out where there are none, and in journals of earlier versions: all seeds have the same rows.
   */
  readonly rows?: TestPart | undefined;
  readonly contenders: readonly Contender[];
}

export interface Contender {
  /** "baseline", or of which trial. */
  readonly trial: number | "baseline";
  readonly parameters: Assignment;
  /** Ids of its runs, in the order of the confirming seeds. */
  readonly runs: readonly string[];
}

/** Why a sweep asks no more: all its trials are asked, or what came before. */
export type SearchEnd = "trials" | "target" | "failures" | "seconds" | "steps";

/** The search is over: no more trials are asked, and no more runs of it begin. */
export interface CloseEntry {
  readonly entry: "close";
  readonly why: SearchEnd;
}

/** The sweep was interrupted: the time until then counts. */
export interface PauseEntry {
  readonly entry: "pause";
}

/** The sweep is over. */
export interface EndEntry {
  readonly entry: "end";
}

/** An entry before its time is known. */
export type NewEntry =
  | OpenEntry
  | AskEntry
  | VerdictEntry
  | RecordEntry
  | ConfirmEntry
  | CloseEntry
  | PauseEntry
  | EndEntry;

/** An entry, with the seconds that the sweep had run then: times when nothing ran it do not count. */
export type Entry = NewEntry & { readonly at: number };

/** Kinds of entries, with what they cannot do without. */
const kinds: Readonly<Record<Entry["entry"], readonly string[]>> = {
  open: ["id", "name", "since"],
  ask: ["trial", "parameters", "runs"],
  verdict: ["run", "rung", "step", "verdict"],
  record: ["run", "status", "values", "steps", "directory"],
  confirm: ["contenders"],
  close: ["why"],
  pause: [],
  end: [],
};

export interface Journal {
  /** Appends entries; the disk has them when the call returns. @throws DataError; the journal is then whole */
  append(entries: readonly Entry[]): void;
  close(): void;
}

/**
 * The entries of a journal, without half a line at its end. A published one may be compressed: `journal.jsonl.gz`.
 *
 * @param changes takes the lines whose checksums are wrong, in words; left out: they are not read
 * @throws DataError when it cannot be read, a line is no entry or was changed, or the first one is not that of a sweep
 */
export async function readJournal(path: string, changes?: string[]): Promise<Entry[]> {
  const check = (line: string, i: number) => {
    const [, body, sum] = /^(.*),"sum":"(.*)"\}$/s.exec(line) ?? [];
    if (sum === undefined || sum === sumOf(`${body}}`)) return;
    const change = `${path}:${i + 1} was changed after it was written: its checksum is ${sumOf(`${body}}`)}, and was ${sum}`;
    if (changes === undefined)
      throw new DataError(`${change}. Put back what there was, or begin a new sweep.`);
    changes.push(change);
  };
  const lines = await readJsonLines(existsSync(path) ? path : compressed(path), check);
  const entries = lines.map(({ sum: _, ...record }, i) => {
    const { entry, at } = record;
    const keys = Object.hasOwn(kinds, String(entry)) ? kinds[entry as Entry["entry"]] : undefined;
    if (keys === undefined || typeof at !== "number") {
      throw new DataError(
        `${path}:${i + 1}: expected an entry of a sweep's journal (${Object.keys(kinds).join(", ")}); got ${JSON.stringify(entry)}.`,
      );
    }
    const missing = keys.filter((key) => !(key in record));
    if (missing.length > 0) {
      throw new DataError(`${path}:${i + 1}: the entry ${entry} has no ${missing.join(" and no ")}.`);
    }
    return record;
  });
  if (entries[0]?.entry !== "open") {
    throw new DataError(`${path} does not begin with the entry of a sweep.`);
  }
  return (entries as unknown as Entry[]).map((entry) =>
    inDirectory(entry, (own) => {
      const place = isAbsolute(own) ? own : join(dirname(path), own);
      // A sweep is published without its runs.
      return existsSync(place) ? place : null;
    }),
  );
}

const sumOf = (text: string): string => crc32(text).toString(16).padStart(8, "0");

/** An entry whose run's directory, where it is on this computer, is told in another way. */
const inDirectory = <E extends NewEntry>(entry: E, tell: (directory: string) => string | null): E =>
  entry.entry === "record" && entry.directory !== null
    ? { ...entry, directory: tell(entry.directory) }
    : entry;

const compressed = (path: string): string => `${path}.gz`;

/** Whether there is a journal, compressed or not. */
export const hasJournal = (path: string): boolean => existsSync(path) || existsSync(compressed(path));

/** Opens a journal to append to, unpacked if it is compressed; half a line at its end goes. @throws DataError */
export function openJournal(path: string): Journal {
  if (!existsSync(path) && hasJournal(path)) unpack(path);
  const length = existsSync(path) ? readFileSync(path).lastIndexOf(0x0a) + 1 : 0;
  const file: JsonLinesFile = openJsonLines(path, length);
  return {
    append(entries) {
      if (entries.length === 0) return;
      const written = entries.map((entry) =>
        inDirectory(entry, (own) => relative(dirname(path), own).split(sep).join("/")),
      );
      file.append(
        written.map((entry) => ({ ...entry, sum: sumOf(JSON.stringify(entry)) })) as unknown as JsonRecord[],
      );
      file.sync();
    },
    close: file.close,
  };
}

/** Whole or not at all: a part of it would count as the journal from then on. */
function unpack(path: string): void {
  const part = `${path}.tmp`;
  writeFileSync(part, unzipped(compressed(path), readFileSync(compressed(path))));
  renameSync(part, path);
}
