import { resolve } from "node:path";
import { DataError } from "isoloss";
import type { HalfCounts } from "isoloss/onnx";
import {
  compareTimes,
  type HalfFile,
  type HalfMove,
  type LargestValue,
  type TimesComparison,
  toHalf,
  type ValueChange,
} from "isoloss-onnx";
import { bytesText, countText, formatNumber } from "../../experiments/results/format-number.js";
import { type Columns, firstOf, tableOf } from "../../experiments/results/table.js";
import { type ModelFile, readModelFile } from "../../formats/read-model.js";
import { dataHelp } from "../../model/data-options.js";
import {
  agreementText,
  cautions,
  changeOf,
  changing,
  constantText,
  errorColumns,
  type Inputs,
  type MeasuredChange,
  measuredChange,
  measuredInputs,
  sqnrText,
} from "../../model/measured-change.js";
import { writeModelFile } from "../../model/write-prepared.js";
import { choice, flag, flagOff, type Values, value } from "../../option-rows.js";
import { requireOutputs } from "../../output.js";
import { nonNegativeNumber } from "../../parse.js";
import { withProgress } from "../../progress.js";
import { hasOnnxRuntime } from "../../run/environment.js";
import type { Result } from "../command.js";
import { measuring, outOption } from "./options.js";

const options = {
  out: outOption,
  calibration: value(
    "<path>",
    "examples, on which the ranges of activations are measured; default random numbers",
  ),
  heldOut: value("<path>", "inputs to measure on; default the calibration, else random numbers"),
  move: flagOff("convert the numbers as they are"),
  io: choice(
    "<type>",
    "of inputs and outputs; float32 has a Cast at each",
    ["float32", "float16"],
    "float32",
  ),
  tolerance: value("<dB>", "least SQNR with every result rounded to float16", nonNegativeNumber, 40),
  replace: flag("replace an existing file"),
  force: flag("write the file even if its SQNR is below --tolerance or its outputs are not finite"),
  ...measuring("the choices, the units and their weights"),
};

type Settings = Values<typeof options>;

const help = `Numbers above 65504 overflow in float16, those below 6.1e-5 lose bits. Units are scaled by powers of two, which keeps what
the model computes in every bit where nothing over- or underflows in float32, to where the fewest bits are lost: hidden units,
values and outputs, queries and keys, and the residual stream of a transformer with the epsilons of its normalizations. No node
is added. Where that does not suffice, norms that are several nodes become one, which computes in float32 inside, and operators are
kept in float32, so few that none of them can be float16; the table then has both, and the time of a run. Batch normalizations stop
scalings: fold them first. The table has the largest value, counts of numbers out of range, stored (weights and other constants) and
computed (activations), with the share of subnormal ones, and errors with every result rounded to float16, and as ONNX Runtime runs
the file, which may keep results in float32. A file below the tolerance, or with outputs that are not finite in one of the two, is
not written, unless --force is given, and the exit code is 1. Other commands replace a file by --force; here --replace does, so that
neither happens by the way.

${dataHelp}

The document of --json: file, out (null: it was not written), bytes {before, after}, io, tolerance, moved (units), moves
[{parameters, units, exponents, stream}], fused (results of norms that became one node), wide (results of operators in float32),
measured, values [{name, operator, before {largest, typical}, after}], table [{numbers, bytes, range {size, name}, weights,
activations, rounded {sqnr, sqnrInterval, carriedBy, broken, agreement, agreementInterval, largest, constant}, sqnr, sqnrInterval, carriedBy,
broken, agreement, agreementInterval, largest, constant, time {before, after, ratio, quartiles}}].

Examples:
  isoloss model half model.onnx --out half.onnx
  isoloss model half model.onnx --calibration photos --out half.onnx --json`;

