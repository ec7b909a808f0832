// What a sweep was when it began. Its directory's files can be edited; trials of two sweeps in one journal would be mixed.
import { isDeepStrictEqual } from "node:util";
import { isPlainObject, union } from "es-toolkit";
import { parse } from "yaml";
import { partsOf } from "../dotted-path.js";
import type { Entry, OpenEntry } from "./journal.js";
import type { SweepFile } from "./types.js";

/** The files of a sweep's directory that say what is computed, as text. */
export interface SweepTexts {
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
export const beginningOf = ({ file, experiment }: SweepTexts): NonNullable<OpenEntry["files"]> => ({
  "sweep.yaml": plain(file),
  "experiment.yaml": plain(experiment),
});

/** As JSON has it, which the journal is. */
const plain = (yaml: string): unknown => JSON.parse(JSON.stringify(parse(yaml) ?? null));

/** What of a sweep's files is not as it was when it began, in words: `sweep.yaml: seeds was [0,1] and is [0]`. */
export function changesSince(
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
