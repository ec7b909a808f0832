// A changed model that computes something else than the one before: what that costs, as a document.
import { sum } from "es-toolkit";
import { DataError } from "isoloss";
import { fractionInterval, ratioOfMeans } from "isoloss/internal";
import { type ModelError, modelError } from "isoloss-onnx";
import type { Columns } from "../experiments/results/table.js";
import { finite } from "../formats/json.js";
import { importModel, type ModelFile, namingFile } from "../formats/read-model.js";
import { type Batch, examplesText, randomText, readBatches } from "./batches.js";
import { type DataOptions, dataSource } from "./data-options.js";
import { type Sizes, sizesOf, withSizes } from "./sizes.js";

/** The error of outputs; null where a number is infinite or was not measured. */
export interface MeasuredChange {
  /** Null where outputs are identical, and where they are broken; of integers alone, -10 log10 of the share that changed. */
  readonly sqnr: number | null;
  /** Whether outputs, or their errors, are not finite, or one was 0 throughout and no longer is. */
  readonly broken: boolean;
  /** 95 % interval over the examples; null of fewer than two, and where one has no error. */
  readonly sqnrInterval: readonly [number, number] | null;
  /** How many examples carry the error, (sum of squared errors)^2 / sum of their squares; null without an interval. */
  readonly carriedBy: number | null;
  /** Share of rows whose largest output is at the same place, or of integers that stayed; null without such outputs. */
  readonly agreement: number | null;
  /** Likewise; null where rows of outputs are no examples. */
  readonly agreementInterval: readonly [number, number] | null;
  /** Largest difference of an output, relative to its largest value; null where it is not finite. */
  readonly largest: number | null;
  /** Whether all outputs that vary among the examples became the same for all of them; null where that cannot be told. */
  readonly constant: boolean | null;
}

/** Where an error is measured. */
export interface Inputs {
  /** `16 examples of x.npy`, or `random inputs`, with what integers among them were. */
  readonly what: string;
  readonly batches: readonly Batch[] | undefined;
  /** Sizes of the axes that the file leaves open: those of the data. */
  readonly sizes: Sizes;
  /** Of random inputs; default 0. */
  readonly seed?: number;
}

/** Reads the data of a path, if one was given. */
export async function measuredInputs(
  file: ModelFile,
  options: DataOptions & { readonly size: Sizes },
  given: string | undefined,
): Promise<Inputs> {
  const { inputs } = importModel(file);
  const batches =
    given === undefined ? undefined : await readBatches(inputs, dataSource(given, options), options.size);
  const sizes = namingFile(file.path, () => sizesOf(inputs, options.size, batches?.[0]));
  const what =
    given === undefined || batches === undefined ? randomText(inputs, sizes) : examplesText(batches, given);
  return { what, batches, sizes };
}

export async function measuredChange(
  file: ModelFile,
  after: Uint8Array,
  { batches, sizes, seed }: Inputs,
): Promise<MeasuredChange> {
  const { path, bytes } = file;
  try {
    return changeOf(await modelError(bytes, after, { inputs: batches, sizes, seed }));
  } catch (cause) {
    throw withSizes(
      `${path} cannot be compared with the new model`,
      { file, sizes, isOnData: batches !== undefined },
      cause,
    );
  }
}

/** A measured error with its intervals: of the ratio of mean squares, and of a share. */
export function changeOf({
  sqnr,
  agreement,
  rows,
  largest,
  isConstant,
  examples,
}: ModelError): MeasuredChange {
  const [signal, noise] = [examples.map((own) => own.signal), examples.map((own) => own.noise)];
  const hasRatio = [...signal, ...noise].every((sum) => Number.isFinite(sum) && sum > 0);
  const ratios = hasRatio ? ratioOfMeans(signal, noise).interval : null;
  const isOfExamples = agreement !== undefined && rows === examples.length;
  return {
    ...sqnrFields(sqnr),
    sqnrInterval: ratios && [10 * Math.log10(ratios[0]), 10 * Math.log10(ratios[1])],
    carriedBy: ratios && sum(noise) ** 2 / sum(noise.map((own) => own ** 2)),
    agreement: agreement ?? null,
    agreementInterval: isOfExamples ? fractionInterval(Math.round(agreement * rows), rows) : null,
    largest: finite(largest),
    constant: isConstant,
  };
}

/** Intervals of the SQNR miss it more often than they say where fewer examples carry the error. */
const MANY = 16;

/** What keeps a change from being as good as its numbers, as a sentence: constant outputs, or else an interval that is too narrow. */
export function cautions(change: MeasuredChange, isRandom: boolean): readonly string[] {
  const examples = Math.round(change.carriedBy ?? MANY);
  if (change.constant || examples >= MANY) return constantText(change, isRandom);
  const carried = examples === 1 ? "1 example carries" : `${examples} examples carry`;
  return [
    `This interval of the SQNR is too narrow: in effect ${carried} the error. Give more by --held-out and --limit.`,
  ];
}

/** That a model no longer looks at its inputs, as a sentence; none where it does. Random inputs may be unlike all real ones. */
export function constantText(
  { constant }: Pick<MeasuredChange, "constant">,
  isRandom: boolean,
): readonly string[] {
  if (!constant) return [];
  return isRandom
    ? ["On these random inputs every output that varied is now the same: give data by --held-out."]
    : ["It is of no use as it is: its outputs, which varied, are now the same for all of these examples."];
}

/** An SQNR as fields: it is Infinity where outputs are identical, and -Infinity where they are broken. */
export const sqnrFields = (sqnr: number): Pick<MeasuredChange, "sqnr" | "broken"> => ({
  sqnr: finite(sqnr),
  broken: !(sqnr > -Infinity),
});

/** The result of changing a model; an error of the library gets the file's name and the sizes of open axes. */
export async function changing<T>(
  file: ModelFile,
  { batches, sizes }: Inputs,
  change: (sizes: Sizes) => Promise<T>,
): Promise<T> {
  return change(sizes).catch((cause: unknown) => {
    throw cause instanceof DataError
      ? new DataError(`${file.path}: ${cause.message}`, { cause })
      : withSizes(`${file.path} cannot be changed`, { file, sizes, isOnData: batches !== undefined }, cause);
  });
}

/** What stands in the place of an SQNR that is no number. */
export const withoutSqnr = ({ broken }: Pick<MeasuredChange, "broken">): string =>
  broken ? "not finite, or 0 before" : "identical";

type ChangeCells = Omit<MeasuredChange, "largest" | "carriedBy" | "constant">;

/** Columns of a table of errors: `31.2 dB [30.1, 32.3]`, `98.4 % [91.3, 100.0]`. */
export const errorColumns: Columns<ChangeCells> = [
  ["SQNR [95 % interval]", sqnrText],
  ["same largest [95 % interval]", agreementText],
];

export function sqnrText(change: Pick<MeasuredChange, "sqnr" | "broken" | "sqnrInterval">): string {
  return change.sqnr === null
    ? withoutSqnr(change)
    : `${change.sqnr.toFixed(1)} dB${span(change.sqnrInterval)}`;
}

export function agreementText({ agreement, agreementInterval }: ChangeCells): string {
  return agreement === null ? "-" : `${(100 * agreement).toFixed(1)} %${span(agreementInterval, 100)}`;
}

const span = (interval: readonly [number, number] | null, factor = 1): string =>
  interval === null ? "" : ` [${interval.map((end) => (factor * end).toFixed(1)).join(", ")}]`;
