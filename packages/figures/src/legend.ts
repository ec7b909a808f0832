import { type SymbolName, symbolPath } from "./base/symbols.js";
import { textWidth } from "./base/text.js";
import type { Theme } from "./base/theme.js";
import { element } from "./svg.js";

/** The symbol before an entry's text. */
export type Key =
  | { readonly kind: "line"; readonly color: string; readonly dash?: string; readonly width?: number }
  | {
      readonly kind: "symbol";
      readonly color: string;
      readonly symbol: SymbolName;
      readonly hollow?: boolean;
    }
  | { readonly kind: "tick"; readonly color: string }
  | { readonly kind: "ramp"; readonly colors: readonly string[] };

export interface LegendEntry {
  readonly label: string;
  readonly key: Key;
}

const fontSize = 13;
const rowHeight = 20;
const gap = 18;

const keyWidth = (key: Key): number =>
  key.kind === "ramp" ? 12 * key.colors.length : key.kind === "line" ? 26 : 12;

/** Rows of keys and labels, as wide as `width`; `height` is 0 without entries. */
export function legend(
  document: Document,
  entries: readonly LegendEntry[],
  { width, theme }: { readonly width: number; readonly theme: Theme },
): { readonly group: SVGElement; readonly height: number } {
  const group = element(document, "g", { "font-size": fontSize, "text-anchor": "start" });
  let [x, row] = [0, 0];
  for (const { label, key } of entries) {
    const size = keyWidth(key) + 6 + textWidth(label, fontSize);
    if (x > 0 && x + size > width) [x, row] = [0, row + 1];
    const y = row * rowHeight + rowHeight / 2;
    for (const node of keyNodes(document, key, x, y, theme)) group.appendChild(node);
    const text = { x: x + keyWidth(key) + 6, y, dy: "0.35em", fill: "currentColor" };
    group.appendChild(element(document, "text", text, label));
    x += size + gap;
  }
  return { group, height: entries.length === 0 ? 0 : (row + 1) * rowHeight };
}

function keyNodes(document: Document, key: Key, x: number, y: number, theme: Theme): SVGElement[] {
  switch (key.kind) {
    case "line": {
      const { color: stroke, dash, width = 2 } = key;
      const ends = { x1: x, x2: x + 26, y1: y, y2: y };
      return [
        element(document, "line", { ...ends, stroke, "stroke-width": width, "stroke-dasharray": dash }),
      ];
    }
    case "symbol": {
      const d = symbolPath(key.symbol, x + 6, y, 4.5);
      const colors = key.hollow
        ? { fill: theme.paper, stroke: key.color, "stroke-width": 1.6 }
        : { fill: key.color };
      return [element(document, "path", { d, ...colors })];
    }
    case "tick":
      return [
        element(document, "line", {
          x1: x + 6,
          x2: x + 6,
          y1: y - 6,
          y2: y + 6,
          stroke: key.color,
          "stroke-width": 2,
        }),
      ];
    case "ramp":
      return key.colors.map((fill, i) =>
        element(document, "rect", { x: x + 12 * i, y: y - 6, width: 12, height: 12, fill }),
      );
  }
}
