import { stripVTControlCharacters } from "node:util";
import type { TableColumn, TaskTableData } from "isoloss-figures";

/** Rows of text in columns: the first is aligned on the left, the others on the right. */
export function textTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows];
  const width = (text: string) => stripVTControlCharacters(text).length;
  const widths = head.map((_, c) => Math.max(...lines.map((line) => width(line[c] ?? ""))));
  const pad = (text: string, c: number) => " ".repeat(widths[c] - width(text));
  return lines
    .map((line) =>
      line
        .map((cell, c) => (c === 0 ? cell + pad(cell, c) : pad(cell, c) + cell))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Entries with one line each, their names in a column. */
export function textList(entries: readonly (readonly [string, string])[], indent = "  "): string {
  const width = Math.max(...entries.map(([name]) => name.length));
  return entries.map(([name, text]) => `${indent}${name.padEnd(width)}  ${text}`).join("\n");
}

/** A table of {@link TaskTableData} as text, with an arrow for the direction of each metric. */
export function textOfTable({ columns, rows, caption }: TaskTableData): string {
  const arrow = { higher: " ^", lower: " v" };
  const head = ({ name, direction, group }: TableColumn) =>
    `${group ? `${group} ` : ""}${name}${direction ? arrow[direction] : ""}`;
  const lines = rows.map(({ name, values }) => [
    name,
    ...values.map((cell, c) => {
      if (cell === null) return "-";
      const { digits = 2 } = columns[c];
      if (typeof cell === "number") return Number.isFinite(cell) ? cell.toFixed(digits) : "diverged";
      return `${cell.mean.toFixed(digits)} +- ${cell.spread.toFixed(digits)}`;
    }),
  ]);
  return `${caption ? `${caption}\n` : ""}${textTable(["", ...columns.map(head)], lines)}`;
}
