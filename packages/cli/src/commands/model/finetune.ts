import { resolve } from "node:path";
import { InvalidArgumentError, Option } from "commander";
import { isEqual } from "es-toolkit";
import { type Dataset, NumericalError, OptionError } from "isoloss";
import { allNodesOf, groupBy } from "isoloss/internal";
import type { ImportedModel } from "isoloss/onnx";
import {
  type FineTuned,
  type FineTuneEpoch,
  type FineTuneOptions,
  fineTune,
  fromOnnx,
  type LossName,
} from "isoloss-onnx";
import { oneOf } from "../../config/nearest.js";
import { countText, formatDuration, formatNumber } from "../../experiments/results/format-number.js";
import { type Columns, tableOf, textList } from "../../experiments/results/table.js";
import { finite } from "../../formats/json.js";
import { importModel, type ModelFile, readModelFile } from "../../formats/read-model.js";
import { interruptedCode, untilInterrupted } from "../../interrupt.js";
import { dataSource, imageOptions } from "../../model/data-options.js";
import { type LabeledData, readLabeled } from "../../model/labeled-data.js";
import { writeModelFile } from "../../model/write-prepared.js";
import { json, type OptionRow, required, texts, type Values, value } from "../../option-rows.js";
import { requireOthers, requireOutputs } from "../../output.js";
import { nonNegativeNumber, oneName, positiveInteger, positiveNumber, seedNumber } from "../../parse.js";
import { createProgress } from "../../progress.js";
import { htmlTable } from "../../run/report-html.js";
import type { Result } from "../command.js";
import { quiet, report, writing } from "./options.js";

export const lossNames: readonly LossName[] = ["crossEntropy", "binaryCrossEntropy", "mse", "l1"];

type OptimizerName = Extract<FineTuneOptions["optimizer"], string>;

// By hand: help is printed without loading the library. A test compares it with the registry.
export const optimizerNames: readonly OptimizerName[] = [
  ...(["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw", "lars"] as const),
  ...(["nadam", "radam", "lion", "sam"] as const),
];

const restoreOption: OptionRow<boolean | undefined> = () => [
  new Option(
    "--restore",
    "put batch normalizations back; default for a file that has none, but not for mse and l1 without convolutions",
  ),
  new Option("--no-restore", "train the layers as they are; default in all other cases"),
];

const options = {
  ...writing,
  data: required(value("<path>", "examples: a .npy or .npz file, or a folder of images or of such folders")),
  rate: required(value("<number>", "learning rate", nonNegativeNumber)),
  labels: value("<path>", "a .npy file with the class or the targets of each example"),
  validation: value<number | string>(
    "<share>",
    "the share of the examples that is held out, or other data",
    shareOrPath,
    0.2,
  ),
  validationLabels: value("<path>", "labels of the other data"),
  test: value(
    "<share>",
    "the share of the examples, or other data, that neither train nor choose the epoch; default none",
    shareOrPath,
  ),
  testLabels: value("<path>", "labels of these other data"),
  loss: value("<name>", `one of ${lossNames.join(", ")}`, oneName(lossNames), "crossEntropy"),
  output: value("<name>", "the result that the loss takes; default the only one"),
  epochs: value("<n>", "passes over the examples", positiveInteger, 10),
  batchSize: value(
    "<n>",
    "examples of a step; default 32; of a file whose nodes take only the size that it fixes, that size",
    positiveInteger,
  ),
  optimizer: value("<name>", `one of ${optimizerNames.join(", ")}`, oneName(optimizerNames), "adam"),
  clipNorm: value("<number>", "largest norm of the gradient; default no limit", positiveNumber),
  freeze: texts("<pattern>", "weights that stay: a name, * for any characters; may be given several times"),
  restore: restoreOption,
  seed: value("<n>", "of the examples that are held out and of the order of the others", seedNumber, 0),
  tolerance: value(
    "<number>",
    "largest difference by putting back and folding, relative to an output's largest value; default 0.0001, of weights in float16 0.0049, in bfloat16 0.039",
    positiveNumber,
  ),
  limit: value("<n>", "read at most so many examples; default all", positiveInteger),
  ...imageOptions,
  report: report("the epochs, the layers and their weights"),
  quiet,
  json: json(),
};

