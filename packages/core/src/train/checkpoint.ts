import type { NdArray } from "../array.js";
import { dtypeOf } from "../array.js";
import { crc32 } from "../data/crc32.js";
import { decodeSafetensors, encodeSafetensors } from "../data/safetensors.js";
import { DataError, IsolossError } from "../errors.js";
import type { History } from "./history.js";
import { arraysOf, checkArrays, stateFrom, type TrainState } from "./state.js";
import type { ScheduleState, TeleportEvent } from "./teleports.js";
import type { Trainer } from "./trainer.js";

const format = "isoloss-checkpoint-2";

/** A checkpoint as read from a file: arrays by path, and the rest as plain data. */
export interface Checkpoint {
  readonly tensors: Readonly<Record<string, NdArray>>;
  readonly step: number;
  readonly history: History;
  readonly schedule?: ScheduleState;
}

/** What a checkpoint holds as JSON. */
interface Notes {
  readonly schedule?: ScheduleState;
  readonly teleports?: TeleportEvent[];
}

/**
 * The state of a training run as the bytes of one safetensors file: parameters, optimiser and model state as tensors
 * under their paths (`params.layers.0.weight`), the history as `history.loss` and so on, the step, the teleports and a
 * checksum in the metadata. One file, so that a crash cannot leave half of a checkpoint (see `saveCheckpoint`).
 *
 * @example
 * const bytes = encodeCheckpoint(trainer.current, trainer.history);
 */
export function encodeCheckpoint<P, S>(state: TrainState<P, S>, history: History): Uint8Array {
  const list = (values: readonly number[]): NdArray => ({
    shape: [values.length],
    data: Float64Array.from(values),
  });
  const tensors = {
    ...arraysOf(state),
    "history.loss": list(history.loss),
    "history.seconds": list(history.seconds),
    ...(history.gradNormSq.length > 0 ? { "history.gradNormSq": list(history.gradNormSq) } : {}),
  };
  const notes = JSON.stringify({ schedule: state.schedule, teleports: history.teleports });
  const crc = checksum(state.step, tensors, notes);
  return encodeSafetensors(tensors, { format, step: `${state.step}`, notes, crc32: crc });
}

/**
 * Reads a checkpoint.
 *
 * @throws DataError when the bytes are no checkpoint of this library, or damaged
 *
 * @example
 * const { step, tensors } = decodeCheckpoint(bytes);
 */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  const { tensors: all, metadata } = decodeSafetensors(bytes);
  if (metadata.format !== format) {
    throw new DataError(
      `Expected a checkpoint (metadata format "${format}"); got "${metadata.format ?? "none"}". Is it a file of weights only?`,
    );
  }
  const step = Number(metadata.step);
  const { notes = "{}" } = metadata;
  if (metadata.crc32 !== checksum(step, all, notes)) {
    throw new DataError("The checkpoint's checksum is not that of its content: the file is damaged.");
  }
  const {
    "history.loss": loss,
    "history.seconds": seconds,
    "history.gradNormSq": gradNormSq,
    ...tensors
  } = all;
  const { schedule, teleports = [] } = JSON.parse(notes) as Notes;
  if (
    !Number.isSafeInteger(step) ||
    step < 0 ||
    loss?.data.length !== step ||
    seconds?.data.length !== step
  ) {
    throw new DataError(
      `A checkpoint has a step >= 0 and a history of as many losses and times; got step ${metadata.step}, ` +
        `${loss?.data.length ?? "no"} losses and ${seconds?.data.length ?? "no"} times.`,
    );
  }
  return {
    tensors,
    step,
    ...(schedule === undefined ? {} : { schedule }),
    history: {
      loss: Array.from(loss.data, Number),
      seconds: Array.from(seconds.data, Number),
      gradNormSq: Array.from(gradNormSq?.data ?? [], Number),
      teleports,
    },
  };
}

/**
 * Lets a trainer continue from a checkpoint. The trainer must be made with the options of the run that wrote it;
 * it then goes on to the same numbers, bit for bit.
 *
 * @throws DataError when the arrays are not those of the trainer's model and optimiser
 *
 * @example
 * resume(trainer, decodeCheckpoint(bytes));
 */
export function resume<P, S>(trainer: Trainer<P, S>, checkpoint: Checkpoint): void {
  trainer.restore(restoredState(trainer.current, checkpoint), checkpoint.history);
}

/**
 * The state that a checkpoint holds.
 *
 * @param like a state of the run that goes on: its arrays have the same paths and types
 * @throws DataError when the arrays are of another run
 */
export function restoredState<P, S>(
  like: TrainState<P, S>,
  { tensors, step, schedule }: Checkpoint,
): TrainState<P, S> {
  try {
    checkArrays(tensors, arraysOf(like), "The checkpoint");
  } catch (cause) {
    throw cause instanceof IsolossError ? new DataError(cause.message, { cause }) : cause;
  }
  return stateFrom(like, tensors, step, schedule);
}

/** CRC-32 over the step, the notes, the names and types of the arrays, and their elements. */
function checksum(step: number, tensors: Readonly<Record<string, NdArray>>, notes: string): string {
  const header = Object.entries(tensors).map(([name, a]) => [name, dtypeOf(a), a.shape]);
  const start = crc32(new TextEncoder().encode(JSON.stringify([step, header, notes])));
  const crc = Object.values(tensors).reduce(
    (sum, { data }) => crc32(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum),
    start,
  );
  return crc.toString(16).padStart(8, "0");
}
