// The graph on a canvas: only what is inside the window is drawn, and only as much as can be read at its zoom.
import type { Theme } from "isoloss-figures/base";
import type { Size } from "../../charts/canvas.js";
import { type Box, type GraphLayout, lineHeight, tagLines, titleOf } from "./layout.js";
import type { Leg, Legs } from "./legs.js";
import type { GraphNode, ModelGraph } from "./model-graph.js";

/** What the graph is drawn on. */
export type GraphContext = Pick<
  CanvasRenderingContext2D,
  | ("beginPath" | "moveTo" | "lineTo" | "quadraticCurveTo" | "closePath" | "roundRect" | "fill" | "stroke")
  | ("clearRect" | "fillText" | "measureText" | "setLineDash" | "save" | "restore" | "translate" | "scale")
  | ("fillStyle" | "strokeStyle" | "lineWidth" | "font" | "textAlign" | "textBaseline" | "globalAlpha")
>;

/** The part of the layout that is seen: its corner in the window's px, and how large the layout is drawn. */
export interface View {
  readonly left: number;
  readonly top: number;
  readonly zoom: number;
}

export interface Marks {
  readonly legs: Legs | undefined;
  readonly selected: number | undefined;
  /** Nodes that a search found. */
  readonly matches: ReadonlySet<number>;
}

/** Below these zooms tags, and all texts, are too small to be read. */
const [readable, legible] = [0.45, 0.25];

const families: readonly (readonly [series: number, operators: RegExp])[] = [
  [0, /^(Conv|ConvTranspose|Gemm|MatMul|LSTM|GRU|RNN|Attention|Einsum)/],
  [2, /(Relu|Elu|Selu|Celu|Gelu|Sigmoid|Tanh|Softmax|Softplus|Erf|Clip|Swish|Mish|Exp|Sqrt)$/i],
  [3, /(Normalization|ReduceMean|ReduceSum|Pool)$/],
];

/** The color that tells an operator's family, beside its name. */
const familyOf = (op: string): number | undefined => families.find(([, names]) => names.test(op))?.[0];

export function drawGraph(
  context: GraphContext,
  graph: ModelGraph,
  layout: GraphLayout,
  view: View,
  size: Size,
  theme: Theme,
  { legs, selected, matches }: Marks,
): void {
  context.clearRect(0, 0, size.width, size.height);
  context.save();
  context.translate(-view.left, -view.top);
  context.scale(view.zoom, view.zoom);
  const [x0, y0] = [view.left / view.zoom, view.top / view.zoom];
  const [x1, y1] = [x0 + size.width / view.zoom, y0 + size.height / view.zoom];
  const isSeen = (a: number, b: number, c: number, d: number) => c >= x0 && a <= x1 && d >= y0 && b <= y1;
  const isBetween = (id: number) => legs?.between.has(id) ?? false;

  graph.edges.forEach(({ from, to }, i) => {
    const line = layout.lines[i];
    const [a, b, c, d] = boundsOf(line);
    if (!isSeen(a, b, c, d)) return;
    const isLit = isBetween(from) && isBetween(to);
    const isNear = selected === from || selected === to;
    context.globalAlpha = legs && !isLit ? 0.4 : 1;
    context.strokeStyle = isLit ? theme.series(0) : isNear ? theme.ink : theme.muted;
    context.lineWidth = Math.max(isLit ? 3 : isNear ? 2 : 1.25, (isLit ? 2 : 0.75) / view.zoom);
    drawLine(context, line);
  });
  for (const node of graph.nodes) {
    const box = layout.boxes[node.id];
    const [w, h] = [box.width / 2, box.height / 2];
    if (!isSeen(box.x - w - 90, box.y - h - 8, box.x + w + 90, box.y + h + 8)) continue;
    context.globalAlpha = legs && !isBetween(node.id) ? 0.45 : 1;
    drawNode(context, node, box, theme, {
      zoom: view.zoom,
      isSelected: node.id === selected,
      isMatch: matches.has(node.id),
      legs: legs?.nodes.get(node.id) ?? [],
    });
  }
  context.restore();
}

function boundsOf(line: readonly number[]): [number, number, number, number] {
  let [a, b, c, d] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < line.length; k += 2) {
    [a, c] = [Math.min(a, line[k]), Math.max(c, line[k])];
    [b, d] = [Math.min(b, line[k + 1]), Math.max(d, line[k + 1])];
  }
  return [a, b, c, d];
}

