import { DataError } from "../errors.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../train/checkpoint.js";
import type { ResumeOptions } from "../train/run-settings.js";
import type { Trainer } from "../train/trainer-options.js";
import { readFileOrThrow, writeFileAtomic } from "./files.js";

/**
 * Saves the state of a trainer. A crash at any moment leaves the file's old content or the new one, never a
 * part. The state is captured at the call: the trainer may continue before the file is written. Creates
 * missing directories.
 *
 * @throws DataError when the file cannot be written
 *
 * @example
 * await trainer.run({ steps: 1000, onProgress: () => saveCheckpoint("run/checkpoint.safetensors", trainer) });
 */
export async function saveCheckpoint<P, S>(path: string, trainer: Trainer<P, S>): Promise<void> {
  await writeFileAtomic(path, encodeCheckpoint(trainer));
}

/**
 * Restores a trainer from a saved checkpoint. With the options of the run that saved it, the trainer
 * continues with the same numbers, bit for bit; if the file does not fit, the trainer is unchanged.
 *
 * @throws DataError naming the file when it is missing, damaged, of another model or optimizer, or of
 *   settings that differ and are not named in `allowChanges`
 *
 * @example
 * await loadCheckpoint("run/checkpoint.safetensors", trainer);
 */
export async function loadCheckpoint<P, S>(
  path: string,
  trainer: Trainer<P, S>,
  options: ResumeOptions = {},
): Promise<void> {
  const bytes = await readFileOrThrow(path, { what: "checkpoint" });
  try {
    resume(trainer, decodeCheckpoint(bytes), options);
  } catch (cause) {
    throw cause instanceof DataError ? new DataError(`${path}: ${cause.message}`, { cause }) : cause;
  }
}
