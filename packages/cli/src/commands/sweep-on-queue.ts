// What `isoloss sweep` does with sweeps on a server.
import { textTable } from "../experiments/results/table.js";
import { shellWord } from "../shell-word.js";
import { readSweepDirectory } from "../sweep/directory.js";
import { loadQueue, queueAddress } from "../sweep/queue.js";
import type { Result } from "./command.js";

/** Ends a sweep for all its workers: by its id, or by its directory. */
export async function closeOnQueue(
  what: { readonly close?: string | undefined; readonly cancel?: string | undefined },
  queue: string | undefined,
): Promise<Result> {
  const address = queueAddress(queue);
  const { closeSweep } = await loadQueue();
  const id = what.close ?? (await readSweepDirectory(what.cancel as string)).id;
  await closeSweep(address, id);
  const takenUp =
    what.cancel === undefined ? "" : `; isoloss sweep --resume ${shellWord(what.cancel)} takes it up again`;
  return {
    document: { closed: id },
    text: [
      `Closed ${id}: its workers stop, and what is known of it stays on the server for a day${takenUp}.`,
    ],
  };
}

/** The open sweeps and the workers of a server. */
export async function listOnQueue(queue: string | undefined): Promise<Result> {
  const address = queueAddress(queue);
  const { listSweeps } = await loadQueue();
  const { sweeps, workers } = await listSweeps(address);
  const sweepTable = textTable(
    ["id", "name", "version", "since"],
    sweeps.map(({ id, name, version, since }) => [id, name, version, since]),
  );
  const lanes = textTable(
    ["worker", "lanes", "version"],
    workers.map((worker) => [worker.name, String(worker.lanes), worker.version]),
  );
  return {
    document: { sweeps, workers },
    text: [
      [
        sweeps.length === 0 ? "No open sweeps." : sweepTable,
        workers.length === 0 ? "No workers." : `\n${lanes}`,
      ].join("\n"),
    ],
  };
}
