// A run as programs that show runs take it, and the files of it.
import { isPlainObject } from "../../errors.js";

/** Numbers of a step by name, such as `loss` and `validation.accuracy`. */
export interface RunRecord {
  /** Steps done, an integer >= 0. */
  readonly step: number;
  /** Seconds of computation since the run began. */
  readonly seconds?: number | undefined;
  readonly [name: string]: number | undefined;
}

/** How a recorded run ended. */
export type RecordedStatus = "completed" | "stopped" | "interrupted" | "diverged" | "failed" | "pruned";

/** A run as programs that show runs take it, as plain data. */
export interface RecordedRun {
  /** What it is grouped by: a folder, in `isoloss` and `tensorboard`, or none if it is empty. */
  readonly experiment: string;
  /** Among the runs of its experiment, the only one of this name. */
  readonly name: string;
  readonly status: RecordedStatus;
  readonly startedAt: Date;
  /** Plain data by name. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** In the order of their steps; a step may have several. */
  readonly records: readonly RunRecord[];
  /** Reports of teleports, as plain data. */
  readonly teleports: readonly { readonly step: number }[];
  /** Numbers of the whole run by name. */
  readonly results: Readonly<Record<string, number>>;
  /** Further texts for MLflow, by name. */
  readonly tags?: Readonly<Record<string, string>> | undefined;
}

/** The files of a run in a folder, by paths in it. */
export interface RunFiles {
  /** Of the run: its own file or folder. */
  readonly path: string;
  readonly files: Readonly<Record<string, Uint8Array | string>>;
  /** What is written where it is not there. */
  readonly missing?: Readonly<Record<string, string>> | undefined;
  /** Names beside `path` that an earlier writing of the same run may have had. */
  readonly earlier?: RegExp | undefined;
}

/** The folder of a run, in that of its experiment. */
export const folderOf = ({ experiment, name }: Pick<RecordedRun, "experiment" | "name">): string =>
  experiment === "" ? name : `${experiment}/${name}`;

/** The numbers of a step at one time. */
export interface ShownRecord {
  readonly step: number;
  readonly seconds: number;
  /** By name, all finite. */
  readonly values: Readonly<Record<string, number>>;
}

/** All numbers of a run in the order of their steps: its records, teleports as `teleport.*` and results as `result.*`. */
export function shownRecords({ records, teleports, results }: RecordedRun): ShownRecord[] {
  const times = new Map(records.map(({ step, seconds }) => [step, seconds]));
  const last = records.reduce((found, { step }) => Math.max(found, step), 0);
  return [
    ...records.map(({ step, seconds = 0, ...values }) => ({ step, seconds, values: numbersIn(values) })),
    ...teleports.map(({ step, ...report }) => ({
      step,
      seconds: times.get(step) ?? 0,
      values: numbersIn(report, "teleport."),
    })),
    { step: last, seconds: lengthOf({ records }), values: numbersIn(results, "result.") },
  ]
    .filter(({ values }) => Object.keys(values).length > 0)
    .sort((a, b) => a.step - b.step);
}

/** The finite numbers in a value, and 1 and 0 for true and false, by their paths. */
function numbersIn(value: object, prefix = ""): Record<string, number> {
  const entries = Object.entries(value).flatMap(([key, inner]): [string, number][] => {
    if (isPlainObject(inner)) return Object.entries(numbersIn(inner, `${prefix}${key}.`));
    const number = typeof inner === "boolean" ? Number(inner) : inner;
    return Number.isFinite(number) ? [[`${prefix}${key}`, number]] : [];
  });
  return Object.fromEntries(entries);
}

/** Seconds since 1970 of a record that was made so many seconds after the run began. */
export const secondsAt = ({ startedAt }: Pick<RecordedRun, "startedAt">, seconds = 0): number =>
  startedAt.getTime() / 1000 + seconds;

/** Seconds that a run took, as far as its records tell. */
export const lengthOf = ({ records }: Pick<RecordedRun, "records">): number =>
  records.reduce((last, { seconds = 0 }) => Math.max(last, seconds), 0);