type Settings = Values<typeof options>;

type FineTuneSettings = Parameters<typeof fineTune>[1];

const help = `In a file without batch normalizations each layer that an activation follows gets one with the statistics of the examples, so that
the model computes the same; it is trained with them, and then they are folded into the layers again: the new file has
the form of the old one. Layers with frozen weights get none. Normalizations that the file has stay in it, and are trained.
The model must have one input.
The new file has the weights of the epoch with the smallest validation loss, which looks better on these examples than it is:
--test 0.1 holds others out and reports loss and accuracy on them. If no epoch is better than the model as it
came, nothing is written and the exit code is 1. Ctrl-C ends the training and writes the best epoch so far.

In a folder of folders of images each folder is a class, numbered in the order of their names. Other examples have
--labels: integers for crossEntropy, numbers for mse, l1 and binaryCrossEntropy. A model that ends in a Softmax is trained on
its operand by crossEntropy; so is one that ends in a Sigmoid by binaryCrossEntropy. Images become float32 [N, C, H, W]
with pixels in 0..1.

The document of --json: file, out and bytes (null: nothing was written), ended (complete, interrupted, diverged), problem, best
(epoch), epochs [{epoch, trainingLoss, validationLoss, validationAccuracy, seconds}], test {before, best} of {loss, accuracy} or null,
examples {training, validation, test},
parameters {trained, frozen, zeros}, classes, differences {restored, folded}, report [{node, opType, changed, note}].

Examples:
  isoloss model finetune model.onnx --data photos --rate 0.001 --epochs 5 --out tuned.onnx
  isoloss model finetune model.onnx --data x.npy --labels y.npy --rate 0.01 --freeze "features.*" -o tuned.onnx`;

/** A share of the examples, or a path. */
function shareOrPath(text: string): number | string {
  const value = Number(text);
  if (text.trim() === "" || Number.isNaN(value)) return text;
  if (value > 0 && value < 1) return value;
  throw new InvalidArgumentError("It must be a share between 0 and 1, or a path.");
}

/** The document of `isoloss model finetune --json`. */
export interface FineTuning {
  readonly file: string;
  /** The new file; null where no epoch was better than the model as it came: none is written then. */
  readonly out: string | null;
  readonly bytes: number | null;
  /** `complete`, `interrupted`, or `diverged` (a number is no longer finite). */
  readonly ended: FineTuned["ended"];
  /** Why the training diverged, or null. */
  readonly problem: string | null;
  /** The epoch whose parameters are in the new file. */
  readonly best: number;
  /** First the model as it came, as epoch 0. */
  readonly epochs: readonly {
    readonly epoch: number;
    /** Mean over its batches; null for 0. */
    readonly trainingLoss: number | null;
    readonly validationLoss: number | null;
    /** Null where the labels are no classes. */
    readonly validationAccuracy: number | null;
    /** Of training so far. */
    readonly seconds: number;
  }[];
  /** On examples that neither trained nor chose the epoch; null without such. */
  readonly test: Readonly<Record<"before" | "best", TestRow>> | null;
  readonly examples: FineTuned["examples"];
  readonly parameters: FineTuned["parameters"];
  /** Names of folders, in the order of the outputs; empty where the data are no folders of classes. */
  readonly classes: readonly string[];
  /** Largest differences of outputs by putting batch normalizations back, and by folding them again. */
  readonly differences: FineTuned["differences"];
  /** Which layers had a batch normalization for the training. */
  readonly report: FineTuned["restored"];
}

interface TestRow {
  readonly loss: number | null;
  /** Null where the labels are no classes. */
  readonly accuracy: number | null;
}

