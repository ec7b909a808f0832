import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { outputsOfFile } from "../model-file/compare/run-model.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import type { ValueRange } from "./affine.js";
import type { Candidate } from "./candidates.js";
import type { CorrectedBiases } from "./correct-bias.js";
import type { RunSettings } from "./inner-values.js";
import { errorOf, type QuantizationError } from "./measure-error.js";
import type { QdqReport, WrittenFile } from "./report.js";
import type { WeightSettings } from "./settings.js";
import { type QdqSettings, writeQdq } from "./write-qdq.js";

export type Granularity = QdqSettings["weights"]["per"];

/** The SQNR of a file less that of another one, in decibels, on the same examples. */
export interface SqnrDifference {
  readonly decibels: number;
  /** Its interval over the examples; undefined where they show no spread, such as a single one, or outputs that are constant. */
  readonly interval: readonly [number, number] | undefined;
}

/** One way to quantize a model, and its error on the examples that choose. */
export interface QuantizationChoice extends QuantizationError {
  /** The weights that were quantized: `as it is`, `equal weight ranges`, `least weight noise`, `least noise` or `rotated`, perhaps with `, biases absorbed`, or a given candidate's name. */
  readonly candidate: string;
  readonly granularity: Granularity;
  /** What is rounded in a run; `dynamic` of products, by its range there. */
  readonly activations: QdqSettings["activations"];
  /** Whether errors of rounded weights are made up for by the weights behind them (GPTQ). */
  readonly isCompensated: boolean;
  readonly isBiasCorrected: boolean;
  /** Names of the layers that stay float to keep to a limit of error. */
  readonly left: readonly string[];
  /** How many layers have weights of 8 bits where 4 were asked for. */
  readonly widened: number;
  /** The file's size. */
  readonly bytes: number;
  /** Its SQNR less that of the recommended file; the intervals of a table are as wide as its comparisons ask, by Bonferroni's bound. */
  readonly difference: SqnrDifference;
}

/** A model in float with biases corrected for a quantization of it. */
export type BiasCorrector = (quantize: (file: OnnxFile) => OnnxFile) => Promise<CorrectedBiases>;

/** One way to quantize: the weights that are rounded, ranges of activations, and how biases are corrected. */
export interface Recipe {
  readonly candidate: Candidate;
  readonly ranges: ReadonlyMap<string, ValueRange>;
  /** Corrects biases of a model for its quantization; undefined: they stay. */
  readonly correct: BiasCorrector | undefined;
  readonly settings: Omit<QdqSettings, "leave">;
  /** The candidate so quantized, written once for the recipe with corrected biases and the one without, and its weights. */
  readonly written: () => Pick<WrittenFile, "file" | "report"> & Pick<WeightSettings, "rounded">;
}

/** A recipe that writes its candidate when that is first asked for. */
export function recipeOf(parts: Omit<Recipe, "written">): Recipe {
  const { candidate, ranges, settings } = parts;
  let own: ReturnType<Recipe["written"]> | undefined;
  const written = () => {
    if (own !== undefined) return own;
    const { file, report, weights } = writeQdq(candidate.file, ranges, { ...settings, leave: new Set() });
    own = { file, report, rounded: new Map(weights.map(({ key, stored }) => [key, stored])) };
    return own;
  };
  return { ...parts, written };
}

/** The file that a choice and a recipe give, and its report. */
export interface Trial {
  readonly choice: Omit<QuantizationChoice, "difference">;
  readonly recipe: Recipe;
  readonly file: OnnxFile;
  readonly report: QdqReport;
}

/** What quantized files are measured against. */
export interface Judge {
  readonly calibration: readonly NamedValues[];
  readonly heldOut: readonly NamedValues[];
  /** The outputs of the model in float for the held-out examples. */
  readonly expected: readonly NamedValues[];
  /** The metric's score of outputs for the held-out examples. */
  readonly score: ((outputs: readonly NamedValues[]) => number) | undefined;
  readonly run: RunSettings;
}

/** Quantizes a model and measures the file as it is. */
export async function quantizeAndMeasure(
  recipe: Recipe,
  judge: Judge,
  leave: readonly string[] = [],
): Promise<Trial> {
  const { candidate, settings, correct } = recipe;
  const left = new Set(leave);
  const quantize = (model: OnnxFile) => {
    const plain = recipe.written();
    if (model === candidate.file && left.size === 0) return plain;
    const weights = { ...settings.weights, rounded: plain.rounded };
    return writeQdq(model, recipe.ranges, { ...settings, weights, leave: left });
  };
  const corrected = await correct?.((model) => quantize(model).file);
  const { file, report } = quantize(corrected?.file ?? candidate.file);
  const choice = {
    candidate: candidate.name,
    granularity: settings.weights.per,
    activations: settings.activations,
    isCompensated: settings.weights.rounded !== undefined,
    isBiasCorrected: corrected !== undefined && corrected.layers.length > 0,
    left: leave,
    widened: settings.weights.bits === 4 ? report.nodes.filter(({ bits }) => bits === 8).length : 0,
    bytes: file.bytes.length,
    ...(await measured(file, judge)),
  };
  return { choice, recipe, file, report };
}

/** The error of a file on the held-out examples. */
export async function measured(file: OnnxFile, judge: Judge): Promise<QuantizationError> {
  const { expected, heldOut, score, run } = judge;
  const got = await outputsOfFile(file, heldOut, run);
  return { ...errorOf("quantizeModel", expected, got, heldOut), metric: score?.(got) };
}
