import { resolve } from "node:path";
import { DataError, OptionError, takeRows } from "isoloss";
import { groupBy, isNative } from "isoloss/internal";
import { type KernelUse, profiledKernels } from "isoloss/internal-node";
import type { ImportedInput } from "isoloss/onnx";
import {
  dropIdentity,
  foldBatchNorm,
  type Granularity,
  type QuantizationChoice,
  type QuantizedModel,
  quantizeModel,
  recipeParts,
} from "isoloss-onnx";
import { bytesText, countText } from "../../experiments/results/format-number.js";
import { type Columns, tableOf, textList } from "../../experiments/results/table.js";
import { finite } from "../../formats/json.js";
import { importModel, type ModelFile, readModelFile } from "../../formats/read-model.js";
import { type Batch, examplesIn, readBatches } from "../../model/batches.js";
import { dataHelp, dataSource } from "../../model/data-options.js";
import {
  agreementText,
  cautions,
  changeOf,
  constantText,
  type MeasuredChange,
  sqnrText,
  withoutSqnr,
} from "../../model/measured-change.js";
import type { PageParts } from "../../model/page.js";
import { type Sizes, sizesOf } from "../../model/sizes.js";
import { writeModelFile } from "../../model/write-prepared.js";
import { choice, excluding, flag, flagOff, type Values, value } from "../../option-rows.js";
import { requireOthers, requireOutputs } from "../../output.js";
import { finiteNumber, positiveInteger, positiveNumber } from "../../parse.js";
import { withProgress } from "../../progress.js";
import { htmlTable } from "../../run/report-html.js";
import type { Result } from "../command.js";
import { measuring, writing } from "./options.js";

const options = {
  ...writing,
  calibration: value(
    "<path>",
    "examples: a .npy or .npz file, or a folder of images or of such folders; --weights-only and --activations dynamic do without",
  ),
  heldOut: value(
    "<path>",
    "other examples: some choose, the others judge; default half of the calibration or more, which is then not used for it; random inputs without",
  ),
  per: choice(
    "<what>",
    "what has a scale of weights; default: channel and tensor are tried (of 4 bits: block and channel)",
    ["tensor", "channel", "block"],
  ),
  weightsOnly: flag("activations stay float: a smaller file; products alone have kernels for it"),
  bits: choice("<n>", "of weights; 4 with --weights-only alone", ["8", "4"], "8"),
  activations: excluding(
    "weightsOnly",
    choice(
      "<type>",
      "of activations: uint8 or int8, by ranges of the calibration; dynamic: products round what they read to uint8, by its range in each run; default uint8, and dynamic where all layers are products",
      ["uint8", "int8", "dynamic"],
    ),
  ),
  reduceRange: flag("8-bit weights keep to 7 bits, for processors without 8-bit dot products"),
  method: excluding(
    "weightsOnly",
    choice(
      "<name>",
      "how ranges of activations are found",
      ["minMax", "percentile", "entropy", "mse"],
      "minMax",
    ),
  ),
  equalize: flagOff("only the weights as they are: faster"),
  compensate: flagOff("only the nearest integers, no GPTQ: faster"),
  biasCorrection: choice(
    "<how>",
    "means that corrected biases keep: measured, or analytic, from batch norms and normal numbers; none: not tried",
    ["measured", "analytic", "none"],
    "measured",
  ),
  absorbBiases: flag("try the weights with high biases absorbed behind ReLUs, too"),
  rotate: flag("try the weights with rotated attention heads and residual streams, too"),
  limitError: value("<dB>", "least SQNR in decibels: layers stay float until it is kept", finiteNumber),
  budget: value("<seconds>", "time after which no further choice is tried; default no limit", positiveNumber),
  ...measuring("the choices, the layers and their weights"),
  limit: value("<n>", "read at most so many examples", positiveInteger, 256),
};

type Settings = Values<typeof options>;