function fineTuningOf(
  result: FineTuned,
  {
    file,
    out,
    classes = [],
  }: {
    readonly file: string;
    readonly out: string | undefined;
    readonly classes?: readonly string[] | undefined;
  },
): FineTuning {
  const { ended, problem, best, history, test, examples, parameters, differences, restored } = result;
  const rowOf = ({ loss, accuracy }: NonNullable<FineTuned["test"]>["best"]): TestRow => ({
    loss: finite(loss),
    accuracy: finite(accuracy),
  });
  return {
    file: resolve(file),
    out: out === undefined ? null : resolve(out),
    bytes: out === undefined ? null : result.bytes.length,
    ended,
    problem: problem ?? null,
    best: best.epoch,
    epochs: history.map(({ epoch, trainingLoss, validation, seconds }) => ({
      epoch,
      trainingLoss: finite(trainingLoss),
      validationLoss: finite(validation.loss),
      validationAccuracy: finite(validation.accuracy),
      seconds,
    })),
    test: test === undefined ? null : { before: rowOf(test.before), best: rowOf(test.best) },
    examples,
    parameters,
    classes,
    differences,
    report: restored,
  };
}

/** `isoloss model finetune`: a model trained further, with batch normalizations put back for the training. */
async function run(path: string, settings: Settings): Promise<Result> {
  const { out, restore } = settings;
  const file = await readModelFile(path);
  await requireOutputs(file, settings, examplesOf(settings));
  const { validation: chosenBy, test: judgedBy } = settings;
  await requireOthers({
    "--data": settings.data,
    "--validation": typeof chosenBy === "string" ? chosenBy : undefined,
    "--test": typeof judgedBy === "string" ? judgedBy : undefined,
  });
  const model = importModel(file);
  requireOutput(model, settings.output);
  const { data, validation, test, classes } = await readSets(model, settings);
  const remark = emptyClassesText(file, data, settings);
  const progress = createProgress(process.stderr);
  const told = () =>
    progress.line(
      "Stopping: the best epoch so far is written, if it is better than the model as it came. Ctrl-C again ends at once.",
    );
  const { loss, output, epochs, batchSize, optimizer, seed, clipNorm, freeze, tolerance } = settings;
  const result = await untilInterrupted(told, (signal) =>
    fineTune(file.bytes, {
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
      learningRate: settings.rate,
      clipNorm,
      freeze,
      tolerance,
      batchNorm: restore === undefined ? undefined : restore ? "restore" : "keep",
      onEpoch: (row) => {
        // The labels fit the model by now.
        if (row.epoch === 0 && remark !== undefined) progress.line(`isoloss: ${settings.data}: ${remark}`);
        if (!settings.quiet) progress.line(epochLine(row, epochs));
      },
    }),
  );
  const isBetter = result.best.epoch > 0;
  if (isBetter) await writeModelFile(file, out, result.bytes);
  const document = fineTuningOf(result, { file: path, out: isBetter ? out : undefined, classes });
  // Other networks have none by design, which needs no note.
  const isConvolutional = file.model.graph.nodes.some(({ opType }) => opType.startsWith("Conv"));
  const exitCode = result.ended === "interrupted" ? interruptedCode : isBetter ? 0 : 1;
  const others = isBetter ? othersText(file, result.bytes, output) : "";
  const sentence = `${writtenText(document, { path, out })}${others}`;
  const { problem } = result;
  return {
    document,
    text: [
      ...(document.classes.length === 0
        ? []
        : [`classes\n${textList(document.classes.map((name, k) => [`${k}`, name] as const))}`]),
      ...(isConvolutional ? leftTexts(document.report) : []),
      epochTable(document),
      trainedText(document),
      sentence,
    ],
    page: ({ weightsSection, lossFigure }) => ({
      title: `${path}, trained further`,
      conclusion: sentence,
      lead: trainedText(document),
      sections: [
        {
          heading: "Epochs",
          text: "Epoch 0 is the model as it came. The validation data were not trained on; the best epoch is the one with the smallest loss there.",
          figures: lossFigure(document.epochs),
          tables: [htmlTable(epochTable(document))],
        },
        ...layersSection(document),
        ...(isBetter
          ? weightsSection(
              file.bytes,
              result.bytes,
              "What training changed; after: those of the best epoch, folded.",
            )
          : []),
      ],
    }),
    exitCode,
    error:
      problem === undefined
        ? undefined
        : // Advice names options as they are in code.
          new NumericalError(`the training diverged: ${problem.replace("clipNorm", "--clip-norm")}`),
  };
}

