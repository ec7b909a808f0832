import { resolve } from "node:path";
import { DataError } from "isoloss";
import type { HalfCounts } from "isoloss/onnx";
import { type HalfModel, toHalf } from "isoloss-onnx";
import { bytesText, formatNumber } from "../../experiments/results/format-number.js";
import { type Columns, tableOf } from "../../experiments/results/table.js";
import { type ModelFile, readModelFile } from "../../formats/read-model.js";
import { dataHelp } from "../../model/data-options.js";
import {
  changing,
  errorColumns,
  finite,
  type MeasuredChange,
  measuredChange,
  measuredInputs,
} from "../../model/measured-change.js";
import { writeModelFile } from "../../model/write-prepared.js";
import { choice, flag, flagOff, type Values, value } from "../../option-rows.js";
import { requireOutputs } from "../../output.js";
import { withProgress } from "../../progress.js";
import type { Result } from "../command.js";
import { measuring, outOption } from "./options.js";

const options = {
  out: outOption,
  calibration: value("<path>", "examples, so that the ranges of activations count; default weights alone"),
  heldOut: value("<path>", "inputs to measure on; default the calibration, else random numbers"),
  move: flagOff("convert the numbers as they are"),
  io: choice(
    "<type>",
    "of inputs and outputs; float32 has a Cast at each",
    ["float32", "float16"],
    "float32",
  ),
  force: flag("write a file whose outputs are not finite, too"),
  ...measuring("the choices, the units and their weights"),
};

type Settings = Values<typeof options>;

const help = `Numbers above 65504 overflow in float16, those below 6.1e-5 lose bits. Units are scaled by powers of two, which keeps what
the model computes in every bit where nothing over- or underflows in float32, to where the fewest bits are lost. Batch
normalizations stop scalings: fold them first. The table counts the numbers out of range, stored (weights and other constants)
and computed (activations), and measures the error with every result rounded to float16, and as ONNX Runtime runs the file,
which may keep results in float32. A file with outputs that are not finite in one of the two is not written, unless --force
is given, and the exit code is 1.

${dataHelp}

The document of --json: file, out (null: it was not written), bytes {before, after}, io, moved (units), measured, table
[{numbers, weights, activations, rounded, sqnr, sqnrInterval, broken, agreement, agreementInterval, largest}].

Examples:
  isoloss model half model.onnx --out half.onnx
  isoloss model half model.onnx --calibration photos --out half.onnx --json`;

/** A file of float16; null where a number is infinite or was not measured. */
export interface HalfRow extends MeasuredChange {
  /** `moved`, or `as they are`. */
  readonly numbers: "moved" | "as they are";
  /** Of its weights and other constants. */
  readonly weights: HalfCounts;
  /** Of the values on the calibration data. */
  readonly activations: HalfCounts | null;
  /** Largest difference of an output with every result rounded to float16, relative to its largest value. */
  readonly rounded: number | null;
}

/** The document of `isoloss model half --json`. */
export interface Half {
  /** Paths of the old and the new file, absolute; null: its outputs are not finite, and it was not written. */
  readonly file: string;
  /** Path of the new file; null: its outputs are not finite, and it was not written. */
  readonly out: string | null;
  readonly bytes: { readonly before: number; readonly after: number };
  /** Type of inputs and outputs: `float32` or `float16`. */
  readonly io: "float32" | "float16";
  /** Units that were scaled. */
  readonly moved: number;
  /** The inputs of the measurement. */
  readonly measured: string;
  /** First the new file. */
  readonly table: readonly HalfRow[];
}

const counts = (of: HalfCounts | null): string =>
  of === null ? "-" : `${of.overflows} / ${of.subnormals} of ${of.numbers}`;

const columns: Columns<HalfRow> = [
  ["numbers", ({ numbers }) => numbers],
  ["stored over / below", ({ weights }) => counts(weights)],
  ["activations over / below", ({ activations }) => counts(activations)],
  ["error, rounded", ({ rounded }) => (rounded === null ? "not finite" : formatNumber(rounded, 2))],
  ...errorColumns,
];

