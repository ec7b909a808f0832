import type { NdArray } from "../array.js";
import { isNdArray } from "../array.js";
import { crc32 } from "../data/crc32.js";
import { decodeSafetensors, encodeSafetensors } from "../data/safetensors.js";
import { DataError, IsolossError } from "../errors.js";
import { checkArrays } from "../train/state.js";
import { flatten, unflatten } from "../tree.js";
import { columnsOf, historyFrom, type MultiTaskHistory } from "./history.js";
import { packData, unpackData } from "./plain-data.js";
import { arraysOf, type MultiTaskState } from "./train-state.js";
import type { MultiTaskTrainer } from "./trainer-options.js";

const format = "isoloss-multi-task-1";

/** A run's state as read from a file: arrays by path, and the rest as plain data. */
export interface MultiTaskCheckpoint {
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly rest: Omit<MultiTaskState<unknown>, "params" | "state" | "optimizer">;
  readonly history: MultiTaskHistory;
}

/** What is not in tensors of its own. */
interface Rest {
  readonly state: MultiTaskCheckpoint["rest"];
  readonly history: Pick<MultiTaskHistory, "tasks" | "events" | "notes">;
}

/**
 * A run of several tasks as the bytes of one safetensors file: parameters and the optimiser's state under their paths, the
 * state of the method and of the hook, the history, and a checksum.
 *
 * @throws DataError when a method's or hook's state is no plain data
 *
 * @example
 * const bytes = encodeMultiTaskCheckpoint(trainer.current, trainer.history);
 */
export function encodeMultiTaskCheckpoint<P>(
  state: MultiTaskState<P>,
  history: MultiTaskHistory,
): Uint8Array {
  const { params: _, state: __, optimizer: ___, ...own } = state;
  const { tasks, events, notes } = history;
  const { text, arrays } = packData({ state: own, history: { tasks, events, notes } } satisfies Rest, "rest");
  const columns = Object.entries(columnsOf(history)).map(([name, list]): [string, NdArray] => [
    `history.${name}`,
    { shape: [list.length], data: Float64Array.from(list) },
  ]);
  const tensors = { ...arraysOf(state), ...arrays, ...Object.fromEntries(columns) };
  return encodeSafetensors(tensors, { format, rest: text, crc32: checksum(text, tensors) });
}

/**
 * Reads a checkpoint of several tasks.
 *
 * @throws DataError when the bytes are none, or damaged
 */
export function decodeMultiTaskCheckpoint(bytes: Uint8Array): MultiTaskCheckpoint {
  const { tensors: all, metadata } = decodeSafetensors(bytes);
  const { rest: text } = metadata;
  if (metadata.format !== format || text === undefined) {
    throw new DataError(
      `Expected a checkpoint of several tasks (metadata format "${format}"); got "${metadata.format ?? "none"}".`,
    );
  }
  if (metadata.crc32 !== checksum(text, all)) {
    throw new DataError("The checkpoint's checksum is not that of its content: the file is damaged.");
  }
  const { state, history } = unpackData({ text, arrays: all }) as Rest;
  const columns: Record<string, ArrayLike<number>> = {};
  const tensors: Record<string, NdArray> = {};
  for (const [name, a] of Object.entries(all)) {
    if (name.startsWith("history.")) columns[name.slice("history.".length)] = a.data as Float64Array;
    else if (!name.startsWith("rest.")) tensors[name] = a;
  }
  return { tensors, rest: state, history: historyFrom(history.tasks, columns, history, state.step) };
}

/**
 * Lets a trainer continue from a checkpoint. Made with the options of the run that wrote it, it goes on to the same
 * numbers, bit for bit.
 *
 * @throws DataError when the checkpoint is not of the trainer's parameters, optimiser and tasks
 *
 * @example
 * resumeMultiTask(trainer, decodeMultiTaskCheckpoint(bytes));
 */
export function resumeMultiTask<P>(
  trainer: MultiTaskTrainer<P>,
  { tensors, rest, history }: MultiTaskCheckpoint,
): void {
  const { current } = trainer;
  try {
    checkArrays(tensors, arraysOf(current), "The checkpoint");
  } catch (cause) {
    throw cause instanceof IsolossError ? new DataError(cause.message, { cause }) : cause;
  }
  const expected = trainer.history.tasks.join();
  if (history.tasks.join() !== expected) {
    throw new DataError(`The checkpoint is of the tasks ${history.tasks.join()}; this run has ${expected}.`);
  }
  const { params, state, optimizer } = current;
  const { paths, def } = flatten<NdArray>({ params, state, optimizer }, isNdArray);
  const trees = unflatten(
    def,
    paths.map((path) => tensors[path]),
  ) as Pick<MultiTaskState<P>, "params" | "state" | "optimizer">;
  trainer.restore({ ...rest, ...trees }, history);
}

/** CRC-32 over the text, the names and the elements of the arrays. */
function checksum(text: string, tensors: Readonly<Record<string, NdArray>>): string {
  const header = Object.entries(tensors).map(([name, { shape }]) => [name, shape]);
  const start = crc32(new TextEncoder().encode(JSON.stringify([text, header])));
  const crc = Object.values(tensors).reduce(
    (sum, { data }) => crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum),
    start,
  );
  return crc.toString(16).padStart(8, "0");
}