export const finetune = { options, help, run };

const layerColumns: Columns<FineTuning["report"][number]> = [
  ["layer", ({ node }) => node],
  ["operator", ({ opType }) => opType],
  ["batch normalization", ({ changed }) => (changed ? "for the training" : "none")],
  ["what was done, or why not", ({ note }) => note],
];

const layersSection = ({ report }: FineTuning) =>
  report.length === 0
    ? []
    : [
        {
          heading: "Layers",
          text: "Layers that had a batch normalization for the training, which was folded into them again, and others. The channels of one are trained with a scale of their own.",
          tables: [htmlTable(tableOf(layerColumns, report))],
        },
      ];

const lossText = (value: number | null): string => (value === null ? "-" : formatNumber(value, 4));

/** What was measured before the training and after each epoch. */
function epochTable({ epochs, best }: FineTuning) {
  const accuracy: Columns<FineTuning["epochs"][number]>[number] = [
    "accuracy",
    ({ validationAccuracy: share }) => (share === null ? "-" : percent(share)),
  ];
  const columns: Columns<FineTuning["epochs"][number]> = [
    ["epoch", ({ epoch }) => (epoch === 0 ? "as it came" : `${epoch}`)],
    ["training loss", ({ trainingLoss }) => lossText(trainingLoss)],
    ["validation loss", ({ validationLoss }) => lossText(validationLoss)],
    ...(epochs.some(({ validationAccuracy }) => validationAccuracy !== null) ? [accuracy] : []),
    ["", ({ epoch }) => (epoch === best ? "best" : "")],
  ];
  return tableOf(columns, epochs);
}

/** Paths of the data that are read. */
function examplesOf(options: Settings): (string | undefined)[] {
  const { data, labels, validation, validationLabels, test, testLabels } = options;
  const paths = [validation, test].map((part) => (typeof part === "string" ? part : undefined));
  return [data, labels, ...paths, validationLabels, testLabels];
}

function requireOutput({ outputs }: ImportedModel, name: string | undefined): void {
  if (name === undefined ? outputs.length === 1 : outputs.includes(name)) return;
  const wanted = name === undefined ? `given: one of ${outputs.join(", ")}.` : oneOf(name, outputs);
  throw new OptionError(`--output must be ${wanted}`);
}

