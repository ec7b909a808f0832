import { decodeCheckpoint, resume } from "isoloss";
import { networkFile } from "../../catalogue/changes/file.js";
import type { TrainedRun } from "../../kind.js";
import { trainerOf } from "./trainer.js";

/**
 * The trained model, in evaluation mode, as an ONNX file with the input x and the output logits.
 *
 * @param batch number of examples; undefined: it stays open
 */
export async function modelOnnx(
  { name, settings, seed, checkpoint: bytes }: TrainedRun,
  batch: number | undefined,
): Promise<Uint8Array> {
  const { trainer, data, model } = await trainerOf({ ...settings, teleport: null }, seed);
  try {
    const checkpoint = decodeCheckpoint(bytes);
    resume(trainer, checkpoint, { allowChanges: ["teleport"] });
    const metadata = { run: name, step: String(checkpoint.rest.step) };
    return networkFile({ model, ...trainer.current }, data, { batch, metadata });
  } finally {
    await trainer.dispose();
  }
}