const help = `Each choice is a file that is run and measured on held-out examples: SQNR, 10 log10 of the sum of squared outputs by that of
squared errors, and how often the largest output stays at its place. Of several outputs each is that of the worst. Integers, such
as numbers of classes, count by the share that changed, of which 1 % are 20 dB, and where outputs of floats tell nothing. A
choice has a scale of weights for each channel or tensor, and of these, the simplest first:

${textList(
  recipeParts.map(({ name, what }) => [name, what]),
  "  ",
  120,
)}

Moved weights compute the same, but for bounds such as that of ReLU6: what scaling their units changes is part of the
measured error. Batch normalizations are folded.

Written is the simplest choice than which no other is surely more than 0.1 dB better, and which is better than the
simpler ones that are beaten; of equally simple ones the smallest file. A lead is over pairs of errors on the same
example, with an interval. First 16 examples choose, more while that leaves the best choice open, up to half of the
held-out ones; the others judge the file. Of the examples of --calibration half calibrate, of large ones at most 64,
and the others are held out.

With --weights-only ONNX Runtime 1.30 runs products (MatMul, Gemm) on its CPU by MatMulNBits, with weights of 4 or 8 bits.
Convolutions run in float, as do all layers in version 1.21: there the file is smaller, and no faster. Without
--calibration the weights are rounded as they are, and measured on --held-out or random inputs.

With --limit-error those layers stay float whose quantization costs most, the fewest that are enough; if no file
with a quantized layer keeps the limit, or none is found in the budget, nothing is written, and out is null. Where the
examples that chose the file keep the limit, and the others do not, the file is written, held is false, and the exit code is 1.

${dataHelp}

The document of --json: file, out, bytes {before, after}, examples {calibration, heldOut, choosing, split, random}, judged, held, recommended, simplest and
table [{candidate, per, activations, compensated, corrected, left, widened, bytes, difference, differenceInterval, sqnr, sqnrInterval, carriedBy, broken, agreement,
agreementInterval, largest, constant}], floatOperandsSqnr, skipped, sensitivities [{layer, sqnr}], nodes [{node, opType, bits, note}], kernels [{kernel, count, timeShare}].

Examples:
  isoloss model quantize model.onnx --calibration photos --out int8.onnx
  isoloss model quantize model.onnx --calibration photos --out int8.onnx --per channel --limit-error 30 --json`;

/** A row of the table; null where a number is infinite or was not measured. */
export interface ChoiceRow extends MeasuredChange {
  /** Weights: `as it is`, `equal weight ranges`, `least weight noise`, `least noise` or `rotated`, perhaps with `, biases absorbed`. */
  readonly candidate: string;
  /** What has a scale of weights: `channel`, `tensor` or `block`. */
  readonly per: Granularity;
  /** What is rounded in a run: `uint8` or `int8`; `dynamic`, of products by its range there; `none`. */
  readonly activations: QuantizationChoice["activations"];
  /** Whether weights are rounded so that each error is made up for by the weights behind it (GPTQ). */
  readonly compensated: boolean;
  /** Whether biases are corrected. */
  readonly corrected: boolean;
  /** Layers that stay float for `--limit-error`, by the names of their results. */
  readonly left: readonly string[];
  /** Layers whose weights have 8 bits where `--bits 4` asks for less. */
  readonly widened: number;
  readonly bytes: number;
  /** Its SQNR less that of `recommended`, on the same examples, in decibels; null where that is not finite. */
  readonly difference: number | null;
  /** Interval over pairs of errors on the same example; as wide as the comparisons of a table ask, by Bonferroni's bound. Null where examples show no spread. */
  readonly differenceInterval: readonly [number | null, number | null] | null;
}

