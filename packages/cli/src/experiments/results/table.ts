import { stripVTControlCharacters } from "node:util";
import type { TableColumn, TaskTableData } from "isoloss-figures";
import { lineWidth } from "../../terminal.js";

/**
 * Rows of text in columns: the first is aligned on the left, the others on the right. What is wider than `width` goes on below,
 * in a table of the remaining columns.
 *
 * @param width default the terminal's
 */
export function textTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  width = lineWidth(process.stdout),
): string {
  const lines = [head, ...rows].map((line) => line.map(inOneLine));
  const widths = head.map((_, c) => Math.max(...lines.map((line) => textLength(line[c] ?? ""))));
  const tables = columnGroups(widths, width).map((columns) =>
    lines
      .map((line) =>
        columns
          .map((c) => {
            const cell = line[c] ?? "";
            const gap = " ".repeat(widths[c] - textLength(cell));
            return c === 0 ? cell + gap : gap + cell;
          })
          .join(separator)
          .trimEnd(),
      )
      .join("\n"),
  );
  return tables.join("\n\n");
}

/** A cell whose lines, as names in a model file may have them, are one. */
const inOneLine = (cell: string): string => cell.replaceAll("\n", "\\n");

const separator = "  ";

const textLength = (text: string): number => stripVTControlCharacters(text).length;

/** Columns that fit beside each other, each group with the first one: at least one other, however wide. */
function columnGroups(widths: readonly number[], width: number): number[][] {
  const [first = 0, ...others] = widths;
  const groups: number[][] = [[0]];
  let used = first;
  others.forEach((own, i) => {
    const isFull = used + separator.length + own > width && (groups.at(-1) as number[]).length > 1;
    if (isFull) {
      groups.push([0]);
      used = first;
    }
    (groups.at(-1) as number[]).push(i + 1);
    used += separator.length + own;
  });
  return groups;
}

/** Entries with one line each, their names in a column; lines that are too long go on below their text. */
export function textList(
  entries: readonly (readonly [string, string])[],
  indent = "  ",
  width = lineWidth(process.stdout),
): string {
  const name = Math.max(...entries.map(([key]) => key.length));
  const start = indent.length + name + separator.length;
  // Where there is no room for a few words the terminal breaks the lines.
  const room = width - start < 20 ? Number.POSITIVE_INFINITY : width - start;
  return entries
    .map(([key, text]) => {
      const lines = wrapped(text, room).join(`\n${" ".repeat(start)}`);
      return `${indent}${key.padEnd(name)}${separator}${lines}`;
    })
    .join("\n");
}

/** Lines of at most so many characters, broken at spaces. */
function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last === undefined || last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
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
  return `${caption ? `${caption.replaceAll("±", "+-")}\n` : ""}${textTable(["", ...columns.map(head)], lines)}`;
}

export interface TextTable {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** Columns of a table: the title, and the cell of a row. */
export type Columns<R> = readonly (readonly [title: string, cell: (row: R) => string])[];

export const tableOf = <R>(columns: Columns<R>, rows: readonly R[]): TextTable => ({
  columns: columns.map(([title]) => title),
  rows: rows.map((row) => columns.map(([, cell]) => cell(row))),
});

/** The same as text. */
export function tableText<R>(columns: Columns<R>, rows: readonly R[]): string {
  const table = tableOf(columns, rows);
  return textTable(table.columns, table.rows);
}

/** A name, and how many others there are. */
export const firstOf = ([first, ...others]: readonly string[]): string =>
  others.length === 0 ? first : `${first} and ${others.length} more`;
