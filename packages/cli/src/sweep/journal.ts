// The journal of a sweep: one JSON value a line, which only grows. What it says is the sweep; all else follows from it. Runs'
// directories stand in it relative to its own, so that a sweep can be moved.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, isAbsolute, join, relative, sep } from "node:path";
import { gunzipSync } from "node:zlib";
import { DataError } from "isoloss";
import { type JsonLinesFile, type JsonRecord, openJsonLines, readJsonLines } from "../run/json-lines.js";
import type { RungVerdict, RunRecord } from "./lanes.js";
import type { Assignment } from "./types.js";

/** Begins a sweep. */
export interface OpenEntry {
  readonly entry: "open";
  readonly id: string;
  readonly name: string;
  /** ISO 8601, UTC. */
  readonly since: string;
}

/** A trial is asked. */
export interface AskEntry {
  readonly entry: "ask";
  readonly trial: number;
  readonly parameters: Assignment;
  /** Ids of its runs, in the order of the sweep's seeds. */
  readonly runs: readonly string[];
}

/** A run goes on, or stops, at a rung. */
export interface VerdictEntry extends RungVerdict {
  readonly entry: "verdict";
  readonly run: string;
}

/** What a run came to; a second one of the same run does not count. */
export interface RecordEntry extends Omit<RunRecord, "verdicts"> {
  readonly entry: "record";
}

/** What is confirmed: the best trials, and a baseline. */
export interface ConfirmEntry {
  readonly entry: "confirm";
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

const kinds: readonly Entry["entry"][] = [
  "open",
  "ask",
  "verdict",
  "record",
  "confirm",
  "close",
  "pause",
  "end",
];

/** A journal that is written. */
export interface Journal {
  /** Appends entries; the disk has them when the call returns. @throws DataError; the journal is then whole */
  append(entries: readonly Entry[]): void;
  close(): void;
}

/**
 * The entries of a journal, without half a line at its end. A published one may be compressed: `journal.jsonl.gz`.
 *
 * @throws DataError when it cannot be read, or a line is no entry
 */
export async function readJournal(path: string): Promise<Entry[]> {
  const entries = await readJsonLines(existsSync(path) ? path : compressed(path));
  entries.forEach(({ entry, at }, i) => {
    if (kinds.includes(entry as Entry["entry"]) && typeof at === "number") return;
    throw new DataError(
      `${path}:${i + 1}: expected an entry of a sweep's journal (${kinds.join(", ")}); got ${JSON.stringify(entry)}.`,
    );
  });
  return (entries as unknown as Entry[]).map((entry) =>
    inDirectory(entry, (own) => {
      const place = isAbsolute(own) ? own : join(dirname(path), own);
      // A sweep is published without its runs.
      return existsSync(place) ? place : null;
    }),
  );
}

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
  if (!existsSync(path) && hasJournal(path)) writeFileSync(path, gunzipSync(readFileSync(compressed(path))));
  const length = existsSync(path) ? readFileSync(path).lastIndexOf(0x0a) + 1 : 0;
  const file: JsonLinesFile = openJsonLines(path, length);
  return {
    append(entries) {
      if (entries.length === 0) return;
      const written = entries.map((entry) =>
        inDirectory(entry, (own) => relative(dirname(path), own).split(sep).join("/")),
      );
      file.append(...(written as unknown as JsonRecord[]));
      file.sync();
    },
    close: file.close,
  };
}