/** The document of `isoloss model quantize --json`. */
export interface Quantized {
  /** Paths of the old and the new file, absolute; null: no file keeps the limit of error, and none was written. */
  readonly file: string;
  /** Path of the new file; null: no file keeps `--limit-error`, and none was written. */
  readonly out: string | null;
  readonly bytes: { readonly before: number; readonly after: number };
  /** That were read. */
  readonly examples: {
    /** Of `--calibration`. */
    readonly calibration: number;
    /** That chose and judged: of `--held-out`, else held out of the calibration. */
    readonly heldOut: number;
    /** Of the held-out examples those that chose the file; the others judge. */
    readonly choosing: number;
    /** Whether a part of the calibration was held out. */
    readonly split: boolean;
    /** Whether these are random inputs: no examples were given. */
    readonly random: boolean;
  };
  /** What was written; where `out` is null, the best file without layers in float. */
  readonly recommended: ChoiceRow;
  /** The simplest choice of the table. */
  readonly simplest: ChoiceRow;
  /** The error of the written file on the examples that did not choose it; null where all did. */
  readonly judged: MeasuredChange | null;
  /** With `--limit-error`, whether it keeps that on all held-out examples, also on those that did not choose it. */
  readonly held: boolean | null;
  /** The SQNR of `recommended` where products with stored integers take their operand in float, by ONNX Runtime's session option `session.qdq_matmulnbits_accuracy_level` at 1; null where that changes nothing. */
  readonly floatOperandsSqnr: number | null;
  /** All files that were measured. */
  readonly table: readonly ChoiceRow[];
  /** What was not tried, and why. */
  readonly skipped: readonly string[];
  /** With a limit that none of the first files keeps: the layers, those first whose quantization costs most. */
  readonly sensitivities: readonly { readonly layer: string; readonly sqnr: number | null }[];
  /** Layers of the written file, and other nodes whose operands and results are rounded. */
  readonly nodes: readonly {
    /** The name of its first result; of a product and its bias, of the sum. */
    readonly node: string;
    readonly opType: string;
    /** Of each number of its weight; null without a weight. */
    readonly bits: number | null;
    /** Why it stays float, or has 8 bits where 4 were asked for; null otherwise. */
    readonly note: string | null;
  }[];
  /** The kernels that run the written file, by ONNX Runtime's profile of a run on the first example, or on the first batch where the file fixes its size, and their shares of its time: another example may take another branch of an If; null: not measured, without examples or ONNX Runtime. */
  readonly kernels: readonly KernelUse[] | null;
}

const columnsOf = ({ recommended }: Quantized): Columns<ChoiceRow> => [
  ["choice", (row) => nameOf(row)],
  ["SQNR", (row) => sqnrText({ ...row, sqnrInterval: null })],
  ["difference [95 %]", (row) => (row === recommended ? "written" : differenceText(row))],
  ["same largest", (row) => agreementText({ ...row, agreementInterval: null })],
  ["size", ({ bytes }) => bytesText(bytes)],
];

const nodeColumns: Columns<Quantized["nodes"][number]> = [
  ["node", ({ node }) => node],
  ["operator", ({ opType }) => opType],
  ["bits of weights", ({ bits }) => (bits === null ? "-" : `${bits}`)],
  ["note", ({ note }) => note ?? ""],
];

/** `isoloss model quantize`: a file of integers, chosen by measured error. */
async function run(path: string, settings: Settings): Promise<Result> {
  requireWeightsOnly(settings);
  requireRanges(settings);
  requireCalibration(settings);
  const { out } = settings;
  const file = await readModelFile(path);
  await requireOutputs(file, settings, [settings.calibration, settings.heldOut]);
  await requireOthers({ "--calibration": settings.calibration, "--held-out": settings.heldOut });
  const { inputs } = importModel(file);
  const read = (data: string) => readBatches(inputs, dataSource(data, settings), settings.size);
  const calibration = settings.calibration === undefined ? undefined : await read(settings.calibration);
  const heldOut = settings.heldOut === undefined ? undefined : await read(settings.heldOut);
  if (heldOut === undefined && calibration) requireParts(settings.calibration, calibration);
  const result = await quantized(path, file.bytes, { calibration, heldOut }, settings);
  const isWritten = result.recommended.sqnr >= (settings.limitError ?? -Infinity);
  const [batch] = heldOut ?? calibration ?? [];
  const isProfiled = isWritten && batch !== undefined && (await isNative("auto"));
  const document = documentOf(result, {
    file,
    out: isWritten ? resolve(out) : null,
    calibration: examplesIn(calibration ?? []),
    // Without a profile, as where the temporary folder is full, the file is as good.
    kernels: isProfiled
      ? await profiledKernels(result.bytes, exampleOf(inputs, batch))
          .catch(() => profiledKernels(result.bytes, batch))
          .catch(() => null)
      : null,
  });
  if (!isWritten) return { document, text: [], error: new DataError(whyRefused(path, result, settings)) };
  await writeModelFile(file, out, result.bytes);
  return {
    document,
    text: textOf(document, path, out),
    exitCode: document.held === false ? 1 : 0,
    page: (parts) => {
      const sizes = sizesOf(inputs, settings.size, (calibration ?? heldOut)?.[0]);
      return pageOf(document, { file, out, bytes: result.bytes, sizes }, parts);
    },
  };
}

