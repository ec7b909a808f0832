import { createPredictor, decodeCheckpoint, dtypeOf, torchGenerator } from "isoloss";
import { fileMetadata, networkFile } from "../../catalogue/changes/file.js";
import { loadData } from "../../catalogue/datasets.js";
import { readNewRows } from "../../catalogue/own/new-rows.js";
import { withoutExamples } from "../../catalogue/run-data.js";
import { inUnitsOfData } from "../../catalogue/standardized.js";
import type { Predictions, TrainedRun } from "../../kind.js";
import { storedTrees } from "../../records/stored-form.js";
import { predictionRecords } from "../predictions.js";
import { modelFor, type TrainSettings } from "./trainer.js";

/** The network of a run, which takes and gives numbers as they are in the data, also where it was trained on standardized ones. */
async function trainedNetwork({ settings, checkpoint, data: form }: TrainedRun) {
  const { data: named, testFold: fold, loss, model, dtype } = settings as unknown as TrainSettings;
  const given = form ? withoutExamples(form) : await loadData({ data: named, ...(fold && { fold }) });
  const made = await modelFor({ model, dtype }, given);
  const { tensors, rest } = decodeCheckpoint(checkpoint);
  const trees = storedTrees(tensors, made.model.init(torchGenerator(0), { dtype }));
  return {
    network: { model: inUnitsOfData(made.model, made.data), ...trees },
    data: made.data,
    step: rest.step,
    // Of a loss of the user's own the outputs may be no logits.
    isClass: dtypeOf(given.train.labels) === "int64" && loss === undefined,
  };
}

/**
 * The trained model, in evaluation mode, as an ONNX file with the input x and the output logits, of a regression prediction.
 *
 * @param batch number of examples; undefined: it stays open
 */
export async function modelOnnx(run: TrainedRun, batch: number | undefined): Promise<Uint8Array> {
  const { network, data, step, isClass } = await trainedNetwork(run);
  return networkFile(network, data, {
    batch,
    metadata: fileMetadata(run, step, data),
    ...(isClass ? {} : { output: "prediction" }),
  });
}

/** Predictions of the trained model, in evaluation mode. */
export async function modelPredictions(run: TrainedRun, path: string): Promise<Predictions> {
  const { data: named, runtime } = run.settings as unknown as TrainSettings;
  const { network, data, step, isClass } = await trainedNetwork(run);
  const { inputs, files, unknown } = await readNewRows(path, named, data);
  const predictor = await createPredictor(network.model, network, runtime === undefined ? {} : { runtime });
  const outputs = await predictor.predict(inputs).finally(() => predictor.dispose());
  const names = [data.table?.label || (isClass ? "class" : "output")].flat();
  return {
    step,
    outputs,
    unknown,
    records: () => predictionRecords([{ names, isClass, classes: data.classes, values: outputs }], files),
  };
}
