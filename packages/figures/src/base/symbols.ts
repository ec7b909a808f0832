type Point = readonly [number, number];

/** Corners of a shape around the origin, whose size is about that of a circle of radius 1. */
const shapes = {
  square: [
    [-0.89, -0.89],
    [0.89, -0.89],
    [0.89, 0.89],
    [-0.89, 0.89],
  ],
  triangle: [
    [0, -1.35],
    [1.17, 0.68],
    [-1.17, 0.68],
  ],
  diamond: [
    [0, -1.4],
    [1.1, 0],
    [0, 1.4],
    [-1.1, 0],
  ],
  wedge: [
    [0, 1.35],
    [1.17, -0.68],
    [-1.17, -0.68],
  ],
  star: Array.from({ length: 10 }, (_, i): Point => {
    const [angle, radius] = [(Math.PI * i) / 5, i % 2 ? 0.72 : 1.7];
    return [radius * Math.sin(angle), -radius * Math.cos(angle)];
  }),
  cross: [
    [-1.2, -0.8],
    [-0.8, -1.2],
    [0, -0.4],
    [0.8, -1.2],
    [1.2, -0.8],
    [0.4, 0],
    [1.2, 0.8],
    [0.8, 1.2],
    [0, 0.4],
    [-0.8, 1.2],
    [-1.2, 0.8],
    [-0.4, 0],
  ],
} as const satisfies Record<string, readonly Point[]>;

export type SymbolName = "circle" | keyof typeof shapes;

const order: readonly SymbolName[] = ["circle", "square", "triangle", "diamond", "wedge"];

/** The symbol of the i-th series. */
export const symbolOf = (i: number): SymbolName => order[i % order.length];

/** What Plot takes as a symbol: a function that draws one of an area in square px. */
interface DrawnSymbol {
  draw(context: Pick<CanvasPath, "moveTo" | "lineTo" | "closePath">, size: number): void;
}

/** A symbol for Plot's dots. */
export function plotSymbol(name: SymbolName): "circle" | DrawnSymbol {
  if (name === "circle") return name;
  return {
    draw(context, size) {
      const r = Math.sqrt(size / Math.PI);
      for (const [i, [x, y]] of shapes[name].entries()) {
        if (i === 0) context.moveTo(x * r, y * r);
        else context.lineTo(x * r, y * r);
      }
      context.closePath();
    },
  };
}

/** The outline of a symbol around a point, for `d` of a path. */
export function symbolPath(name: SymbolName, cx: number, cy: number, r: number): string {
  if (name === "circle") {
    return `M${cx - r},${cy}A${r},${r} 0 1,1 ${cx + r},${cy}A${r},${r} 0 1,1 ${cx - r},${cy}Z`;
  }
  return `M${shapes[name].map(([x, y]) => `${cx + x * r},${cy + y * r}`).join("L")}Z`;
}
