import { DataError } from "../errors.js";
import type { MultiTaskTrainer } from "../mtl/train/trainer.js";
import { decodeRun, encodeRun, type Resumable, resume } from "../train/checkpoint.js";
import type { ResumeOptions } from "../train/run-settings.js";
import type { Trainer } from "../train/trainer-options.js";
import { readFileOrThrow, writeFileAtomic } from "./files.js";

/**
 * Saves the state of a trainer, of one task or of several. A crash at any moment leaves the file's old content or the new one, never a
 * part. The state is captured at the call: the trainer may continue before the file is written. Creates
 * missing directories.
 *
 * @throws DataError when the file cannot be written
 *
 * @example
 * await trainer.run({ steps: 1000, onProgress: () => saveCheckpoint("run/checkpoint.safetensors", trainer) });
 */
export async function saveCheckpoint<P, S>(
  path: string,
  trainer: Trainer<P, S> | MultiTaskTrainer<P>,
): Promise<void> {
  await writeFileAtomic(path, encodeRun(trainer));
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
  trainer: Trainer<P, S> | MultiTaskTrainer<P>,
  options: ResumeOptions = {},
): Promise<void> {
  const bytes = await readFileOrThrow(path, { what: "checkpoint" });
  try {
    const stored = decodeRun(bytes, { hasTasks: "tasks" in trainer.history });
    resume(trainer as Resumable<typeof trainer.current, object>, stored, options);
  } catch (cause) {
    throw cause instanceof DataError ? new DataError(`${path}: ${cause.message}`, { cause }) : cause;
  }
}