/** A file of float16; null where a number is infinite or was not measured. */
export interface HalfRow extends MeasuredChange {
  /** `moved`, `as they are`, or `moved, 3 norms fused, 5 operators in float32`. */
  readonly numbers: string;
  /** The size of the file. */
  readonly bytes: number;
  /** The largest value inside the model in float32, and its name. */
  readonly range: LargestValue;
  /** Of its weights and other constants. */
  readonly weights: HalfCounts;
  /** Of the values on the calibration data, or on random inputs. */
  readonly activations: HalfCounts;
  /** The error with every result rounded to float16. */
  readonly rounded: MeasuredChange;
  /** Milliseconds of a run of the file that was read and of this one; null where none of the table is fused or keeps operators in float32. */
  readonly time: TimesComparison | null;
}

/** The document of `isoloss model half --json`. */
export interface Half {
  /** Path of the file that was read, absolute. */
  readonly file: string;
  /** Path of the new file; null: it was not written. */
  readonly out: string | null;
  readonly bytes: { readonly before: number; readonly after: number };
  /** Type of inputs and outputs: `float32` or `float16`. */
  readonly io: "float32" | "float16";
  /** Least SQNR with every result rounded. */
  readonly tolerance: number;
  /** Units that were scaled. */
  readonly moved: number;
  /** Which, and by which powers of two. */
  readonly moves: readonly HalfMove[];
  /** Results of the nodes that took the places of norms of several nodes. */
  readonly fused: readonly string[];
  /** First results of the operators that stay float32. */
  readonly wide: readonly string[];
  /** How large values inside the model are, before and after. */
  readonly values: readonly ValueChange[];
  /** The inputs of the measurement. */
  readonly measured: string;
  /** First the new file. */
  readonly table: readonly HalfRow[];
}

const counts = ({ overflows, subnormals, numbers }: HalfCounts): string =>
  `${overflows} / ${subnormals} (${((100 * subnormals) / Math.max(1, numbers)).toFixed(1)} %) of ${numbers}`;

const columnsOf = (table: readonly HalfRow[]): Columns<HalfRow> => [
  ["numbers", ({ numbers }) => numbers],
  ["largest value", ({ range: { size, name } }) => `${formatNumber(size, 3)} (${name})`],
  ["stored over / below", ({ weights }) => counts(weights)],
  ["activations over / below", ({ activations }) => counts(activations)],
  ["SQNR, rounded", ({ rounded }) => sqnrText(rounded)],
  ["same largest, rounded", ({ rounded }) => agreementText(rounded)],
  ...errorColumns,
  ["bytes", ({ bytes }) => bytesText(bytes)],
  ...(table.some(({ time }) => time !== null)
    ? [["ms a run (float32)", timeText] satisfies Columns<HalfRow>[number]]
    : []),
];

const timeText = ({ time }: HalfRow): string =>
  time === null ? "" : `${time.after.toPrecision(2)} (${time.before.toPrecision(2)})`;