export const quantize = { options, help, run };

/** The first example of a batch that can be taken apart, else the batch. */
function exampleOf(inputs: readonly ImportedInput[], batch: Batch): Batch {
  const counts = new Set(Object.values(batch).map(({ shape }) => shape[0]));
  const isOpen = inputs.every(({ shape = [] }) => typeof shape[0] === "string");
  if (counts.size > 1 || !isOpen) return batch;
  return Object.fromEntries(Object.entries(batch).map(([name, array]) => [name, takeRows(array, [0])]));
}

function documentOf(
  result: QuantizedModel,
  {
    file,
    out,
    calibration,
    kernels,
  }: {
    readonly file: ModelFile;
    readonly out: string | null;
    readonly calibration: number;
    readonly kernels: Quantized["kernels"];
  },
): Quantized {
  const { choosing, judging } = result.heldOut;
  const rows = new Map(result.table.map((choice) => [choice, rowOf(choice)]));
  const [recommended, simplest] = [result.recommended, result.simplest].map(
    (choice) => rows.get(choice) as ChoiceRow,
  );
  return {
    file: resolve(file.path),
    out,
    bytes: { before: file.bytes.length, after: result.bytes.length },
    examples: {
      calibration,
      heldOut: choosing + judging,
      choosing,
      split: result.isSplit,
      random: result.isRandom,
    },
    recommended,
    simplest,
    judged: result.judged === undefined ? null : changeOf(result.judged),
    held: result.isWithinLimit ?? null,
    floatOperandsSqnr: finite(result.floatOperandsSqnr),
    table: [...rows.values()],
    skipped: result.skipped,
    sensitivities: result.sensitivities.map(({ layer, sqnr }) => ({ layer, sqnr: finite(sqnr) })),
    nodes: result.report.nodes.map(({ node, opType, bits = null, note = null }) => ({
      node,
      opType,
      bits,
      note,
    })),
    kernels,
  };
}

/** That no weight of the written file has 4 bits, where they were asked for, and which row has some. */
function widenedText({ table, recommended: { widened }, nodes }: Quantized): string {
  if (widened === 0 || nodes.some(({ bits }) => bits === 4)) return "";
  const narrow = table.find((row) => row.widened < widened);
  const other = narrow && `; "${nameOf(narrow)}" has some, which --per ${narrow.per} writes`;
  return `No weight has 4 bits, for the reasons above${other ?? ""}. `;
}

/** The table of choices, and what was written. */
function textOf(document: Quantized, file: string, out: string): Result["text"] {
  const { table, recommended, skipped, bytes, nodes, kernels } = document;
  return [
    tableOf(columnsOf(document), table),
    ...(nodes.some(({ bits }) => (bits ?? 32) < 32) ? [] : [NOTHING]),
    ...(skipped.length === 0 ? [] : [`not tried\n${textList(skipped.map(entryOf))}`]),
    ...leftTexts(nodes),
    kernelsText(kernels),
    ...operandsText(document),
    whyText(document),
    `Wrote ${out}: ${nameOf(recommended)}, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. ${widenedText(document)}${judgedText(document)}`,
  ];
}

