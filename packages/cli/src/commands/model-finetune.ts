import { OptionError } from "isoloss";
import type { ImportedModel } from "isoloss/onnx";
import { fineTune, fromOnnx } from "isoloss-onnx";
import { oneOf } from "../config/nearest.js";
import { interruptedCode, untilInterrupted } from "../interrupt.js";
import { type DataOptions, dataSource } from "../model/data-options.js";
import { epochLine, type FineTuning, fineTuningOf, fineTuningText } from "../model/fine-tuning.js";
import { type LabeledData, readLabeled } from "../model/labeled-data.js";
import { namingFile, readModelFile } from "../model/read-model.js";
import { requireOthers, requireOutputs } from "../model/require-outputs.js";
import { writeModelFile } from "../model/write-prepared.js";
import { createProgress } from "../progress.js";

type FineTuneSettings = Parameters<typeof fineTune>[1];

export interface FinetuneOptions
  extends DataOptions,
    Pick<FineTuneSettings, "loss" | "output" | "epochs" | "batchSize" | "optimizer" | "seed" | "clipNorm"> {
  readonly data: string;
  readonly labels?: string;
  /** A share, or a path. */
  readonly validation: number | string;
  readonly validationLabels?: string;
  readonly test?: number | string;
  readonly testLabels?: string;
  readonly rate: number;
  readonly freeze: readonly string[];
  readonly restore?: boolean;
  readonly tolerance?: number;
  readonly out: string;
  readonly quiet: boolean;
  readonly report?: string;
  readonly json: boolean;
}

/** `isoloss model finetune`: a model trained further, with batch normalizations put back for the training. */
export async function finetune(path: string, options: FinetuneOptions): Promise<void> {
  const { out, json, quiet, rate, restore, loss, output, epochs, batchSize, optimizer, seed } = options;
  const before = await readModelFile(path);
  await requireOutputs(before, options, examplesOf(options));
  const { validation: chosenBy, test: judgedBy } = options;
  await requireOthers({
    "--data": options.data,
    "--validation": typeof chosenBy === "string" ? chosenBy : undefined,
    "--test": typeof judgedBy === "string" ? judgedBy : undefined,
  });
  const model = namingFile(path, () => fromOnnx(before.bytes));
  requireOutput(model, output);
  const { data, validation, test, classes } = await readSets(model, options);
  const progress = createProgress(process.stderr);
  const told = () => progress.line("Stopping: the best epoch so far is written. Ctrl-C again ends at once.");
  const result = await untilInterrupted(told, (signal) =>
    fineTune(before.bytes, {
      data,
      validation,
      test,
      loss,
      output,
      epochs,
      batchSize,
      optimizer,
      seed,
      signal,
      ...{ learningRate: rate, clipNorm: options.clipNorm, freeze: options.freeze },
      ...{
        tolerance: options.tolerance,
        batchNorm: restore === undefined ? undefined : restore ? "restore" : "keep",
      },
      onEpoch: (row) => (quiet ? undefined : progress.line(epochLine(row, epochs ?? row.epoch))),
    }),
  );
  const isBetter = result.best.epoch > 0;
  if (isBetter) await writeModelFile(before, out, result.bytes);
  const document: FineTuning = fineTuningOf(result, { file: path, out: isBetter ? out : undefined, classes });
  if (options.report !== undefined) {
    const { writeFinetunePage } = await import("../model/page/finetune-page.js");
    await writeFinetunePage(options.report, { file: before, out, bytes: result.bytes }, document);
  }
  // Other networks have none by design, which needs no note.
  const isConvolutional = before.model.graph.nodes.some(({ opType }) => opType.startsWith("Conv"));
  process.stdout.write(
    json ? `${JSON.stringify(document)}\n` : `${fineTuningText(document, { path, out, isConvolutional })}\n`,
  );
  if (result.ended === "interrupted") process.exitCode = interruptedCode;
  else if (result.ended === "diverged" || !isBetter) process.exitCode = 1;
  if (result.problem !== undefined)
    process.stderr.write(`isoloss: the training diverged: ${result.problem}\n`);
}

/** Paths of the data that are read. */
function examplesOf(options: FinetuneOptions): (string | undefined)[] {
  const { data, labels, validation, validationLabels, test, testLabels } = options;
  const paths = [validation, test].map((part) => (typeof part === "string" ? part : undefined));
  return [data, labels, ...paths, validationLabels, testLabels];
}

function requireOutput({ outputs }: ImportedModel, name: string | undefined): void {
  if (name === undefined || outputs.includes(name)) return;
  throw new OptionError(`--output must be ${oneOf(name, outputs)}`);
}

/** The data that are trained on, and those for validation and testing: their own, or a share of the former. */
async function readSets(
  { inputs }: ImportedModel,
  options: FinetuneOptions,
): Promise<LabeledData & Pick<FineTuneSettings, "validation" | "test">> {
  if (inputs.length !== 1) {
    const names = inputs.map(({ name }) => name).join(", ") || "none";
    throw new OptionError(`The model must have one input, which gets the data; it has ${names}.`);
  }
  const read = await readLabeled(inputs[0], dataSource(options.data, options), { labels: options.labels });
  const { classes } = read;
  const part = async (name: "validation" | "test") => {
    const [given, labels] = [options[name], options[`${name}Labels`]];
    if (typeof given === "string") {
      return (await readLabeled(inputs[0], dataSource(given, options), { labels, classes })).data;
    }
    if (labels !== undefined) {
      throw new OptionError(`--${name}-labels are for data of their own: give --${name} a path.`);
    }
    if (given !== undefined && read.data.inputs.shape[0] < 2) {
      throw new OptionError(
        `${options.data} has one example, of which no share can be held out: give two or more, or other data by --${name}.`,
      );
    }
    return given;
  };
  return { ...read, validation: await part("validation"), test: await part("test") };
}
