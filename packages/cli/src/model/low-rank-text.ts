// What a reduction of rank came to, as text.
import type { LowRankModel } from "../commands/model-low-rank.js";
import { formatNumber } from "../experiments/results/format-number.js";
import { textList, textTable } from "../experiments/results/table.js";
import { bytesText } from "./bytes-text.js";
import { errorCells, errorColumns } from "./measured-change.js";

/** The table of files, the spaces, and what was written. */
export function lowRankText(document: LowRankModel, file: string, out: string): string {
  const { groups } = document;
  if (groups.length === 0) {
    return `No space is touched by linear maps alone: activations and normalizations stand between all layers. Wrote ${out} as it was.`;
  }
  const [table, spaces] = [lowRankTable(document), spacesTable(document)];
  const left = groups.filter(({ reason }) => reason !== null);
  const entries = left.map((group): [string, string] => [spaceOf(group), group.reason ?? ""]);
  return [
    textTable(table.columns, table.rows),
    textTable(spaces.columns, spaces.rows),
    ...(entries.length === 0 ? [] : [`left as they are\n${textList(entries)}`]),
    `Wrote ${out}: ${lowRankSummary(document, file)}`,
  ].join("\n\n");
}

interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The table of files. */
export const lowRankTable = ({ table }: LowRankModel): Table => ({
  columns: ["spaces", ...errorColumns, "numbers", "size"],
  rows: table.map((row) => [row.spaces, ...errorCells(row), `${row.numbers}`, bytesText(row.bytes)]),
});

/** The spaces, with their ranks. */
export const spacesTable = ({ groups }: LowRankModel): Table => ({
  columns: ["space", "size", "rank", "error of the product"],
  rows: groups.map((group) => [
    spaceOf(group),
    group.copies === 1 ? `${group.size}` : `${group.copies} x ${group.size}`,
    `${group.rank}`,
    formatNumber(group.error, 2),
  ]),
});

const spaceOf = ({ parameters: [first, ...others] }: LowRankModel["groups"][number]): string =>
  others.length === 0 ? first : `${first} and ${others.length} more`;

/** What was written, and where it was measured. */
export function lowRankSummary(document: LowRankModel, file: string): string {
  const { groups, table, bytes, measured } = document;
  const smaller = groups.filter((group) => group.rank < group.size).length;
  const spaces = `${smaller} of ${groups.length} ${groups.length === 1 ? "space" : "spaces"} smaller`;
  // A truncation that takes no more than rank that is not used leaves as many numbers.
  const isExact = smaller === 0 || table.every(({ numbers }) => numbers === table[0].numbers);
  const what = isExact
    ? `${smaller === 0 ? "Nothing" : "No rank that is used"} was removed, and it computes the same to rounding`
    : "It computes something else where rank was used";
  return `${spaces}, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. ${what}: the table says how far outputs moved on ${measured}.`;
}