function pageOf(
  document: Quantized,
  {
    file,
    out,
    bytes,
    sizes,
  }: {
    readonly file: ModelFile;
    readonly out: string;
    readonly bytes: Uint8Array;
    readonly sizes: Sizes;
  },
  { choicesSection, weightsSection, unitsSection }: PageParts,
) {
  const { recommended, table, skipped, nodes, kernels } = document;
  // What is quantized: its layers are those of the new file.
  const prepared = dropIdentity(foldBatchNorm(file.bytes).bytes).bytes;
  const size = `${bytesText(document.bytes.after)} instead of ${bytesText(document.bytes.before)}`;
  return {
    title: `${file.path} on integers`,
    conclusion: `Recommended and written to ${out}: ${nameOf(recommended)}, ${size}.`,
    lead: `Each choice is a file that was run on ${chosenOn(document)}, and compared with the model in float. ${judgedText(document)}`,
    sections: [
      choicesSection(
        table.map((row) => ({ name: nameOf(row), sqnr: row.sqnr, broken: row.broken })),
        nameOf(recommended),
        {
          text: [
            whyText(document),
            partsOf(table)
              .map(({ name, what }) => `${name}: ${what}`)
              .join("\n\n"),
            "SQNR is 10 log10 of the sum of squared outputs by that of squared errors; 6 dB more are half the error. Same largest: how often the largest output stays at its place.",
            ...operandsText(document),
            ...(skipped.length === 0 ? [] : [`Not tried: ${skipped.join("; ")}.`]),
          ].join("\n\n"),
          table: tableOf(columnsOf(document), table),
        },
      ),
      {
        heading: "Layers",
        text: kernelsText(kernels),
        folded: [
          {
            title: `${nodes.length} nodes`,
            content: { table: htmlTable(tableOf(nodeColumns, nodes)) },
            open: nodes.length <= 12,
          },
        ],
      },
      ...weightsSection(
        prepared,
        bytes,
        "Before: the weights in float, batch normalizations folded. After: what the integers of the written file stand for. With one scale for a tensor, channels far below its largest weight keep few bits, or become zeros.",
      ),
      unitsSection({ ...file, bytes: prepared }, sizes, {
        kinds: ["scaling"],
        text: "Scaling these units keeps what the model computes: equal ranges and least noise are found among these scales.",
      }),
    ],
  };
}

/** The message about a limit that no file keeps, with the ways out. */
function whyRefused(path: string, { recommended }: QuantizedModel, { limitError, budget }: Settings): string {
  const longer = budget === undefined ? "" : " or a larger --budget";
  return (
    `${path}: no file that was tried keeps --limit-error ${limitError} with a quantized layer; without layers in float ` +
    `the best one has an SQNR of ${recommended.sqnr.toFixed(1)} dB. Give a lower limit${longer}. Nothing was written.`
  );
}

/** Throws where weights of 4 bits or in blocks are for integers that nothing computes on. */
function requireWeightsOnly({ bits, per, weightsOnly }: Settings): void {
  if (weightsOnly || (bits === "8" && per !== "block")) return;
  const what = bits === "4" ? "--bits 4 is" : "--per block is";
  throw new OptionError(
    `${what} for weights alone: add --weights-only. ONNX Runtime computes on 8-bit weights with a scale for each channel or tensor.`,
  );
}

/** Throws for ranges on the calibration that dynamic activations have none of. */
function requireRanges({ activations, method }: Settings): void {
  if (activations !== "dynamic" || method === "minMax") return;
  throw new OptionError(
    "--method finds ranges on the calibration, and --activations dynamic takes those of each run: leave one out.",
  );
}

/** Throws where examples are missing. */
function requireCalibration({
  calibration,
  weightsOnly,
  activations,
  absorbBiases,
  limitError,
  heldOut,
}: Settings): void {
  if (calibration !== undefined) return;
  if (!weightsOnly && activations !== "dynamic") {
    throw new OptionError(
      "--calibration PATH is missing: the ranges of activations are those on examples. Without any, weights alone can be rounded, --weights-only, and products by the ranges of each run, --activations dynamic.",
    );
  }
  if (absorbBiases) throw new OptionError("--absorb-biases needs examples: add --calibration PATH.");
  if (limitError === undefined || heldOut !== undefined) return;
  throw new OptionError(
    "--limit-error needs examples, as random inputs say nothing of real ones: add --calibration PATH or --held-out PATH.",
  );
}

/** Throws where nothing of the calibration can be held out. */
function requireParts(path: string | undefined, batches: readonly Batch[]): void {
  const counts = new Set(Object.values(batches[0]).map(({ shape }) => shape[0]));
  if (batches.length > 1 || (counts.size === 1 && !counts.has(1))) return;
  throw new OptionError(
    `${path} is one example or one batch, and a part of the calibration is held out to judge: give two examples or more, or other data by --held-out.`,
  );
}

interface Data {
  readonly calibration: readonly Batch[] | undefined;
  readonly heldOut: readonly Batch[] | undefined;
}

