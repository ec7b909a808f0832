import { DataError, OptionError } from "isoloss";
import { loadStored } from "../experiments/jobs/stored.js";
import { sendToMlflow, type TrackedRun } from "../experiments/jobs/tracking.js";
import { toCsv } from "../formats/csv.js";
import { readSweepDirectory } from "./directory.js";
import { sweepDocument, trialRows } from "./document.js";

/** The trials of a sweep as a table. */
export async function sweepCsv(path: string): Promise<string> {
  return toCsv(trialRows(sweepDocument(await readSweepDirectory(path))));
}

/** The runs of a sweep on a tracking server. */
export interface SentSweep {
  readonly runs: readonly TrackedRun[];
  /** Why others are not there, such as one that diverged before its first record. */
  readonly unread: readonly DataError[];
}

/**
 * Sends the runs of a sweep to MLflow, each once, with the tags `isoloss.sweep`, `isoloss.trial` (a number, or `baseline`)
 * and `isoloss.phase` (`search`, or `confirmation` on fresh seeds). What cannot be read does not stop the others.
 *
 * @throws OptionError where no run is on this computer; see {@link sendToMlflow}
 */
export async function sendSweepToMlflow(path: string, url: string | undefined): Promise<SentSweep> {
  const { id, engine } = await readSweepDirectory(path);
  const runs: TrackedRun[] = [];
  const unread: DataError[] = [];
  for (const { record, place, isConfirming } of engine.state.runs.values()) {
    if (!record?.directory) continue;
    const tags = {
      "isoloss.sweep": id,
      "isoloss.trial": place.slice(0, place.lastIndexOf("-")),
      "isoloss.phase": isConfirming ? "confirmation" : "search",
    };
    const stored = await loadStored(record.directory).catch((error) => {
      if (!(error instanceof DataError)) throw error;
      unread.push(error);
    });
    if (stored) runs.push(await sendToMlflow(stored, url, tags));
  }
  if (runs.length + unread.length === 0)
    throw new OptionError(`${path} has no run on this computer to send.`);
  return { runs, unread };
}
