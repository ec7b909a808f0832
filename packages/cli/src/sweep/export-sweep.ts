import { OptionError } from "isoloss";
import { loadStored } from "../experiments/jobs/stored.js";
import { sendToMlflow, type TrackedRun } from "../experiments/jobs/tracking.js";
import { toCsv } from "../formats/csv.js";
import { readSweepDirectory } from "./directory.js";
import { sweepDocument, trialRows } from "./document.js";

/** The trials of a sweep as a table. */
export async function sweepCsv(path: string): Promise<string> {
  return toCsv(trialRows(sweepDocument(await readSweepDirectory(path))));
}

/**
 * Sends the runs of a sweep's trials to MLflow, each as a run with the tags `isoloss.sweep` and `isoloss.trial`.
 *
 * @throws OptionError where no run is on this computer; see {@link sendToMlflow}
 */
export async function sendSweepToMlflow(path: string, url: string | undefined): Promise<TrackedRun[]> {
  const { trials, id } = sweepDocument(await readSweepDirectory(path));
  const sent: TrackedRun[] = [];
  for (const { trial, runs, reused } of trials) {
    for (const { directory } of reused ? [] : runs) {
      if (directory === null) continue;
      const tags = { "isoloss.sweep": id, "isoloss.trial": String(trial) };
      sent.push(await sendToMlflow(await loadStored(directory), url, tags));
    }
  }
  if (sent.length === 0) throw new OptionError(`${path} has no run on this computer to send.`);
  return sent;
}