async function quantized(
  path: string,
  bytes: Uint8Array,
  data: Data,
  options: Settings,
): Promise<QuantizedModel> {
  try {
    return await withProgress(options, (step) =>
      quantizeModel(bytes, {
        ...data,
        activations: options.weightsOnly ? "none" : options.activations,
        weightBits: options.bits === "4" ? 4 : 8,
        granularity: options.per,
        reduceRange: options.reduceRange,
        equalize: options.equalize,
        compensate: options.compensate,
        biasCorrection: options.biasCorrection === "none" ? false : options.biasCorrection,
        absorbBiases: options.absorbBiases,
        rotate: options.rotate,
        calibrationMethod: options.method,
        limit: options.limitError,
        sizes: options.size,
        budget: options.budget,
        onProgress: ({ next }) => step(next),
      }),
    );
  } catch (cause) {
    if (!(cause instanceof DataError)) throw cause;
    throw new DataError(`${path} cannot be quantized: ${cause.message}`, { cause });
  }
}

const rowOf = (choice: QuantizationChoice): ChoiceRow => ({
  candidate: choice.candidate,
  per: choice.granularity,
  activations: choice.activations,
  compensated: choice.isCompensated,
  corrected: choice.isBiasCorrected,
  left: choice.left,
  widened: choice.widened,
  bytes: choice.bytes,
  difference: finite(choice.difference.decibels),
  differenceInterval: intervalOf(choice.difference),
  ...changeOf(choice),
});

const intervalOf = ({
  decibels,
  interval,
}: QuantizationChoice["difference"]): ChoiceRow["differenceInterval"] =>
  interval === undefined || !Number.isFinite(decibels) ? null : [finite(interval[0]), finite(interval[1])];

/** What the kernel of products costs that weights alone do not; empty where it rounds nothing. */
const operandsText = ({ floatOperandsSqnr: sqnr, judged }: Quantized): readonly string[] =>
  sqnr === null
    ? []
    : [
        `By default ONNX Runtime rounds what products with stored integers read to 8 bits, too (MatMulNBits), and the table counts that. With its session option session.qdq_matmulnbits_accuracy_level at 1 it reads floats, and the written file has ${sqnr.toFixed(1)} dB${judged === null ? "" : " on the examples that did not choose it"}.`,
      ];

/** What ran the written file, as far as it was measured. */
const kernelsText = (kernels: Quantized["kernels"]): string =>
  kernels === null
    ? "Which kernels run the new file was not measured: that takes an example, ONNX Runtime, and a temporary folder for its profile."
    : `Kernels of the new file in a run on the first example, by ONNX Runtime's profile: ${kernels.map(({ kernel, count, timeShare }) => `${count} ${kernel} (${(100 * timeShare).toFixed(0)} % of the time)`).join(", ")}.`;

/** `+1.2 [0.3, 2.1]`: how far a row is ahead of the written one, in decibels; `inf` where the examples set no end. */
function differenceText({ difference, differenceInterval: ends }: ChoiceRow): string {
  if (difference === null) return "-";
  const [low, high] = ends ?? [];
  const span = ends === null ? "" : ` [${low?.toFixed(1) ?? "-inf"}, ${high?.toFixed(1) ?? "inf"}]`;
  return `${difference > 0 ? "+" : ""}${difference.toFixed(1)}${span}`;
}

/** The parts of the recipes of some rows. */
const partsOf = (rows: readonly ChoiceRow[]) =>
  recipeParts.filter(({ name }) => rows.some((row) => nameOf(row).split(", ").includes(name)));

/** Decibels that count. */
const ENOUGH = 0.1;

