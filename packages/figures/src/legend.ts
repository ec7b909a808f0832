import { type SymbolName, symbolPath } from "./base/symbols.js";
import { textWidth } from "./base/text.js";
import type { Theme } from "./base/theme.js";
import { element } from "./svg.js";

/** A text, and the key before it. */
export type LegendEntry = { readonly label: string } & (
  | {
      readonly key: "line";
      readonly color: string;
      readonly dash?: string | undefined;
      readonly width?: number;
    }
  | {
      readonly key: "symbol";
      readonly color: string;
      readonly symbol: SymbolName;
      readonly hollow?: boolean;
    }
  | { readonly key: "tick"; readonly color: string }
  | { readonly key: "ramp"; readonly colors: readonly string[] }
);

const fontSize = 13;
const rowHeight = 20;
const gap = 18;

const keyWidth = (entry: LegendEntry): number =>
  entry.key === "ramp" ? 12 * entry.colors.length : entry.key === "line" ? 26 : 12;

/** Rows of keys and labels, as wide as `width`; `height` is 0 without entries. */
export function legend(
  document: Document,
  entries: readonly LegendEntry[],
  { width, theme }: { readonly width: number; readonly theme: Theme },
): { readonly group: SVGElement; readonly height: number } {
  const group = element(document, "g", { "font-size": fontSize, "text-anchor": "start" });
  let [x, row] = [0, 0];
  for (const entry of entries) {
    const left = keyWidth(entry) + 6;
    const size = left + textWidth(entry.label, fontSize);
    if (x > 0 && x + size > width) [x, row] = [0, row + 1];
    const y = row * rowHeight + rowHeight / 2;
    for (const node of keyNodes(document, entry, x, y, theme)) group.appendChild(node);
    const text = { x: x + left, y, dy: "0.35em", fill: "currentColor" };
    group.appendChild(element(document, "text", text, entry.label));
    x += size + gap;
  }
  return { group, height: entries.length === 0 ? 0 : (row + 1) * rowHeight };
}

function keyNodes(document: Document, entry: LegendEntry, x: number, y: number, theme: Theme): SVGElement[] {
  switch (entry.key) {
    case "line": {
      const { color: stroke, dash, width = 2 } = entry;
      const ends = { x1: x, x2: x + 26, y1: y, y2: y };
      return [
        element(document, "line", { ...ends, stroke, "stroke-width": width, "stroke-dasharray": dash }),
      ];
    }
    case "symbol": {
      const d = symbolPath(entry.symbol, x + 6, y, 4.5);
      const colors = entry.hollow
        ? { fill: theme.paper, stroke: entry.color, "stroke-width": 1.6 }
        : { fill: entry.color };
      return [element(document, "path", { d, ...colors })];
    }
    case "tick":
      return [
        element(document, "line", {
          x1: x + 6,
          x2: x + 6,
          y1: y - 6,
          y2: y + 6,
          stroke: entry.color,
          "stroke-width": 2,
        }),
      ];
    case "ramp":
      return entry.colors.map((fill, i) =>
        element(document, "rect", { x: x + 12 * i, y: y - 6, width: 12, height: 12, fill }),
      );
  }
}
