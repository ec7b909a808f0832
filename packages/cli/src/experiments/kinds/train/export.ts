import { decodeCheckpoint, resume } from "isoloss";
import { networkFile } from "../../catalogue/changes/file.js";
import { inUnitsOfData } from "../../catalogue/standardized.js";
import type { TrainedRun } from "../../kind.js";
import { trainerOf } from "./trainer.js";

/**
 * The trained model, in evaluation mode, as an ONNX file with the input x and the output logits. It takes and gives numbers as
 * they are in the data, also where it was trained on standardized ones.
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
    const { features, classes } = data;
    const metadata = {
      ...{ run: name, step: String(checkpoint.rest.step) },
      ...(features ? { features: JSON.stringify(features) } : {}),
      ...(classes ? { classes: JSON.stringify(classes) } : {}),
    };
    const network = { model: inUnitsOfData(model, data), ...trainer.current };
    return networkFile(network, data, { batch, metadata });
  } finally {
    await trainer.dispose();
  }
}
