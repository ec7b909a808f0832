// RFC 4180: comma-separated values, lines ended by CR LF, fields quoted where they need it.

import { leaves } from "../dotted-path.js";
import type { JsonRecord } from "../run/json-lines.js";

/**
 * Records as a table: a column for each key, in the order in which keys first appear. What is nested has a column a
 * part, `tasks.0` and `validation.loss`. A value that is missing or null is an empty field.
 *
 * @example
 * toCsv([{ step: 0, loss: 2.5 }, { step: 1, loss: 2 }]); // "step,loss\r\n0,2.5\r\n1,2\r\n"
 */
export function toCsv(records: readonly JsonRecord[]): string {
  const rows = records.map((record) => new Map(leaves(record)));
  const columns = [...new Set(rows.flatMap((row) => [...row.keys()]))];
  if (columns.length === 0) return "";
  const lines = [columns, ...rows.map((row) => columns.map((column) => String(row.get(column) ?? "")))];
  return lines.map((line) => `${line.map(quoted).join(",")}\r\n`).join("");
}

const quoted = (text: string): string =>
  /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
