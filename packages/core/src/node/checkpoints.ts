import { DataError } from "../errors.js";
import { decodeCheckpoint, encodeCheckpoint, resume } from "../train/checkpoint.js";
import type { ResumeOptions } from "../train/run-settings.js";
import type { Trainer } from "../train/trainer.js";
import { readFileOrThrow, writeFileAtomic } from "./files.js";

/**
 * Saves where a trainer is. A crash at any moment leaves the file's old content or the new one, never a part.
 * The state is taken at the call: the trainer may go on before the file is written. Directories that are missing are made.
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
 * Lets a trainer continue from a saved checkpoint. Made with the options of the run that saved it, it goes on to the
 * same numbers, bit for bit; when the file does not fit, it stays as it was.
 *
 * @throws DataError naming the file when it is missing, damaged, of another model or optimizer, or of other settings than those
 *   that `allowChanges` names
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
