// What pruning came to, as text.
import type { PrunedModel } from "../commands/model-prune.js";
import { textTable } from "../experiments/results/table.js";
import { bytesText } from "./bytes-text.js";
import { stopsText } from "./discovery.js";
import { errorCells, errorColumns } from "./measured-change.js";

interface Cells {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The tables of files and of groups, and what was written. */
export function prunedText(document: PrunedModel, file: string, out: string): string {
  const tables = [prunedTable(document), ...(document.groups.length === 0 ? [] : [keptTable(document)])];
  return [
    ...tables.map(({ columns, rows }) => textTable(columns, rows)),
    ...sameText(document),
    `Wrote ${out}: ${prunedSummary(document, file)}`,
  ].join("\n\n");
}

function sameText({ stops, by, groups }: PrunedModel): string[] {
  if (stops === null) return [];
  // Where nothing is removed, that is the reason, and not the operators.
  const isWhole = by === "units" && groups.every(({ removed }) => removed === 0);
  const why = isWhole || stops.length === 0 ? "" : ` ${stopsText(stops)}`;
  return [`Both rankings give the same file.${why}`];
}

/** The table of files. */
export function prunedTable({ table }: PrunedModel): Cells {
  const isChosen = table.length > 1;
  const isTimed = table.some(({ time }) => time !== null);
  return {
    columns: [
      ...["ranked", ...(isChosen ? ["chosen by"] : []), ...errorColumns, "numbers", "zeros", "size"],
      ...(isTimed ? ["time"] : []),
    ],
    rows: table.map((row) => [
      row.ranked,
      ...(row.chosenBy ? errorCells({ ...row, ...row.chosenBy, sqnrInterval: null }).slice(0, 1) : []),
      ...errorCells(row),
      `${row.numbers}`,
      `${((100 * row.zeros) / row.numbers).toFixed(1)} %`,
      bytesText(row.bytes),
      ...(row.time ? [timeText(row.time)] : []),
    ]),
  };
}

const timeText = ({ ratio, quartiles }: NonNullable<PrunedModel["table"][number]["time"]>): string =>
  `${ratio.toFixed(2)} [${quartiles.map((q) => q.toFixed(2)).join(", ")}]`;

/** How many units each group keeps. */
export const keptTable = ({ groups }: PrunedModel): Cells => ({
  columns: ["layers with the same units", "units", "kept", "why all"],
  rows: groups.map(({ parameters: [first, ...others], size, removed, reason }) => [
    others.length === 0 ? first : `${first} and ${others.length} more`,
    `${size}`,
    `${size - removed}`,
    reason ?? "",
  ]),
});

/** What was written, and where it was measured. */
export function prunedSummary(document: PrunedModel, file: string): string {
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
    by === "units"
      ? `${units} units of ${gone.length} ${gone.length === 1 ? "group" : "groups"} removed`
      : `pruned by ${by}`;
  const others = apart ? "on other examples" : "on the same examples, as there is one batch alone";
  const choice = table.length > 1 ? `, the better ranking ${others}` : "";
  const { time } = table.find(({ ranked }) => (ranked === "balanced") === balanced) as (typeof table)[number];
  const speed = time
    ? ` It takes ${timeText(time)} of the time: ${time.after.toPrecision(2)} ms instead of ${time.before.toPrecision(2)}, medians of runs in turns.`
    : "";
  return `${what}, ranked by weights ${balanced ? "after balance" : "as they are"}${choice}, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}.${speed} It computes something else: the table says how far outputs moved on ${measured}.`;
}
