import {
  type BatchLoss,
  createPredictor,
  decodeCheckpoint,
  dtypeOf,
  resume,
  type Symmetry,
  takeRows,
  torchGenerator,
} from "isoloss";
import { diagnose as diagnosisOf } from "isoloss/teleport";
import { fileMetadata, networkFile } from "../../catalogue/changes/file.js";
import { loadData } from "../../catalogue/datasets.js";
import { readNewRows } from "../../catalogue/own/new-rows.js";
import type { Tree } from "../../catalogue/problems.js";
import { formOf, withoutExamples } from "../../catalogue/run-data.js";
import { inUnitsOfData } from "../../catalogue/standardized.js";
import { makeSymmetry } from "../../catalogue/symmetries.js";
import type {
  DiagnosedPoint,
  JobContext,
  Kind,
  Measured,
  NewExamples,
  Predictions,
  Settings,
  Subject,
  TrainedRun,
} from "../../kind.js";
import { evenly, storedTrees, trainerForm } from "../../records/points.js";
import { predictionRecords } from "../predictions.js";
import { trained } from "./trained.js";
import { modelFor, type TrainSettings, trainerOf, trainSettings } from "./trainer.js";

/** What such runs can report at pauses: the mean loss of the last mini-batches, or figures on the validation data. */
export const trainPauseMetrics = ["loss", "validation.loss", "validation.accuracy"];

/** Training of a model on mini-batches. */
export const trainKind: Kind = {
  summary: "a model on mini-batches of a data set: a classifier, or a regression on data of your own",
  stoppable: true,
  pauseMetrics: trainPauseMetrics,
  settings: trainSettings,
  run: (settings, context) => run(settings as unknown as TrainSettings, context),
  stored: trainerForm,
  export: { onnx: modelOnnx, predict: modelPredictions },
  diagnose: networkPoints,
};

async function run(settings: TrainSettings, context: JobContext): Promise<Measured> {
  const made = await trainerOf(settings as unknown as Settings, context.seed);
  try {
    await context.directory?.writeData(formOf(made.data));
    if (context.before) resume(made.trainer, decodeCheckpoint(context.before.checkpoint));
    return await trained(made, settings, context);
  } finally {
    await made.trainer.dispose();
  }
}

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
async function modelOnnx(run: TrainedRun, batch: number | undefined): Promise<Uint8Array> {
  const { network, data, step, isClass } = await trainedNetwork(run);
  return networkFile(network, data, {
    batch,
    metadata: fileMetadata(run, step, data),
    ...(isClass ? {} : { output: "prediction" }),
  });
}

async function modelPredictions(run: TrainedRun, examples: NewExamples): Promise<Predictions> {
  const { data: named, runtime } = run.settings as unknown as TrainSettings;
  const { network, data, step, isClass } = await trainedNetwork(run);
  const { inputs, files, unknown } = await readNewRows(examples, named, data);
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

/** The most examples of a batch on which a network is diagnosed. */
const most = 200;

/** Diagnoses a network at its start and at a checkpoint; or at steps of its run, which is then repeated. */
async function networkPoints({ settings, seed, checkpoint, points }: Subject): Promise<DiagnosedPoint[]> {
  const isAgain = points !== undefined;
  const made = await trainerOf(isAgain ? settings : { ...settings, teleport: null }, seed);
  const { trainer, steps } = made;
  try {
    const found: DiagnosedPoint[] = [];
    for (const step of isAgain ? evenly(steps, points) : [0]) {
      if (step > trainer.current.step) await trainer.run({ steps: step - trainer.current.step });
      found.push(await networkPoint(made));
    }
    if (isAgain || checkpoint === undefined) return found;
    resume(trainer, decodeCheckpoint(checkpoint), { allowChanges: ["teleport"] });
    return [...found, await networkPoint(made)];
  } finally {
    await trainer.dispose();
  }
}

/** Diagnoses a network at its trainer's step, on the next batch. */
async function networkPoint({
  trainer,
  data,
  loss: lossOfRun,
  context,
  model,
}: Awaited<ReturnType<typeof trainerOf>>): Promise<DiagnosedPoint> {
  const { params, step, state } = trainer.current;
  const rows = trainer.batchOf(step).slice(0, most);
  const batch = { x: takeRows(data.train.inputs, rows), y: takeRows(data.train.labels, rows) };
  const rate = typeof context.learningRate === "function" ? context.learningRate(step) : context.learningRate;
  const loss: BatchLoss<Tree> = (p, b) =>
    lossOfRun(model.apply(p, b.x, { state: state as never }).output, b.y);
  const symmetry: Symmetry<Tree> | undefined =
    context.activation && makeSymmetry({ name: "positiveScaling" }, context)({ loss, params, batch });
  const diagnosis = await diagnosisOf<Tree>({
    loss,
    params,
    batch,
    learningRate: rate,
    ...(symmetry ? { symmetry } : {}),
  });
  return {
    at: `at step ${step}, on a batch of ${rows.length}`,
    step,
    diagnosis,
  };
}