/** `isoloss model half`: a model of float16. */
async function run(path: string, settings: Settings): Promise<Result> {
  const { out, calibration, heldOut, move, io, report } = settings;
  const file = await readModelFile(path);
  await requireOutputs(file, { out, report }, [calibration, heldOut]);
  const examples = await measuredInputs(file, settings, calibration);
  const inputs = heldOut === undefined ? examples : await measuredInputs(file, settings, heldOut);
  const traced = calibration === undefined ? inputs : examples;
  const table: HalfRow[] = [];
  const files: HalfModel[] = [];
  await withProgress(settings, async (step) => {
    for (const isMoved of move ? [true, false] : [false]) {
      const numbers = isMoved ? "moved" : "as they are";
      step(`converting numbers ${numbers}`);
      const result = await changing(file, traced, (sizes) =>
        toHalf(file.bytes, {
          move: isMoved,
          io,
          sizes,
          calibration: examples.batches ?? [],
          heldOut: inputs.batches ?? [],
        }),
      );
      files.push(result);
      table.push({
        numbers,
        weights: result.weights.after,
        activations: result.activations?.after ?? null,
        rounded: finite(result.largest),
        ...(await measuredChange(file, result.bytes, inputs)),
      });
    }
  });
  const [{ bytes, moved, outputs }] = files;
  const [written] = table;
  const isWritten = settings.force || hasFiniteOutputs(written);
  if (isWritten) await writeModelFile(file, out, bytes);
  const document: Half = {
    file: resolve(path),
    out: isWritten ? resolve(out) : null,
    bytes: { before: file.bytes.length, after: bytes.length },
    io,
    moved,
    measured: inputs.what,
    table,
  };
  const cells = tableOf(columns, table);
  const broken = notFinite(written, inputs.what);
  const summary = summaryText(document, path);
  return {
    document,
    text: [cells, `${isWritten ? "Wrote" : "Not written to"} ${out}: ${[...broken, summary].join(". ")}`],
    page: ({ choicesSection, weightsSection, unitsSection }) => ({
      title: `${file.path} in float16`,
      conclusion: `${isWritten ? "Written" : "Not written"} to ${out}: ${[`numbers ${written.numbers}`, ...broken].join("; ")}.`,
      lead: summary,
      sections: [
        choicesSection(
          table.map(({ numbers, sqnr, broken }) => ({ name: numbers, sqnr, broken })),
          written.numbers,
          {
            text: "Over and below count numbers above 65504, which overflow, and below 6.1e-5, which lose bits, among the stored numbers (weights and other constants) and the activations. Error, rounded: the largest difference of an output with every result rounded to float16, relative to its largest value.",
            table: cells,
          },
        ),
        ...weightsSection(
          file.bytes,
          bytes,
          "Units are scaled by powers of two, which keeps what the model computes.",
        ),
        unitsSection(file, traced.sizes, { kinds: ["scaling"], text: "The units that may be scaled." }),
      ],
    }),
    error: isWritten ? undefined : new DataError(whyRefused(file, settings, document, outputs)),
  };
}

export const half = { options, help, run };

/** Whether all outputs of a file are finite, on each of the two ways to run it. */
const hasFiniteOutputs = ({ rounded, broken }: HalfRow): boolean => rounded !== null && !broken;

/** Where and on which data the outputs of a file are not finite; empty where they are. */
function notFinite(row: HalfRow, measured: string): readonly string[] {
  if (hasFiniteOutputs(row)) return [];
  const where = row.rounded === null ? "with every result rounded to float16" : "as the file is run";
  return [`${where}, its outputs are not finite on ${measured}`];
}

/** How the new file differs, and where it was measured. */
const summaryText = ({ bytes, moved, measured }: Half, file: string): string =>
  `${moved === 1 ? "1 unit" : `${moved} units`} scaled by powers of two, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. SQNR and same largest are of ONNX Runtime, or JavaScript without it, on ${measured}.`;

/**
 * The message about a file that is not written, with the ways out that this model has.
 *
 * @param outputs of the file that was read: other scalings do not help where these are out of range
 */
function whyRefused(
  { path, model }: ModelFile,
  { out, calibration, move }: Settings,
  { table: [row, other], measured }: Half,
  outputs: HalfCounts | undefined,
): string {
  const isBeyond = outputs !== undefined && outputs.overflows > 0;
  const normalizes = model.graph.nodes.some(({ opType }) => opType === "BatchNormalization");
  const ways = [
    ...(other !== undefined && hasFiniteOutputs(other)
      ? ["write the numbers as they are, which stay finite, by --no-move"]
      : []),
    ...(move && calibration === undefined && !isBeyond
      ? ["give examples by --calibration, so that the ranges of activations count"]
      : []),
    ...(move && normalizes && !isBeyond
      ? ["fold the batch normalizations, which stop scalings, by isoloss model fold"]
      : []),
    "keep the model in float32",
  ];
  return (
    `${out} was not written: ${notFinite(row, measured)}. ` +
    (isBeyond ? `Those of ${path} are above 65504 there. ` : "") +
    `Ways out: ${ways.join("; ")}. To write it all the same, add --force.`
  );
}
