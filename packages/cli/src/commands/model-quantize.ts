import { resolve } from "node:path";
import { DataError, OptionError } from "isoloss";
import {
  type BiasCorrection,
  type CalibrationMethod,
  fromOnnx,
  type Granularity,
  type QuantizationChoice,
  type QuantizedModel,
  quantizeModel,
} from "isoloss-onnx";
import { type Batch, examplesIn, readBatches } from "../model/batches.js";
import { withProgress } from "../model/command-progress.js";
import { type DataOptions, dataSource } from "../model/data-options.js";
import { changeOf, finite, type MeasuredChange } from "../model/measured-change.js";
import { quantizedText } from "../model/quantized-text.js";
import { namingFile, readModelFile } from "../model/read-model.js";
import { requireOthers, requireOutputs } from "../model/require-outputs.js";
import { type Sizes, sizesOf } from "../model/sizes.js";
import { writeModelFile } from "../model/write-prepared.js";

export interface QuantizeOptions extends DataOptions {
  readonly out: string;
  readonly calibration?: string;
  readonly heldOut?: string;
  readonly per?: Granularity;
  readonly weightsOnly: boolean;
  readonly bits: "8" | "4";
  readonly activations: "uint8" | "int8";
  readonly reduceRange: boolean;
  /** Whether other weights on the orbit of the scalings are tried. */
  readonly equalize: boolean;
  /** How means are found that corrected biases keep. */
  readonly biasCorrection: BiasCorrection | "none";
  /** Whether high biases are absorbed behind ReLUs, too. */
  readonly absorbBiases: boolean;
  /** Whether rotated spaces are tried, too. */
  readonly rotate: boolean;
  readonly method: CalibrationMethod;
  readonly limitError?: number;
  readonly budget?: number;
  readonly size: Sizes;
  readonly report?: string;
  readonly quiet: boolean;
  readonly json: boolean;
}

/** A row of the table; null where a number is infinite or was not measured. */
export interface ChoiceRow extends MeasuredChange {
  readonly candidate: string;
  readonly per: Granularity;
  readonly corrected: boolean;
  readonly left: readonly string[];
  /** Layers whose weights have 8 bits where `--bits 4` asks for less. */
  readonly widened: number;
  readonly bytes: number;
  readonly integerNodes: number;
}

/** The document of `isoloss model quantize --json`. */
export interface Quantized {
  /** Paths of the old and the new file, absolute; null: no file keeps the limit of error, and none was written. */
  readonly file: string;
  readonly out: string | null;
  readonly bytes: { readonly before: number; readonly after: number };
  readonly examples: {
    readonly calibration: number;
    readonly heldOut: number;
    /** Of the held-out examples those that chose the file; the others judge. */
    readonly choosing: number;
    readonly split: boolean;
    /** Whether these are random inputs: no examples were given. */
    readonly random: boolean;
  };
  readonly recommended: ChoiceRow;
  /** The error of the written file on the examples that did not choose it; null where all did. */
  readonly judged: MeasuredChange | null;
  /** With `--limit-error`, whether it keeps that on all held-out examples, also on those that did not choose it. */
  readonly held: boolean | null;
  readonly floatOperandsSqnr: number | null;
  readonly table: readonly ChoiceRow[];
  readonly skipped: readonly string[];
  readonly sensitivities: readonly { readonly layer: string; readonly sqnr: number | null }[];
  readonly nodes: readonly {
    readonly node: string;
    readonly opType: string;
    readonly runs: string;
    readonly bits: number | null;
    readonly note: string | null;
  }[];
}