/** On which examples the file was chosen, and why. */
export function whyText(
  document: Pick<Quantized, "table" | "recommended" | "simplest" | "held" | "examples">,
): string {
  const { table, recommended, simplest, held } = document;
  const others = table.filter((row) => row !== recommended);
  const { choosing, random } = document.examples;
  // A single example has no interval; ends within what counts are settled, and so is a row infinitely far behind.
  const isOpenTo = ({ difference, differenceInterval: ends, sqnr, broken }: ChoiceRow) => {
    if (ends !== null) return (ends[0] ?? -Infinity) < -ENOUGH && (ends[1] ?? Infinity) > ENOUGH;
    return difference === null ? sqnr === null && !broken : difference !== 0;
  };
  const isUndecided = simplest === recommended && others.length > 0 && others.every(isOpenTo);
  const subject = choosing === 1 ? "1 example decides" : `${choosing} examples decide`;
  const more = random ? "" : ", or by --limit where a file has more";
  const few = isUndecided ? `${subject} nothing between these choices: give more by --held-out${more}. ` : "";
  const on = `${few}The table is of ${chosenOn(document)}. Differences are in dB to the written file, over pairs of errors on the same example; their intervals are wide enough for as many comparisons.`;
  if (recommended.left.length > 0) {
    return `${on} No choice without layers in float keeps the limit: written is the smallest file that does.`;
  }
  const best = table.reduce((a, b) => ((b.difference ?? 0) > (a.difference ?? 0) ? b : a), recommended);
  // A lead whose interval ends below what counts is settled.
  const isOpen = (best.differenceInterval?.[1] ?? Number.POSITIVE_INFINITY) > ENOUGH;
  const among = held === null ? "" : " that keeps the limit";
  return [
    `${on} Written is the simplest choice${among} than which no other is surely more than 0.1 dB better, and which is better than the simpler ones that are beaten.`,
    ...(simplest === recommended || held !== null
      ? []
      : [`The simplest of all, "${nameOf(simplest)}", is surely worse than another one.`]),
    ...(best === recommended || !isOpen
      ? []
      : [
          `The lead of "${nameOf(best)}" is ${differenceText(best)} dB: more examples may tell whether it is better.`,
        ]),
  ].join(" ");
}

const NOTHING =
  "No layer was quantized: in the new file all stays float. Layers are convolutions and products with weights of the file's main graph, not of the branches of an If, and no recurrences.";

/** The examples that chose the file. */
function chosenOn({
  examples: { choosing, calibration, split, random },
}: Pick<Quantized, "examples">): string {
  if (random) return `${choosing} random inputs`;
  return split
    ? `${choosing} of the ${calibration} examples, held out to choose`
    : countText(choosing, "held-out example");
}

/** What the file is worth on the examples that did not choose it. */
function judgedText(document: Quantized): string {
  const { examples, judged, held, recommended } = document;
  const count = examples.heldOut - examples.choosing;
  if (judged === null) {
    return [
      "The same examples chose it, so that its row may look better than it is: give two held-out examples or more.",
      ...constantText(recommended, examples.random),
    ].join(" ");
  }
  const same = judged.agreement === null ? "" : `, same largest ${agreementText(judged)}`;
  const others = `on the ${countText(count, "example")} that did not choose it`;
  const broken = `The limit is not held ${others}: give a larger --limit-error for some margin, or more held-out examples.`;
  const hint = "Random inputs say little of real ones: give some by --held-out.";
  return [
    `${judged.sqnr === null ? `Its outputs are ${withoutSqnr(judged)}` : `It has ${sqnrText(judged)}`}${same} ${others}.`,
    ...cautions(judged, examples.random),
    ...(held === false ? [broken] : []),
    ...(examples.random && !judged.constant ? [hint] : []),
  ].join(" ");
}

const nameOf = ({ candidate, per, activations, compensated, corrected, left, widened }: ChoiceRow): string =>
  [
    `${candidate}, per ${per}`,
    ...(activations === "dynamic" ? ["dynamic"] : []),
    ...(compensated ? ["GPTQ"] : []),
    ...(corrected ? ["biases corrected"] : []),
    ...(left.length === 0 ? [] : [`${countText(left.length, "layer")} in float`]),
    ...(widened === 0 ? [] : [`${countText(widened, "layer")} of 8 bits`]),
  ].join(", ");

function leftTexts(nodes: Quantized["nodes"]): readonly string[] {
  const left = nodes.filter(({ note }) => note !== null);
  return [...groupBy(left, ({ bits }) => bits)].map(
    ([bits, rows]) =>
      `${bits === 32 ? "in float" : `weights of ${bits} bits`}\n${textList(rows.map(({ node, opType, note }) => [`${node} (${opType})`, note ?? ""]))}`,
  );
}

function entryOf(text: string): readonly [string, string] {
  const [name, ...reason] = text.split(": ");
  return [name, reason.join(": ")];
}