/** A smooth line with an arrow at its end. */
function drawLine(context: GraphContext, line: readonly number[]): void {
  const last = line.length - 2;
  context.beginPath();
  context.moveTo(line[0], line[1]);
  for (let k = 2; k < last; k += 2) {
    const isLast = k === last - 2;
    const [x, y] = isLast ? [line[last], line[last + 1]] : middle(line, k);
    context.quadraticCurveTo(line[k], line[k + 1], x, y);
  }
  if (last === 2) context.lineTo(line[2], line[3]);
  context.stroke();
  const [dx, dy] = [line[last] - line[last - 2], line[last + 1] - line[last - 1]];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [(6 * dx) / length, (6 * dy) / length];
  const [x, y] = [line[last], line[last + 1]];
  context.fillStyle = context.strokeStyle;
  context.beginPath();
  context.moveTo(x, y);
  context.lineTo(x - ux - uy / 2, y - uy + ux / 2);
  context.lineTo(x - ux + uy / 2, y - uy - ux / 2);
  context.closePath();
  context.fill();
}

const middle = (line: readonly number[], k: number): [number, number] => [
  (line[k] + line[k + 2]) / 2,
  (line[k + 1] + line[k + 3]) / 2,
];

interface NodeMarks {
  readonly zoom: number;
  readonly isSelected: boolean;
  readonly isMatch: boolean;
  readonly legs: readonly Leg[];
}

function drawNode(
  context: GraphContext,
  node: GraphNode,
  { x, y, width, height }: Box,
  theme: Theme,
  { zoom, isSelected, isMatch, legs }: NodeMarks,
): void {
  const [left, top] = [x - width / 2, y - height / 2];
  const family = familyOf(node.op);
  const isOperator = node.kind === "operator";
  const color = family === undefined ? theme.muted : theme.series(family);
  context.beginPath();
  context.roundRect(left, top, width, height, isOperator ? 6 : height / 2);
  context.fillStyle = zoom < legible ? color : isOperator ? theme.paper : theme.grid;
  context.fill();
  context.setLineDash(node.isKnown ? [] : [5, 3]);
  const line = isSelected || isMatch ? 3 : node.isKnown ? 1.25 : 2.5;
  context.lineWidth = Math.max(line, (0.6 * line) / zoom);
  context.strokeStyle = isSelected
    ? theme.ink
    : isMatch
      ? theme.series(4)
      : node.isKnown
        ? color
        : theme.series(1);
  context.stroke();
  context.setLineDash([]);
  if (zoom < legible) return;
  if (isOperator && family !== undefined) {
    context.beginPath();
    context.roundRect(left + 6, top + 8, 4, 10, 2);
    context.fillStyle = color;
    context.fill();
  }
  context.textAlign = "left";
  context.textBaseline = "middle";
  context.fillStyle = theme.ink;
  context.font = "600 13px system-ui, sans-serif";
  const title = node.isKnown ? titleOf(node) : `${titleOf(node)} ?`;
  context.fillText(title, left + (isOperator ? 16 : 12), top + 13.5, width - 20);
  if (zoom < readable) return;
  const own = node.weights.filter(({ isParameter }) => isParameter);
  context.font = "12px system-ui, sans-serif";
  tagLines(node).forEach((line, k) => {
    const leg = legs.find(({ parameter }) => own[k]?.name === parameter);
    const at = top + 28 + k * lineHeight + lineHeight / 2 - 2;
    if (leg) drawLeg(context, leg, left + width, at, theme);
    context.textAlign = "left";
    context.fillStyle = leg ? theme.ink : theme.muted;
    context.font = leg ? "600 12px system-ui, sans-serif" : "12px system-ui, sans-serif";
    context.fillText(line, left + 16, at, width - 24);
  });
}

/** What the group does to a weight, beside its line. */
function drawLeg(
  context: GraphContext,
  { label, isInverse }: Leg,
  right: number,
  y: number,
  theme: Theme,
): void {
  context.font = "600 12px system-ui, sans-serif";
  const width = context.measureText(label).width + 12;
  context.beginPath();
  context.roundRect(right - 4, y - 8, width, 16, 8);
  context.fillStyle = theme.series(isInverse ? 1 : 0);
  context.fill();
  context.fillStyle = theme.paper;
  context.textAlign = "left";
  context.fillText(label, right + 2, y);
}

/** The node at a place of the window. */
export function nodeAt(
  { boxes }: GraphLayout,
  { left, top, zoom }: View,
  x: number,
  y: number,
): number | undefined {
  const [px, py] = [(x + left) / zoom, (y + top) / zoom];
  const found = boxes.findIndex(
    (box) => Math.abs(px - box.x) <= box.width / 2 && Math.abs(py - box.y) <= box.height / 2,
  );
  return found < 0 ? undefined : found;
}