/** `isoloss model quantize`: a file of integers, chosen by measured error. */
export async function quantize(path: string, options: QuantizeOptions): Promise<void> {
  requireWeightsOnly(options);
  requireCalibration(options);
  const before = await readModelFile(path);
  await requireOutputs(before, options, [options.calibration, options.heldOut]);
  await requireOthers({ "--calibration": options.calibration, "--held-out": options.heldOut });
  const { inputs } = namingFile(path, () => fromOnnx(before.bytes));
  const read = (data: string) => readBatches(inputs, dataSource(data, options), options.size);
  const calibration = options.calibration === undefined ? undefined : await read(options.calibration);
  const heldOut = options.heldOut === undefined ? undefined : await read(options.heldOut);
  if (heldOut === undefined && calibration) requireParts(options.calibration, calibration);
  const result = await quantized(path, before.bytes, { calibration, heldOut }, options);
  const { recommended, judged, isSplit } = result;
  const { choosing, judging } = result.heldOut;
  const isWritten = recommended.sqnr >= (options.limitError ?? -Infinity);
  if (result.isWithinLimit === false) process.exitCode = 1;
  if (isWritten) await writeModelFile(before, options.out, result.bytes);
  const document: Quantized = {
    file: resolve(path),
    out: isWritten ? resolve(options.out) : null,
    bytes: { before: before.bytes.length, after: result.bytes.length },
    examples: {
      calibration: examplesIn(calibration ?? []),
      heldOut: choosing + judging,
      choosing,
      split: isSplit,
      random: result.isRandom,
    },
    recommended: rowOf(recommended),
    judged: judged === undefined ? null : changeOf(judged),
    held: result.isWithinLimit ?? null,
    floatOperandsSqnr: finite(result.floatOperandsSqnr),
    table: result.table.map(rowOf),
    skipped: result.skipped,
    sensitivities: result.sensitivities.map(({ layer, sqnr }) => ({ layer, sqnr: finite(sqnr) })),
    nodes: result.report.nodes.map(({ node, opType, runs, bits = null, note = null }) => ({
      node,
      opType,
      runs,
      bits,
      note,
    })),
  };
  if (!isWritten) {
    if (options.json) process.stdout.write(`${JSON.stringify(document)}\n`);
    throw new DataError(whyRefused(path, result, options));
  }
  if (options.report !== undefined) {
    const { writeQuantizePage } = await import("../model/page/quantize-page.js");
    const sizes = sizesOf(inputs, options.size, (calibration ?? heldOut)?.[0]);
    const changed = { file: before, out: options.out, bytes: result.bytes, sizes };
    await writeQuantizePage(options.report, changed, document);
  }
  process.stdout.write(
    options.json ? `${JSON.stringify(document)}\n` : `${quantizedText(document, path, options.out)}\n`,
  );
}

/** The message about a limit that no file keeps, with the ways out. */
function whyRefused(
  path: string,
  { recommended }: QuantizedModel,
  { limitError, budget }: QuantizeOptions,
): string {
  const longer = budget === undefined ? "" : " or a larger --budget";
  return (
    `${path}: no file that was tried keeps --limit-error ${limitError} with a quantized layer; without layers in float ` +
    `the best one has an SQNR of ${recommended.sqnr.toFixed(1)} dB. Give a lower limit${longer}. Nothing was written.`
  );
}

/** Throws where weights of 4 bits or in blocks are for integers that nothing computes on. */
function requireWeightsOnly({ bits, per, weightsOnly }: QuantizeOptions): void {
  if (weightsOnly || (bits === "8" && per !== "block")) return;
  const what = bits === "4" ? "--bits 4 is" : "--per block is";
  throw new OptionError(
    `${what} for weights alone: add --weights-only. ONNX Runtime computes on 8-bit weights with a scale for each channel or tensor.`,
  );
}

/** Throws where examples are missing. */
function requireCalibration(options: QuantizeOptions): void {
  const { calibration, weightsOnly, absorbBiases, limitError, heldOut } = options;
  if (calibration !== undefined) return;
  if (!weightsOnly) {
    throw new OptionError(
      "--calibration PATH is missing: the ranges of activations are those on examples. Without any, weights alone can be rounded: --weights-only.",
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
  options: QuantizeOptions,
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
  corrected: choice.isBiasCorrected,
  left: choice.left,
  widened: choice.widened,
  bytes: choice.bytes,
  integerNodes: choice.integerNodes,
  ...changeOf(choice),
});
