import { need, needNames } from "./base/check.js";
import { escaped } from "./base/text.js";

/** A value, with the spread of its runs if there is one; null where there is none. */
export type Cell = number | { readonly mean: number; readonly spread: number } | null;

export interface TableColumn {
  readonly name: string;
  /** Which values are good; a column without it has no best value. */
  readonly direction?: "higher" | "lower";
  /** Digits after the point; default 2. */
  readonly digits?: number;
  /** A heading above neighbors of the same group, such as a task. */
  readonly group?: string;
}

export interface TableRow {
  readonly name: string;
  /** One a column. */
  readonly values: readonly Cell[];
}

export interface TaskTableData {
  readonly columns: readonly TableColumn[];
  readonly rows: readonly TableRow[];
  readonly caption?: string;
  /** What the rows are; default `method`. */
  readonly rowLabel?: string;
}

/**
 * Methods by metrics as an HTML table: headings with scopes, an arrow for each metric's direction, the best values
 * strong. Values that print alike are best together.
 *
 * @throws OptionError without columns or rows, or for a row with another number of values than columns
 * @example
 * const columns = [{ name: "mIoU", direction: "higher" }] as const;
 * taskTable({ columns, rows: [{ name: "LS", values: [0.31] }, { name: "COST", values: [0.33] }] });
 */
export function taskTable({ columns, rows, caption, rowLabel = "method" }: TaskTableData): string {
  check(columns, rows);
  const texts = rows.map(({ values }) => values.map((cell, c) => textOf(cell, columns[c])));
  const best = columns.map((column, c) =>
    bestOf(
      column,
      rows.map(({ values }) => values[c]),
    ),
  );
  const isBest = (r: number, c: number) => {
    const mean = meanOf(rows[r].values[c]);
    const top = best[c];
    return top !== undefined && mean !== undefined && fixed(mean, columns[c]) === fixed(top, columns[c]);
  };
  const grouped = columns.some(({ group }) => group !== undefined);
  const head = [
    ...(grouped
      ? [`<tr><th rowspan="2" scope="col">${escaped(rowLabel)}</th>${groupsOf(columns)}</tr>`]
      : []),
    `<tr>${grouped ? "" : `<th scope="col">${escaped(rowLabel)}</th>`}${columns.map(heading).join("")}</tr>`,
  ];
  const body = rows.map(({ name }, r) => {
    const cells = texts[r].map((text, c) =>
      isBest(r, c) ? `<td class="best"><strong>${text}</strong></td>` : `<td>${text}</td>`,
    );
    return `<tr><th scope="row">${escaped(name)}</th>${cells.join("")}</tr>`;
  });
  return [
    '<table class="isoloss-table">',
    ...(caption ? [`<caption><span>${escaped(caption)}</span></caption>`] : []),
    "<thead>",
    ...head,
    "</thead>",
    "<tbody>",
    ...body,
    "</tbody>",
    "</table>\n",
  ].join("\n");
}

function check(columns: readonly TableColumn[], rows: readonly TableRow[]): void {
  need(columns.length > 0, "taskTable: columns is empty; give at least one.");
  need(rows.length > 0, "taskTable: rows is empty; give at least one.");
  needNames("taskTable", rows);
  for (const { name, direction, digits = 2 } of columns) {
    need(
      direction === undefined || direction === "higher" || direction === "lower",
      `taskTable: the direction of "${name}" must be higher or lower; got ${JSON.stringify(direction)}.`,
    );
    need(
      Number.isInteger(digits) && digits >= 0 && digits <= 20,
      `taskTable: the digits of "${name}" must be an integer from 0 to 20; got ${digits}.`,
    );
  }
  for (const { name, values } of rows) {
    need(
      values.length === columns.length,
      `taskTable: "${name}" has ${values.length} values for ${columns.length} columns; write null where there is none.`,
    );
  }
}

function groupsOf(columns: readonly TableColumn[]): string {
  const groups: { name: string; span: number }[] = [];
  for (const { group = "" } of columns) {
    const last = groups.at(-1);
    if (last?.name === group) last.span++;
    else groups.push({ name: group, span: 1 });
  }
  return groups
    .map(({ name, span }) =>
      name === ""
        ? `<td colspan="${span}"></td>`
        : `<th colspan="${span}" scope="colgroup">${escaped(name)}</th>`,
    )
    .join("");
}

function heading({ name, direction }: TableColumn): string {
  if (direction === undefined) return `<th scope="col">${escaped(name)}</th>`;
  const arrow = direction === "higher" ? "↑" : "↓";
  return `<th scope="col">${escaped(name)} <span aria-label="${direction} is better" role="img">${arrow}</span></th>`;
}

const meanOf = (cell: Cell): number | undefined => {
  const mean = typeof cell === "number" ? cell : cell?.mean;
  return mean !== undefined && Number.isFinite(mean) ? mean : undefined;
};

function bestOf({ direction }: TableColumn, cells: readonly Cell[]): number | undefined {
  const means = cells.map(meanOf).filter((mean) => mean !== undefined);
  // A single value is not marked as the best.
  if (direction === undefined || means.length < 2) return undefined;
  return means.reduce((a, b) => (direction === "higher" ? Math.max(a, b) : Math.min(a, b)));
}

// A value that rounds to 0 is printed without a sign.
const fixed = (value: number, { digits = 2 }: TableColumn): string =>
  value
    .toFixed(digits)
    .replace(/^-(?=0(\.0*)?$)/, "")
    .replace("-", "−");

function textOf(cell: Cell, column: TableColumn): string {
  const mean = meanOf(cell);
  if (mean === undefined) return cell === null ? "–" : "diverged";
  if (typeof cell === "number" || cell === null) return fixed(mean, column);
  return Number.isFinite(cell.spread)
    ? `${fixed(mean, column)} ± ${fixed(cell.spread, column)}`
    : fixed(mean, column);
}
