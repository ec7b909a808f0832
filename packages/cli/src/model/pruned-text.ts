// What pruning came to, as text.
import type { PrunedModel } from "../commands/model-prune.js";
import { textList, textTable } from "../experiments/results/table.js";
import { bytesText } from "./bytes-text.js";
import { errorCells } from "./measured-change.js";

/** The table of files, groups that were left, and what was written. */
export function prunedText(document: PrunedModel, file: string, out: string): string {
  const { columns, rows } = prunedTable(document);
  const left = document.groups.filter(({ reason }) => reason !== null);
  const entries = left.map(({ parameters, size, reason }): [string, string] => [
    `${size} units of ${parameters.join(", ")}`,
    reason ?? "",
  ]);
  return [
    textTable(columns, rows),
    ...(entries.length === 0 ? [] : [`left as they are\n${textList(entries)}`]),
    `Wrote ${out}: ${prunedSummary(document, file)}`,
  ].join("\n\n");
}

/** The table of files. */
export const prunedTable = ({
  table,
}: PrunedModel): { readonly columns: readonly string[]; readonly rows: readonly (readonly string[])[] } => ({
  columns: ["ranked", "SQNR", "same largest", "numbers", "zeros", "size"],
  rows: table.map((row) => [
    row.ranked,
    ...errorCells(row),
    `${row.numbers}`,
    `${((100 * row.zeros) / row.numbers).toFixed(1)} %`,
    bytesText(row.bytes),
  ]),
});

/** What was written, and where it was measured. */
export function prunedSummary(
  { groups, by, fraction, balanced, bytes, measured }: PrunedModel,
  file: string,
): string {
  const gone = groups.filter(({ removed }) => removed > 0);
  const units = gone.reduce((sum, { removed }) => sum + removed, 0);
  if (by === "units" && units === 0) {
    const kept = groups.filter(({ reason }) => reason === null).map(({ size }) => size);
    const why =
      kept.length === 0
        ? "the file has no group of units that can go"
        : `a fraction of ${fraction} takes none of the largest group, which has ${Math.max(...kept)}`;
    return `no units removed, as ${why}: it is ${file} as it was.`;
  }
  const what =
    by === "units"
      ? `${units} units of ${gone.length} ${gone.length === 1 ? "group" : "groups"} removed`
      : `pruned by ${by}`;
  return `${what}, ranked by weights ${balanced ? "after balance" : "as they are"}, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. It computes something else: the table says how far outputs moved on ${measured}.`;
}
