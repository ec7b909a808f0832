// A changed model: checked against the one before, then written.
import { resolve } from "node:path";
import { DataError, IsolossError } from "isoloss";
import { writeFileAtomic } from "isoloss/node";
import {
  type Float64Comparison,
  type FunctionComparison,
  fromOnnx,
  type Preparation,
  sameFunction,
} from "isoloss-onnx";
import { bytesText, formatNumber } from "../experiments/results/format-number.js";
import { textList } from "../experiments/results/table.js";
import { type ModelFile, namingFile } from "../formats/read-model.js";
import { type Batch, randomText } from "./batches.js";
import { otherSizes, type Sizes, sizesOf, sizesText, withSizes } from "./sizes.js";

/** The document of `isoloss model fold --json` and `isoloss model restore --json`. */
export interface Prepared {
  /** Path of the old file, absolute. */
  readonly file: string;
  /** Path of the new file, absolute. */
  readonly out: string;
  readonly bytes: number;
  /** Nodes that were changed. */
  readonly changed: number;
  /** Nodes that could not be. */
  readonly left: number;
  /** The largest difference of an output, relative to its largest value; null where it was not measured. */
  readonly largest: number | null;
  /** Where that is more than the tolerance, by rounding alone: the same in float64. */
  readonly inFloat64: Float64Comparison | null;
  /** One for each of these nodes. */
  readonly report: Preparation["report"];
}

/** A new file that was compared with the one before. */
export type Written = Pick<Prepared, "file" | "out" | "bytes" | "largest" | "inFloat64">;

export interface WriteSettings {
  readonly sizes: Sizes;
  /** Inputs for the comparison; default random numbers. */
  readonly inputs?: readonly Batch[] | undefined;
  /** Default as of `sameFunction`. */
  readonly tolerance?: number | undefined;
  /** False: the new model is not compared with the one before. */
  readonly verify: boolean;
}

/** Writes a new file, and says on stderr where it is larger than the one before. */
export async function writeModelFile(before: ModelFile, out: string, bytes: Uint8Array): Promise<void> {
  await writeFileAtomic(resolve(out), bytes);
  const [own, other] = [bytes, before.bytes].map(({ length }) => bytesText(length));
  if (bytes.length <= before.bytes.length || own === other) return;
  process.stderr.write(`isoloss: ${out} is larger than ${before.path}: ${own} instead of ${other}.\n`);
}

/** Writes a prepared model, if it computes the same as the one before: see {@link writeVerified}. */
export async function writePrepared(
  before: ModelFile,
  out: string,
  { bytes, report }: Preparation,
  settings: WriteSettings,
): Promise<Prepared> {
  const written = await writeVerified(before, out, bytes, settings);
  const changed = report.filter((row) => row.changed).length;
  return { ...written, changed, left: report.length - changed, report };
}

/**
 * Writes a changed model, if it computes the same as the one before.
 *
 * @throws DataError when it differs or cannot be written; a file that is there already then stays
 */
export async function writeVerified(
  before: ModelFile,
  out: string,
  bytes: Uint8Array,
  settings: WriteSettings,
): Promise<Written> {
  const compared = settings.verify ? await sameAs(before, bytes, settings) : undefined;
  const { largest = null, inFloat64 = null, outputs = [] } = compared ?? {};
  const path = resolve(out);
  await writeModelFile(before, out, bytes);
  for (const text of nanTexts(outputs)) process.stderr.write(`isoloss: ${text}\n`);
  return { file: resolve(before.path), out: path, bytes: bytes.length, largest, inFloat64 };
}

