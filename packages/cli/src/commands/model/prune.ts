import { resolve } from "node:path";
import { mapValues } from "es-toolkit";
import { DataError, OptionError, takeRows } from "isoloss";
import { split } from "isoloss/data";
import { compareTimes, type PrunedGroup, pruneUnits, pruneWeights, type TimesComparison } from "isoloss-onnx";
import { bytesText, countText } from "../../experiments/results/format-number.js";
import { type Columns, firstOf, tableOf } from "../../experiments/results/table.js";
import { clearFactor } from "../../experiments/results/to-target.js";
import { importModel, type ModelFile, readModelFile } from "../../formats/read-model.js";
import { type Batch, examplesText } from "../../model/batches.js";
import { dataHelp } from "../../model/data-options.js";
import { discoveryOf, type StoppingOperator, stopsAdvice, stopsText } from "../../model/discovery.js";
import {
  cautions,
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
import { choice, excluding, flag, flagOff, required, type Values, value } from "../../option-rows.js";
import { requireOutputs } from "../../output.js";
import { positiveInteger, shareNumber } from "../../parse.js";
import { withProgress } from "../../progress.js";
import { htmlTable } from "../../run/report-html.js";
import type { Result } from "../command.js";
import { measuring, writing } from "./options.js";

const options = {
  ...writing,
  fraction: required(value("<share>", "of the weights, or of the units of each group, 0 to 1", shareNumber)),
  by: choice(
    "<score>",
    "of weights: magnitude, or lamp, relative to the larger ones of the layer; default magnitude",
    ["magnitude", "lamp"],
  ),
  units: excluding("by", flag("whole channels and hidden units, with all that is coupled to them")),
  multiple: value(
    "<n>",
    "with --units: a group keeps the multiple of n channels that is nearest to its share; 1: any number; default 8",
    positiveInteger,
  ),
  balance: flagOff("rank the weights as they are alone, without balancing them"),
  heldOut: value("<path>", "inputs to measure on; default random numbers"),
  ...measuring("the choices, the units and their weights"),
};

type Settings = Values<typeof options>;

const help = `The least weights depend on how layers and units are scaled, which what the model computes does not: so they are ranked
after balancing the scales (isoloss model balance), and as they are. A random half of the held-out examples chooses: the file with the
larger SQNR there is written, the weights as they are within 0.1 dB. The others measure both for the table. Where all outputs are
integers, such as numbers of classes, 20 dB are 1 % that changed, and same largest is the share that stayed. Pruning changes
what the model computes: train the new model further. Folding batch normalizations first (isoloss model fold) gives other
scales to rank by, for better or worse: prune both files and compare them.

With --units the file gets smaller: units that can be permuted are a group, through residual sums and depthwise
convolutions, and those with the least sum of squared weights go. The new file must compute what the old one does
with zeros in their place; groups that do not pass stay, with the reason. Kernels take channels in blocks, and are slower
where a block is not full: so each group of n units keeps the multiple of 8 channels that is nearest to (1 - share) n, 8 at
least. The table has the time of each new file by that of the old one, run in turns: the median and its quartiles.

${dataHelp}

The document of --json: file, out, bytes {before, after}, by, fraction, multiple, balanced, measured, table [{ranked, zeros,
numbers, bytes, sqnr, sqnrInterval, carriedBy, broken, agreement, agreementInterval, largest, constant, chosenBy {sqnr, broken}, time {before,
after, ratio, quartiles}}], apart, stops [{operator, nodes}], groups [{parameters, size, removed, reason}].

Examples:
  isoloss model prune model.onnx --fraction 0.8 --by lamp --out sparse.onnx
  isoloss model prune model.onnx --fraction 0.25 --units --held-out photos --out smaller.onnx`;

/** A pruned file; null where a number is infinite or was not measured. */
export interface PrunedRow extends MeasuredChange {
  /** Whether the weights were ranked after they were balanced. */
  readonly ranked: "balanced" | "as they are";
  /** Zeros among the numbers of its parameters. */
  readonly zeros: number;
  /** Numbers of its parameters, zeros included. */
  readonly numbers: number;
  readonly bytes: number;
  /** The error on the examples that chose the file to write; null without a choice. */
  readonly chosenBy: Pick<MeasuredChange, "sqnr" | "broken"> | null;
  /** With `--units`: against the file before, of one example where the file leaves their number open. */
  readonly time: TimesComparison | null;
}

/** The document of `isoloss model prune --json`. */
export interface PrunedModel {
  /** Paths of the old and the new file, absolute. */
  readonly file: string;
  /** Path of the new file. */
  readonly out: string;
  readonly bytes: { readonly before: number; readonly after: number };
  /** `magnitude`, `lamp` or `units`. */
  readonly by: "magnitude" | "lamp" | "units";
  /** Of the weights, or of the units of each group. */
  readonly fraction: number;
  /** What the kept channels are a multiple of, with `--units`. */
  readonly multiple: number | null;
  /** Whether the written file is the one that was ranked by balanced weights. */
  readonly balanced: boolean;
  /** The inputs of the table. */
  readonly measured: string;
  /** Ranked by balanced weights, and by the weights as they are; one row where both are the same. */
  readonly table: readonly PrunedRow[];
  /** Whether the examples of the table are others than those that chose. */
  readonly apart: boolean;
  /** Where both rankings give the same file: operators at which scalings end; else null. */
  readonly stops: readonly StoppingOperator[] | null;
  /** With `--units`: the groups of coupled units of the written file. */
  readonly groups: readonly GroupRow[];
}

interface GroupRow extends Omit<PrunedGroup, "reason"> {
  /** Why no unit could be removed; null where some could. */
  readonly reason: string | null;
}

interface Candidate {
  readonly ranked: PrunedRow["ranked"];
  readonly bytes: Uint8Array;
  readonly zeros: number;
  readonly numbers: number;
  readonly groups: readonly PrunedGroup[];
}

const columnsOf = (table: readonly PrunedRow[]): Columns<PrunedRow> => [
  ["ranked", ({ ranked }) => ranked],
  ...(table.length > 1 ? [chosenByColumn] : []),
  ...errorColumns,
  ["numbers", ({ numbers }) => `${numbers}`],
  ["zeros", ({ zeros, numbers }) => `${((100 * zeros) / numbers).toFixed(1)} %`],
  ["size", ({ bytes }) => bytesText(bytes)],
  ...(table.some(({ time }) => time !== null) ? [timeColumn] : []),
];

const chosenByColumn: Columns<PrunedRow>[number] = [
  "chosen by",
  ({ chosenBy }) => (chosenBy === null ? "" : sqnrText({ ...chosenBy, sqnrInterval: null })),
];

const timeColumn: Columns<PrunedRow>[number] = ["time", ({ time }) => (time === null ? "" : timeText(time))];

const groupColumns: Columns<GroupRow> = [
  ["layers with the same units", ({ parameters }) => firstOf(parameters)],
  ["units", ({ size }) => `${size}`],
  ["kept", ({ size, removed }) => `${size - removed}`],
  ["why all", ({ reason }) => reason ?? ""],
];

/** `isoloss model prune`: a model with fewer weights, and what that costs. */
async function run(path: string, settings: Settings): Promise<Result> {
  const { out, fraction, by = "magnitude", units, multiple = 8, heldOut } = settings;
  if (settings.multiple !== undefined && !units) {
    throw new OptionError("--multiple is of the units that stay: add --units, or leave it out.");
  }
  const file = await readModelFile(path);
  await requireOutputs(file, settings, [heldOut]);
  requireWeights(file);
  const inputs = await measuredInputs(file, settings, heldOut);
  const { written, ...measured } = await withProgress(settings, (step) =>
    measuredCandidates(file, inputs, { ...settings, multiple, step }),
  );
  await writeModelFile(file, out, written.bytes);
  const document: PrunedModel = {
    file: resolve(path),
    out: resolve(out),
    bytes: { before: file.bytes.length, after: written.bytes.length },
    by: units ? "units" : by,
    fraction,
    multiple: units ? multiple : null,
    balanced: written.ranked === "balanced",
    ...measured,
    groups: written.groups.map((group) => ({ ...group, reason: group.reason ?? null })),
  };
  const { table, groups } = document;
  const cells = tableOf(columnsOf(table), table);
  const groupCells = tableOf(groupColumns, groups);
  const isRandom = inputs.batches === undefined;
  const summary = summaryText(document, path);
  return {
    document,
    text: [
      cells,
      ...(groups.length === 0 ? [] : [groupCells]),
      ...sameText(document),
      ...cautions(writtenRow(document), isRandom),
      `Wrote ${out}: ${summary}`,
    ],
    page: ({ choicesSection, weightsSection, unitsSection }) => ({
      title: `${path}, pruned`,
      conclusion: [
        `Written to ${out}: ranked by weights ${rankedText(written.ranked)}.`,
        ...constantText(writtenRow(document), isRandom),
      ].join(" "),
      lead: summary,
      sections: [
        choicesSection(
          table.map(({ ranked, sqnr, broken }) => ({ name: ranked, sqnr, broken })),
          written.ranked,
          {
            text: "The least weights depend on the scales of units, which what the model computes does not. So they are ranked after balancing and as they are, and the better one is written: the column chosen by is of the examples that chose, the others of other examples. Same largest: how often the largest output stays at its place. Train the new model further.",
            table: cells,
          },
        ),
        ...weightsSection(
          file.bytes,
          written.bytes,
          units
            ? "Units that went have no weights after; the others keep theirs."
            : "Pruning may leave some without weights.",
        ),
        units
          ? {
              heading: "Units that move together",
              text: "The units of a group can be permuted with one another. Removing one removes all of its weights, in all layers that have the group.",
              tables: [htmlTable(groupCells)],
            }
          : unitsSection(file, inputs.sizes, {
              kinds: ["scaling"],
              text: "The units that are balanced before the weights are ranked.",
            }),
      ],
    }),
  };
}

export const prune = { options, help, run };

const rankedText = (ranked: PrunedRow["ranked"]): string =>
  ranked === "balanced" ? "after balance" : ranked;

/** The rankings, measured; and the one to write. */
async function measuredCandidates(
  file: ModelFile,
  inputs: Inputs,
  { step, ...settings }: Settings & { readonly step: (text: string) => void },
): Promise<{ readonly written: Candidate } & Pick<PrunedModel, "table" | "measured" | "apart" | "stops">> {
  const { balance, units, heldOut } = settings;
  const candidates: Candidate[] = [];
  for (const ranked of balance ? (["balanced", "as they are"] as const) : (["as they are"] as const)) {
    step(`ranking weights ${ranked}`);
    candidates.push(await candidate(file, settings, inputs, ranked));
  }
  const isOne = candidates.every(({ bytes }) => Buffer.compare(bytes, candidates[0].bytes) === 0);
  const differing = isOne ? candidates.slice(-1) : candidates;
  const parts = differing.length > 1 ? splitInputs(file, inputs, heldOut) : undefined;
  const reporting = parts?.reporting ?? inputs;
  const table: PrunedRow[] = [];
  for (const { ranked, bytes, zeros, numbers } of differing) {
    step(`measuring what was ranked by weights ${ranked}`);
    const error = await measuredChange(file, bytes, reporting);
    const chosenBy = parts === undefined ? error : await measuredChange(file, bytes, parts.choosing);
    const { sqnr, broken } = chosenBy;
    const time = units ? await compareTimes(file.bytes, bytes, oneExample(file, inputs)) : null;
    table.push({
      ranked,
      zeros,
      numbers,
      bytes: bytes.length,
      ...error,
      time,
      chosenBy: differing.length > 1 ? { sqnr, broken } : null,
    });
  }
  return {
    measured: reporting.what,
    table,
    apart: parts !== undefined,
    stops: isOne && balance ? discoveryOf(file, { sizes: inputs.sizes }).stops() : null,
    written: differing[bestOf(table)],
  };
}

/** Decibels by which weights must do better than those of the file to be taken. */
const MARGIN = 0.1;

/** The row with the largest SQNR on the examples that choose; the last one, as the weights are, within the margin. */
function bestOf(rows: readonly PrunedRow[]): number {
  const values = rows.map(({ chosenBy }) => chosenBy?.sqnr ?? (chosenBy?.broken ? -Infinity : Infinity));
  const last = rows.length - 1;
  return values.reduce(
    (best, value, i) => (value > values[best] + (best === last ? MARGIN : 0) ? i : best),
    last,
  );
}

/** Whether the file leaves the number of examples open, and batches have as many of each input. */
function areDivisible(file: ModelFile, batches: readonly Batch[]): boolean {
  const isOpen = importModel(file).inputs.every(({ shape = [""] }) => typeof shape[0] === "string");
  const counts = batches.flatMap((batch) => Object.values(batch).map(({ shape: [n = 1] }) => n));
  return isOpen && counts.every((n) => n === counts[0]);
}

const withRows = (batch: Batch, rows: ArrayLike<number>): Batch =>
  mapValues(batch, (array) => takeRows(array, rows));

/**
 * Examples to choose a file by, and others to report on it: half of them at random, as classes may take turns, or half of the
 * batches where the file fixes their size. Undefined where there is one alone.
 */
function splitInputs(
  file: ModelFile,
  inputs: Inputs,
  heldOut: string | undefined,
): { readonly choosing: Inputs; readonly reporting: Inputs } | undefined {
  const { batches } = inputs;
  if (batches === undefined || heldOut === undefined)
    return { choosing: inputs, reporting: { ...inputs, seed: 1 } };
  const isWithin = areDivisible(file, batches) && Object.values(batches[0])[0].shape[0] > 1;
  if (!isWithin && batches.length === 1) return undefined;
  const halves = (n: number, seed: number) => split(n, [0.5, 0.5], seed);
  const [choosing, reporting] = [0, 1].map((part) =>
    isWithin
      ? batches.map((batch, k) => withRows(batch, halves(Object.values(batch)[0].shape[0], k)[part]))
      : [...halves(batches.length, 0)[part]].map((k) => batches[k]),
  );
  return {
    choosing: { ...inputs, batches: choosing },
    reporting: { ...inputs, batches: reporting, what: examplesText(reporting, heldOut) },
  };
}

/** Inputs of one example, where the file leaves their number open. */
function oneExample(file: ModelFile, { batches, sizes }: Inputs) {
  if (batches !== undefined) {
    return { inputs: areDivisible(file, batches) ? withRows(batches[0], [0]) : batches[0] };
  }
  const first = importModel(file).inputs.flatMap(({ name, shape: [n] = [] }) => [n, `${name}[0]`]);
  return { sizes: Object.fromEntries(Object.entries(sizes).filter(([name]) => !first.includes(name))) };
}

function requireWeights(file: ModelFile): void {
  const { params } = importModel(file);
  if (Object.values(params).some(({ shape }) => shape.filter((n) => n > 1).length > 1)) return;
  throw new DataError(
    `${file.path} has no weights to prune: expected tensors of floats with two axes or more in its main graph; those in the branches of an If stay.`,
  );
}

function candidate(
  file: ModelFile,
  { fraction, by = "magnitude", units, multiple }: Settings,
  inputs: Inputs,
  ranked: PrunedRow["ranked"],
): Promise<Candidate> {
  const balance = ranked === "balanced";
  return changing(file, inputs, async (sizes) => ({
    ranked,
    ...(units
      ? await pruneUnits(file.bytes, { fraction, multiple, balance, sizes })
      : { ...(await pruneWeights(file.bytes, { fraction, by, balance, sizes })), groups: [] }),
  }));
}

/** That the choice is none, and why. */
export function sameText({ stops, by, groups }: Pick<PrunedModel, "stops" | "by" | "groups">): string[] {
  if (stops === null) return [];
  // Where nothing is removed, that is the reason, and not the operators.
  const isWhole = by === "units" && groups.every(({ removed }) => removed === 0);
  const folded = stopsAdvice(stops) === stopsText(stops) ? "" : " The file may then rank weights otherwise.";
  const why = isWhole || stops.length === 0 ? "" : ` ${stopsAdvice(stops)}${folded}`;
  return [`Both rankings give the same file.${why}`];
}

const timeText = ({ ratio, quartiles }: TimesComparison): string =>
  `${ratio.toFixed(2)} [${quartiles.map((q) => q.toFixed(2)).join(", ")}]`;

/** What time the new file takes, as far as the clock can tell it from that of the old one. */
export function speedText(time: TimesComparison): string {
  const { before, after, quartiles } = time;
  const [low, high] = quartiles;
  if (low <= 1 && high >= 1) {
    const isSame = high <= clearFactor ** 2 * low;
    return `${isSame ? "It takes about the same time" : "Its time is too noisy to compare here"}: half of the runs in turns took ${low.toFixed(2)} to ${high.toFixed(2)} of it.`;
  }
  return `It takes ${timeText(time)} of the time: ${after.toPrecision(2)} ms instead of ${before.toPrecision(2)}, medians of runs in turns.`;
}

/** The row of the file that was written. */
const writtenRow = ({ table, balanced }: PrunedModel): PrunedRow =>
  table.find(({ ranked }) => (ranked === "balanced") === balanced) as PrunedRow;

/** What was written, and where it was measured. */
function summaryText(document: PrunedModel, file: string): string {
  const { groups, by, fraction, multiple, balanced, bytes, table, measured, apart } = document;
  const gone = groups.filter(({ removed }) => removed > 0);
  const units = gone.reduce((sum, { removed }) => sum + removed, 0);
  if (by === "units" && units === 0) {
    const kept = groups.filter(({ reason }) => reason === null).map(({ size }) => size);
    const steps = multiple === 1 ? "" : ` in multiples of ${multiple} channels`;
    const why =
      kept.length === 0
        ? "the file has no group of units that can go"
        : `a fraction of ${fraction}${steps} takes none of the largest group, which has ${Math.max(...kept)}`;
    return `no units removed, as ${why}: it is ${file} as it was.`;
  }
  if (fraction === 0)
    return `no weights removed, as the fraction is 0: the table says how far outputs moved on ${measured}.`;
  const what =
    by === "units" ? `${units} units of ${countText(gone.length, "group")} removed` : `pruned by ${by}`;
  const others = apart ? "on other examples" : "on the same examples, as there is one batch alone";
  const { time, constant } = writtenRow(document);
  const choice = table.length > 1 && !constant ? `, the better ranking ${others}` : "";
  const speed = time ? ` ${speedText(time)}` : "";
  return `${what}, ranked by weights ${balanced ? "after balance" : "as they are"}${choice}, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}.${speed} It computes something else: the table says how far outputs moved on ${measured}.`;
}
