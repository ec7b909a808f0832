import type { FigureOptions } from "../figures/frame.js";
import type { TableColumn, TaskTableData } from "../figures/task-table.js";
import type { Finding } from "./findings.js";
import type { JobResult } from "./job.js";
import { textTable } from "./table.js";

/** What the runs of an experiment say side by side, where a kind has more to say than the loss. */
export interface Together {
  /** The results with what only shows beside others, such as a rank, among their metrics. */
  compare?(results: readonly JobResult[]): readonly JobResult[];
  tables?(results: readonly JobResult[]): readonly TaskTableData[];
  /** What they say of teleports. */
  findings?(results: readonly JobResult[]): readonly Finding[];
  /** Figures by the names that experiments call them. */
  readonly figures?: Readonly<Record<string, DrawTogether>>;
}

export type DrawTogether = (
  results: readonly JobResult[],
  options: () => FigureOptions,
) => Promise<readonly { readonly name: string; readonly element: SVGSVGElement }[]>;

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
