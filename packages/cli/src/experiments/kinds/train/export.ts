import { createPredictor, decodeCheckpoint, dtypeOf, resume } from "isoloss";
import { networkFile } from "../../catalogue/changes/file.js";
import { readNewRows } from "../../catalogue/own/new-rows.js";
import { inUnitsOfData } from "../../catalogue/standardized.js";
import type { Predictions, TrainedRun } from "../../kind.js";
import { predictionRecords } from "../predictions.js";
import { type TrainSettings, trainerOf } from "./trainer.js";

/** The network of a run, which takes and gives numbers as they are in the data, also where it was trained on standardized ones. */
async function trainedNetwork({ settings, seed, checkpoint }: TrainedRun) {
  const { trainer, data, model } = await trainerOf({ ...settings, teleport: null }, seed);
  try {
    resume(trainer, decodeCheckpoint(checkpoint), { allowChanges: ["teleport"] });
    const { params, state, step } = trainer.current;
    return { network: { model: inUnitsOfData(model, data), params, state }, data, step };
  } finally {
    await trainer.dispose();
  }
}

/**
 * The trained model, in evaluation mode, as an ONNX file with the input x and the output logits.
 *
 * @param batch number of examples; undefined: it stays open
 */
export async function modelOnnx(run: TrainedRun, batch: number | undefined): Promise<Uint8Array> {
  const { network, data, step } = await trainedNetwork(run);
  const { features, classes } = data;
  const metadata = {
    run: run.name,
    step: String(step),
    ...(features ? { features: JSON.stringify(features) } : {}),
    ...(classes ? { classes: JSON.stringify(classes) } : {}),
  };
  return networkFile(network, data, { batch, metadata });
}

/** Predictions of the trained model, in evaluation mode. */
export async function modelPredictions(run: TrainedRun, path: string): Promise<Predictions> {
  const { data: named, loss, runtime } = run.settings as unknown as TrainSettings;
  const { network, data, step } = await trainedNetwork(run);
  const { inputs, files, unknown } = await readNewRows(path, named, data);
  const predictor = await createPredictor(network.model, network, runtime === undefined ? {} : { runtime });
  const outputs = await predictor.predict(inputs).finally(() => predictor.dispose());
  // Of a loss of the user's own the outputs may be no logits.
  const isClass = dtypeOf(data.train.labels) === "int64" && loss === undefined;
  const names = [data.table?.label || (isClass ? "class" : "output")].flat();
  return {
    step,
    outputs,
    unknown,
    records: () => predictionRecords([{ names, isClass, classes: data.classes, values: outputs }], files),
  };
}
