// What a conversion to float16 came to, as text.
import type { HalfCounts } from "isoloss/onnx";
import type { Half, HalfRow } from "../commands/model-half.js";
import { formatNumber } from "../experiments/results/format-number.js";
import { textTable } from "../experiments/results/table.js";
import { bytesText } from "./bytes-text.js";
import { errorCells, errorColumns } from "./measured-change.js";

/** The table of files, and what was written. */
export function halfText(document: Half, file: string, out: string): string {
  const { columns, rows } = halfTable(document);
  const wrote = document.out === null ? "Not written to" : "Wrote";
  const what = [...notFinite(document.table[0], document.measured), halfSummary(document, file)].join(". ");
  return [textTable(columns, rows), `${wrote} ${out}: ${what}`].join("\n\n");
}

/** Whether all outputs of a file are finite, on each of the two ways to run it. */
export const hasFiniteOutputs = ({ rounded, broken }: HalfRow): boolean => rounded !== null && !broken;

/** Where and on which data the outputs of a file are not finite; empty where they are. */
export function notFinite(row: HalfRow, measured: string): readonly string[] {
  if (hasFiniteOutputs(row)) return [];
  const where = row.rounded === null ? "with every result rounded to float16" : "as the file is run";
  return [`${where}, its outputs are not finite on ${measured}`];
}

/** How the new file differs, and where it was measured. */
export const halfSummary = ({ bytes, moved, measured }: Half, file: string): string =>
  `${moved === 1 ? "1 unit" : `${moved} units`} scaled by powers of two, ${bytesText(bytes.after)} instead of the ${bytesText(bytes.before)} of ${file}. SQNR and same largest are of ONNX Runtime, or JavaScript without it, on ${measured}.`;

/** The table of files. */
export function halfTable({ table }: Half): {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
} {
  const counts = (own: HalfCounts | null) =>
    own === null ? "-" : `${own.overflows} / ${own.subnormals} of ${own.numbers}`;
  const rows = table.map((row) => [
    row.numbers,
    counts(row.weights),
    counts(row.activations),
    row.rounded === null ? "not finite" : formatNumber(row.rounded, 2),
    ...errorCells(row),
  ]);
  return {
    columns: [
      "numbers",
      "stored over / below",
      "activations over / below",
      "error, rounded",
      ...errorColumns,
    ],
    rows,
  };
}
