import type { LayerSummary } from "./layers.js";
import type { Summary } from "./summary.js";

const grouped = (n: number): string => n.toLocaleString("en-US");
const shapeText = (shape: readonly number[]): string => `[${shape.join(", ")}]`;

const units = ["B", "kB", "MB", "GB", "TB"];

function bytesText(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toPrecision(3)} ${units[power]}`;
}

const columns: readonly (readonly [string, (layer: LayerSummary) => string, "left" | "right"])[] = [
  ["layer", ({ name }) => name, "left"],
  ["operations", ({ operations }) => operations.join(" "), "left"],
  ["output", ({ output }) => shapeText(output), "left"],
  ["parameters", ({ parameters }) => grouped(parameters), "right"],
  ["multiply-adds", ({ multiplyAdds }) => grouped(multiplyAdds), "right"],
];

/**
 * A summary as a table: a line a layer, and the sums below.
 *
 * @example
 * const text = summaryText(summary(mlp({ sizes: [784, 16, 10] }), [1, 784]));
 * text.includes("12,730 parameters"); // true
 */
export function summaryText(summary: Summary): string {
  const rows = [
    columns.map(([title]) => title),
    ...summary.layers.map((layer) => columns.map(([, of]) => of(layer))),
  ];
  const widths = columns.map((_, c) => Math.max(...rows.map((row) => row[c].length)));
  const table = rows.map((row) =>
    row
      .map((cell, c) => (columns[c][2] === "left" ? cell.padEnd(widths[c]) : cell.padStart(widths[c])))
      .join("  ")
      .trimEnd(),
  );
  const { parameters, state, multiplyAdds, flops, memory, outputs } = summary;
  const carried = state > 0 ? `, and ${grouped(state)} numbers of state` : "";
  const results = Object.entries(outputs).map(([name, shape]) =>
    name === "result" ? shapeText(shape) : `${name} ${shapeText(shape)}`,
  );
  const parts = `${bytesText(memory.parameters)} of parameters, ${bytesText(memory.results)} of results and gradients`;
  return [
    ...table,
    "",
    `${grouped(parameters)} parameters${carried}; output ${results.join(", ")}`,
    `${grouped(multiplyAdds)} multiply-adds, ${grouped(flops)} FLOPs`,
    `a training step needs ${bytesText(memory.parameters + memory.results)}: ${parts}`,
  ].join("\n");
}