/** The data that are trained on, and those for validation and testing: their own, or a share of the former. */
async function readSets(
  { inputs }: ImportedModel,
  options: Settings,
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

/** How many classes of a classifier have no examples; nothing where all have some, or where the file does not tell. */
function emptyClassesText(
  { model: { graph } }: ModelFile,
  { labels }: Dataset,
  { loss, output = graph.outputs[0].name }: Settings,
): string | undefined {
  const shape = graph.outputs.find(({ name }) => name === output)?.shape ?? [];
  const classes = Number(shape[1]);
  const empty = classes - new Set<number | bigint>(labels.data).size;
  if (loss !== "crossEntropy" || shape.length !== 2 || !(empty > 0)) return undefined;
  return `${empty} of the model's ${classes} classes ${empty === 1 ? "has" : "have"} no examples.`;
}

/** Outputs besides the trained one that trained weights reach, as a sentence. */
function othersText(
  { bytes, model: { graph } }: ModelFile,
  after: Uint8Array,
  trained = graph.outputs[0].name,
): string {
  const [before, now] = [bytes, after].map((file) => {
    const { params, state } = fromOnnx(file);
    return { ...params, ...state };
  });
  const makers = new Map(graph.nodes.flatMap((node) => node.outputs.map((name) => [name, node])));
  const behind = (output: string): readonly string[] => {
    const names = new Set([output]);
    for (const name of names) {
      const maker = makers.get(name);
      const nodes = maker ? allNodesOf({ ...graph, nodes: [maker] }) : [];
      for (const input of nodes.flatMap(({ inputs }) => inputs)) names.add(input);
    }
    return [...names].map((name) => name.replaceAll(":", "_"));
  };
  const changed = new Set(behind(trained).filter((name) => !isEqual(before[name], now[name])));
  const others = graph.outputs
    .map(({ name }) => name)
    .filter((name) => name !== trained && behind(name).some((weight) => changed.has(weight)));
  return others.length === 0
    ? ""
    : ` Other outputs read trained weights and changed, too: ${others.join(", ")}.`;
}

const percent = (share: number): string => `${formatNumber(100 * share, 3)} %`;

/** An epoch as a line of progress. */
function epochLine({ epoch, trainingLoss, validation, seconds }: FineTuneEpoch, epochs: number): string {
  const parts = [
    ...(trainingLoss === undefined ? [] : [`training loss ${formatNumber(trainingLoss, 4)}`]),
    `validation loss ${formatNumber(validation.loss, 4)}`,
    ...(validation.accuracy === undefined ? [] : [`accuracy ${percent(validation.accuracy)}`]),
    ...(epoch === 0 ? [] : [formatDuration(seconds)]),
  ];
  return `${epoch === 0 ? "as it came" : `epoch ${epoch} of ${epochs}`}: ${parts.join(", ")}`;
}

/** Layers that got no batch normalization, a line for each reason. */
function leftTexts(report: FineTuning["report"]): readonly string[] {
  const left = report.filter((row) => !row.changed);
  if (left.length === 0) return [];
  const rows = [...groupBy(left, ({ note }) => note)].map(([note, [{ node, opType }, ...others]]) => {
    return [`${node} (${opType})${others.length === 0 ? "" : ` and ${others.length} more`}`, note] as const;
  });
  return [`layers without a batch normalization\n${textList(rows)}`];
}

/** The first few of some nodes, by name. */
const named = (nodes: FineTuning["report"]): string =>
  `${nodes
    .slice(0, 3)
    .map(({ node }) => node)
    .join(", ")}${nodes.length > 3 ? `, and ${nodes.length - 3} more` : ""}`;

/** What was trained, on what. */
function trainedText({ examples, parameters, report, differences }: FineTuning): string {
  const frozen = parameters.frozen === 0 ? "" : `, ${parameters.frozen} numbers frozen`;
  const zeros = parameters.zeros === 0 ? "" : ` ${parameters.zeros} zeros of pruned weights stayed zero.`;
  const changed = report.filter((row) => row.changed);
  const largest = formatNumber(Math.max(differences.restored, differences.folded), 2);
  const restored =
    changed.length === 0
      ? ""
      : ` For the training ${countText(changed.length, "layer")} had a batch normalization put in (${named(changed)}), which was folded again: by both no output changed by more than ${largest}, relative to its largest value. If the network was never trained with such, compare with --no-restore, which trains the layers as they are.`;
  return `Trained ${parameters.trained} numbers${frozen} on ${countText(examples.training, "example")}; ${countText(examples.validation, "other")} chose the epoch.${zeros}${restored}`;
}

/** What the new file is worth on examples that chose nothing, or why that is not known. */
function worthText({ best, epochs, test, examples }: FineTuning): string {
  if (test === null) {
    return best === 0 || epochs.length === 1
      ? ""
      : " The validation examples chose this epoch, so it looks better on them than it is: --test 0.1 holds others out for the report.";
  }
  const text = ({ loss, accuracy }: TestRow) =>
    `loss ${loss === null ? "-" : formatNumber(loss, 4)}${accuracy === null ? "" : `, accuracy ${percent(accuracy)}`}`;
  return ` On ${examples.test} test examples, which chose nothing: ${text(test.before)} as it came${best === 0 ? "" : `; ${text(test.best)} of epoch ${best}`}.`;
}

/** Which epoch was written, or why none. */
function writtenText(
  document: FineTuning,
  { path, out }: { readonly path: string; readonly out: string },
): string {
  const { ended, best, epochs } = document;
  const worth = worthText(document);
  if (epochs.length === 1) return `No epoch was complete: nothing was written.${worth}`;
  return best === 0
    ? `No epoch was better than ${path} as it came: nothing was written.${worth}`
    : `Wrote ${out}: epoch ${best}, ${ended === "complete" ? "the best" : "the best so far"} by validation loss.${worth}`;
}