/** Throws where a new model computes something else; where one cannot be run, the error says how to do without. */
async function sameAs(
  before: ModelFile,
  bytes: Uint8Array,
  { sizes: given, inputs: batches, tolerance }: WriteSettings,
): Promise<FunctionComparison> {
  try {
    const { inputs } = namingFile(before.path, () => fromOnnx(before.bytes));
    const sizes = sizesOf(inputs, given, batches?.[0]);
    const at = { sizes, inputs: batches, tolerance };
    const comparison = await sameFunction(before.bytes, bytes, at).catch((cause) => {
      const run = { file: before, sizes, isOnData: batches !== undefined };
      throw withSizes(`${before.path} cannot be compared with the new model`, run, cause);
    });
    requireSame(before, comparison);
    await requireSameAt(otherSizes(inputs, sizes), before, bytes, tolerance);
    return comparison;
  } catch (cause) {
    if (!(cause instanceof DataError) || cause instanceof DifferenceError) throw cause;
    throw new DataError(`${cause.message} To write the new model without comparing it, add --no-verify.`, {
      cause,
    });
  }
}

/** Which numbers say nothing of whether two models are the same: a sentence for each output. */
export const nanTexts = (outputs: FunctionComparison["outputs"]): readonly string[] =>
  outputs
    .filter(({ nan }) => nan > 0)
    .map(({ name, numbers, nan }) => `In both, ${nan} of the ${numbers} numbers of "${name}" are NaN.`);

/** Two models compute something else. */
class DifferenceError extends DataError {}

function requireSame(
  { path }: ModelFile,
  { isSame, largest, tolerance, inFloat64 }: FunctionComparison,
  where = "",
): void {
  if (isSame) return;
  const exact = inFloat64 ? ` (${formatNumber(inFloat64.largest, 2)} in float64)` : "";
  throw new DifferenceError(
    `The new model differs from ${path} by ${formatNumber(largest, 2)}${exact}${where}, relative to an output's largest value; at most ${formatNumber(tolerance, 2)} is allowed (--tolerance). Nothing was written.`,
  );
}

/**
 * Throws where the models differ at other sizes than those at which a change was found: it may hold at these alone. Where all
 * are fixed, or the model does not run with others, there is nothing to compare.
 */
async function requireSameAt(
  sizes: Sizes,
  before: ModelFile,
  bytes: Uint8Array,
  tolerance: number | undefined,
): Promise<void> {
  if (Object.keys(sizes).length === 0) return;
  const comparison = await sameFunction(before.bytes, bytes, { sizes, tolerance }).catch((cause) => {
    if (!(cause instanceof IsolossError)) throw cause;
  });
  if (comparison) requireSame(before, comparison, ` with ${sizesText(sizes)}`);
}

/** What was done, line by line. */
export function preparedText(
  { report, changed, left, ...written }: Prepared,
  { path, bytes }: ModelFile,
  { out, sizes: given }: { readonly out: string; readonly sizes: Sizes },
): string {
  const lists = [
    ["changed", report.filter((row) => row.changed)] as const,
    ["left as they are", report.filter((row) => !row.changed)] as const,
  ];
  const texts = lists.flatMap(([title, rows]) =>
    rows.length === 0
      ? []
      : [`${title}\n${textList(rows.map(({ node, opType, note }) => [`${node} (${opType})`, note]))}`],
  );
  const { inputs } = written.largest === null ? { inputs: [] } : fromOnnx(bytes);
  const checked = checkedText(written, path, randomText(inputs, sizesOf(inputs, given)));
  if (report.length === 0) return `There was no node to change.\n\nWrote ${out}. ${checked}`;
  return [...texts, `Wrote ${out}: ${changed} changed, ${left} left as they are. ${checked}`].join("\n\n");
}

/** How far the outputs of the new model are from those of the file before. */
export function checkedText(
  { largest, inFloat64 }: Pick<Written, "largest" | "inFloat64">,
  file: string,
  inputs: string,
): string {
  if (largest === null) return "It was not compared with the file before.";
  const all = `On ${inputs} no output differs from that of ${file} by more than ${formatNumber(largest, 2)}, relative to its largest value`;
  return inFloat64 === null
    ? `${all}.`
    : `${all}: rounding, which moves those of ${file} by ${formatNumber(inFloat64.rounding, 2)}; in float64 both are the same to ${formatNumber(inFloat64.largest, 2)}.`;
}