/** `isoloss model half`: a model of float16. */
async function run(path: string, settings: Settings): Promise<Result> {
  const { out, calibration, heldOut, move, io, report, tolerance, replace } = settings;
  const file = await readModelFile(path);
  await requireOutputs(file, { out, report, force: replace, replaceOption: "--replace" }, [
    calibration,
    heldOut,
  ]);
  const examples = await measuredInputs(file, settings, calibration);
  const inputs = heldOut === undefined ? examples : await measuredInputs(file, settings, heldOut);
  const traced = calibration === undefined ? inputs : examples;
  const { result, table } = await withProgress(settings, async (step) => {
    step("converting numbers");
    const given = { io, calibration: examples.batches ?? [], heldOut: inputs.batches ?? [] };
    const half = await changing(file, traced, (sizes) =>
      toHalf(file.bytes, { ...given, sizes, tolerance, ...(move ? {} : { move, rescue: "none" as const }) }),
    );
    const isRescued = half.files.some(({ fused, wide }) => fused.length + wide.length > 0);
    const rows: HalfRow[] = [];
    for (const { bytes, range, weights, activations, error, ...own } of half.files) {
      const numbers = numbersText(own);
      step(`measuring numbers ${numbers}`);
      rows.push({
        numbers,
        bytes: bytes.length,
        range,
        weights,
        activations,
        rounded: changeOf(error),
        ...(await measuredChange(file, bytes, inputs)),
        time: isRescued ? await compareTimes(file.bytes, bytes, timedOn(inputs)) : null,
      });
    }
    return { result: half, table: rows };
  });
  const { bytes, moved, moves, fused, wide, values, outputs } = result;
  const [written] = table;
  const isRandom = inputs.batches === undefined;
  const isWritten = settings.force || isWithin(written, tolerance);
  if (isWritten) await writeModelFile(file, out, bytes);
  const document: Half = {
    file: resolve(path),
    out: isWritten ? resolve(out) : null,
    bytes: { before: file.bytes.length, after: bytes.length },
    io,
    tolerance,
    moved,
    moves,
    fused,
    wide,
    values,
    measured: inputs.what,
    table,
  };
  const cells = tableOf(columnsOf(table), table);
  const broken = whyNot(written, document);
  const summary =
    summaryText(document, path) +
    cutText(written) +
    (isWritten ? tieText(document) : "") +
    chosenText(settings, document);
  return {
    document,
    text: [
      cells,
      ...cautions(written, isRandom),
      `${isWritten ? "Wrote" : "Not written to"} ${out}: ${[...broken, summary].join(". ")}`,
    ],
    page: ({ choicesSection, rangesSection, weightsSection, unitsSection }) => ({
      title: `${file.path} in float16`,
      conclusion: [
        `${isWritten ? "Written" : "Not written"} to ${out}: ${[`numbers ${written.numbers}`, ...broken].join("; ")}.`,
        ...constantText(written, isRandom),
      ].join(" "),
      lead: summary,
      sections: [
        choicesSection(
          table.map(({ numbers, rounded: { sqnr, broken } }) => ({ name: numbers, sqnr, broken })),
          written.numbers,
          {
            text: "Over and below count numbers above 65504, which overflow, and below 6.1e-5, which lose bits, among the stored numbers (weights and other constants) and the activations. Rounded: with every result rounded to float16.",
            table: cells,
          },
        ),
        ...rangesSection(values),
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

/** What was done to the numbers of a file. */
function numbersText({ moved, fused, wide }: Pick<HalfFile, "moved" | "fused" | "wide">): string {
  return [
    moved === 0 ? "as they are" : "moved",
    ...(fused.length === 0 ? [] : [`${countText(fused.length, "norm")} fused`]),
    ...(wide.length === 0 ? [] : [`${countText(wide.length, "operator")} in float32`]),
  ].join(", ");
}

const timedOn = ({ batches, sizes }: Inputs) => (batches === undefined ? { sizes } : { inputs: batches[0] });

/** Whether all outputs of a file are finite, on each of the two ways to run it, and near enough where all is rounded. */
const isWithin = ({ rounded, broken }: HalfRow, tolerance: number): boolean =>
  !rounded.broken && !broken && (rounded.sqnr ?? Infinity) >= tolerance;

/** Why a file is not good enough, and on which data; empty where it is. */
function whyNot(
  row: HalfRow,
  { tolerance, measured }: Pick<Half, "tolerance" | "measured">,
): readonly string[] {
  if (isWithin(row, tolerance)) return [];
  const rounded = "with every result rounded to float16";
  const broken = `its outputs are not finite, or one was 0 throughout, on ${measured}`;
  if (row.rounded.broken) return [`${rounded}, ${broken}`];
  if (row.broken) return [`as the file is run, ${broken}`];
  return [
    `${rounded}, its SQNR is ${sqnrText(row.rounded)} on ${measured}, below the tolerance of ${tolerance} dB`,
  ];
}

/** How the new file differs, and where it was measured. */
function summaryText({ bytes, moved, moves, fused, wide, measured }: Half, file: string): string {
  const streams = moves.flatMap(({ stream, exponents: [k] }) =>
    stream === undefined ? [] : [`the stream of ${stream} units by 2^${k}`],
  );
  const units = `${countText(moved, "unit")} scaled by powers of two`;
  const joined = fused.length === 0 ? "" : `one node in the place of the norms that make ${firstOf(fused)}, `;
  const kept = `${joined}${wide.length === 0 ? "" : `in float32 stay what makes ${firstOf(wide)}, `}`;
  return `${[units, ...streams.slice(0, SHOWN)].join(", ")}, ${kept}${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. SQNR and same largest are of ${hasOnnxRuntime() ? "ONNX Runtime" : "JavaScript, as ONNX Runtime is not installed"}, on ${measured}.`;
}

/** That the file does not hold what the one before does. */
function cutText({ weights: { overflows } }: HalfRow): string {
  const what = overflows === 1 ? "number is" : "numbers are";
  return overflows === 0 ? "" : ` ${overflows} stored ${what} above 65504, and cut to that.`;
}

/** That the numbers as they are do as well; nothing where they are written, leave the range, or differ as printed. */
export function tieText({ moved, table }: Pick<Half, "moved" | "table">): string {
  const other = table.find(({ numbers }) => numbers === "as they are");
  if (moved === 0 || other === undefined) return "";
  const isOver = other.weights.overflows + (other.activations?.overflows ?? 0) > 0;
  const shown = (row: HalfRow) =>
    [row.rounded, row].flatMap((change) => [sqnrText(change), agreementText(change)]).join();
  return isOver || shown(other) !== shown(table[0])
    ? ""
    : " The numbers as they are have the same errors, as printed: --no-move keeps them.";
}

/** That the measured examples also chose what is written; nothing where none were chosen on, or others measured, or there was no choice. */
const chosenText = ({ calibration, heldOut, move }: Settings, { table }: Half): string =>
  !move || calibration === undefined || heldOut !== undefined || table.length === 1
    ? ""
    : " These examples also chose the powers of two and what stays in float32: the row of the written file may look better there than it is. Give others by --held-out.";

/** Streams in the text. */
const SHOWN = 4;

/**
 * The message about a file that is not written, with the ways out that this model has.
 *
 * @param outputs of the file that was read: other scalings do not help where these are out of range
 */
function whyRefused(
  { path, model }: ModelFile,
  { out, calibration, move }: Settings,
  document: Half,
  outputs: HalfCounts | undefined,
): string {
  const { table, tolerance: least } = document;
  const [row] = table;
  const other = table.find(({ numbers }) => numbers === "as they are");
  const isBeyond = outputs !== undefined && outputs.overflows > 0;
  const normalizes = model.graph.nodes.some(({ opType }) => opType === "BatchNormalization");
  const ways = [
    ...(other !== undefined && other !== row && isWithin(other, least)
      ? ["write the numbers as they are, which stay within, by --no-move"]
      : []),
    ...(move || isBeyond ? [] : ["let units be scaled: leave --no-move out"]),
    ...(move && calibration === undefined && !isBeyond
      ? ["give examples by --calibration, on which the ranges of activations are measured"]
      : []),
    ...(move && normalizes && !isBeyond
      ? ["fold the batch normalizations, which stop scalings, by isoloss model fold"]
      : []),
    ...(row.rounded.broken || row.broken ? [] : ["accept it by a lower --tolerance"]),
    "keep the model in float32",
  ];
  return (
    `${out} was not written: ${whyNot(row, document).join(". ")}. ` +
    (isBeyond ? `Those of ${path} are above 65504 there. ` : "") +
    `Ways out: ${ways.join("; ")}. To write it all the same, add --force.`
  );
}
