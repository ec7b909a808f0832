import { Graph, layout } from "@dagrejs/dagre";
import type { GraphNode, ModelGraph } from "./model-graph.js";

export type Direction = "tb" | "lr";

/** Where a node is drawn, in px at a zoom of 1: its center and its size. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface GraphLayout {
  readonly width: number;
  readonly height: number;
  /** By the ids of nodes. */
  readonly boxes: readonly Box[];
  /** Points of each edge, x and y in turn, in the order of the graph's edges. */
  readonly lines: readonly (readonly number[])[];
}

/** Nodes that are laid out and drawn; beyond, a table shows them. */
export const mostNodes = 2000;

/** Up to this number of nodes the ranks of a part are chosen for the shortest edges, which takes long for more. */
const tidyNodes = 200;

/** Parameters that are named in a node; a line says how many more there are. */
const mostTags = 3;

export const lineHeight = 15;
const header = 26;
const padding = 7;
const margin = 24;

/** The lines of a node below its operator: parameters. */
export function tagLines({ weights }: GraphNode): readonly string[] {
  const own = weights.filter(({ isParameter }) => isParameter);
  const lines = own.slice(0, mostTags).map(({ name, shape }) => `${shortName(name)}  ${shape}`);
  return own.length > mostTags ? [...lines, `and ${own.length - mostTags} more`] : lines;
}

/** The end of a name, which tells more than its beginning. */
const shortName = (name: string, length = 22): string =>
  name.length > length ? `…${name.slice(1 - length)}` : name;

export const titleOf = ({ kind, op, name }: GraphNode): string =>
  kind === "operator" ? op : `${kind} ${shortName(name, 18)}`;

function sizeOfNode(node: GraphNode): { readonly width: number; readonly height: number } {
  const tags = tagLines(node);
  const longest = Math.max(titleOf(node).length * 8.4, ...tags.map((line) => line.length * 7));
  return {
    width: Math.max(64, Math.ceil(longest) + 24),
    height: header + (tags.length > 0 ? tags.length * lineHeight + padding : 0),
  };
}

/**
 * Places the nodes in ranks along the direction of computation.
 *
 * @throws RangeError for graphs of more ranks than a stack has room for
 */
export function layOut(graph: ModelGraph, direction: Direction): GraphLayout {
  const boxes: Box[] = new Array(graph.nodes.length);
  const lines: (readonly number[])[] = new Array(graph.edges.length);
  let last: number | undefined;
  for (const part of segmentsOf(graph)) {
    const placed = partOf(graph, part, direction);
    // The first node lies where the part before has left it.
    const own = placed.boxes.get(part[0]) as Box;
    const at = last === undefined ? own : boxes[part[0]];
    const [dx, dy] = [at.x - own.x, at.y - own.y];
    for (const [id, box] of placed.boxes) boxes[id] = { ...box, x: box.x + dx, y: box.y + dy };
    for (const [i, line] of placed.lines) lines[i] = line.map((v, k) => v + (k % 2 === 0 ? dx : dy));
    last = part[part.length - 1];
  }
  const whole = fromCorner(boxes, lines);
  return direction === "tb" ? wrapped(whole, graph) : turned(wrapped(turned(whole), graph));
}

/** Everything moved to the upper left corner. */
function fromCorner(boxes: readonly Box[], lines: readonly (readonly number[])[]): GraphLayout {
  let [left, top, right, bottom] = [Infinity, Infinity, 0, 0];
  const include = (x: number, y: number, dx = 0, dy = 0) => {
    [left, top] = [Math.min(left, x - dx), Math.min(top, y - dy)];
    [right, bottom] = [Math.max(right, x + dx), Math.max(bottom, y + dy)];
  };
  for (const { x, y, width, height } of boxes) include(x, y, width / 2, height / 2);
  for (const line of lines) for (let k = 0; k < line.length; k += 2) include(line[k], line[k + 1]);
  const [dx, dy] = [margin - left, margin - top];
  return {
    width: right - left + 2 * margin,
    height: bottom - top + 2 * margin,
    boxes: boxes.map((box) => ({ ...box, x: box.x + dx, y: box.y + dy })),
    lines: lines.map((line) => line.map((v, k) => v + (k % 2 === 0 ? dx : dy))),
  };
}

interface PlacedPart {
  readonly boxes: ReadonlyMap<number, Box>;
  readonly lines: ReadonlyMap<number, readonly number[]>;
}

function partOf({ nodes, edges }: ModelGraph, part: readonly number[], direction: Direction): PlacedPart {
  const ids = new Set(part);
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: direction,
    nodesep: direction === "tb" ? 28 : 16,
    ranksep: direction === "tb" ? 34 : 44,
    ranker: part.length > tidyNodes ? "longest-path" : "network-simplex",
  });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const id of part) graph.setNode(`${id}`, sizeOfNode(nodes[id]));
  const own = [...edges.entries()].filter(([, { from, to }]) => ids.has(from) && ids.has(to));
  for (const [i, { from, to }] of own) graph.setEdge(`${from}`, `${to}`, {}, `${i}`);
  layout(graph);
  return {
    boxes: new Map(
      part.map((id) => {
        const { x, y, width, height } = graph.node(`${id}`) as Box;
        return [id, { x, y, width, height }];
      }),
    ),
    lines: new Map(
      own.map(([i, { from, to }]) => {
        const { points } = graph.edge(`${from}`, `${to}`, `${i}`) as { points: { x: number; y: number }[] };
        return [i, points.flatMap(({ x, y }) => [x, y])];
      }),
    ),
  };
}

// Networks are long: where a single node connects all before it with all behind it, each part can be laid out by itself.

/** Parts have at least so many nodes. */
const least = 40;

/** Parts of a graph in the order of computation, as ids of nodes; the last node of each is the first of the next. */
export function segmentsOf(graph: ModelGraph): readonly (readonly number[])[] {
  const order = orderOf(graph);
  const place = new Map(order.map((id, at) => [id, at]));
  const last = order.length - 1;
  /** How many edges pass over each place, as differences of neighbors. */
  const steps = new Int32Array(order.length + 1);
  for (const { from, to } of graph.edges) {
    const [a, b] = [place.get(from) as number, place.get(to) as number];
    steps[a + 1]++;
    steps[b]--;
  }
  const cuts: number[] = [];
  for (let at = 0, over = 0; at <= last; at++) {
    over += steps[at];
    if (over === 0 && at > 0 && at < last) cuts.push(at);
  }
  const isSource = (at: number) => graph.nodes[order[at]].inputs.every(({ nodes }) => nodes.length === 0);
  const isSink = (at: number) => graph.nodes[order[at]].outputs.every(({ nodes }) => nodes.length === 0);
  const some = (from: number, to: number, test: (at: number) => boolean) => {
    for (let at = from; at < to; at++) if (test(at)) return true;
    return false;
  };
  // What begins or ends inside a part would lie beside the node at which it is cut.
  const clean = cuts.filter((at, k) => {
    const [before, behind] = [cuts[k - 1] ?? -1, cuts[k + 1] ?? order.length];
    return !some(before + 1, at, isSink) && !some(at + 1, behind, isSource);
  });
  const parts: number[][] = [];
  let start = 0;
  for (const at of clean) {
    if (at - start < least) continue;
    parts.push(order.slice(start, at + 1));
    start = at;
  }
  return [...parts, order.slice(start)];
}

/** Ids in an order of computation, inputs before their first reader and outputs behind what makes them. */
function orderOf({ nodes }: ModelGraph): number[] {
  const placed = new Set<number>();
  const order: number[] = [];
  const put = (id: number) => {
    if (placed.has(id)) return;
    placed.add(id);
    order.push(id);
  };
  for (const { id, kind, inputs, outputs } of nodes) {
    if (kind !== "operator") continue;
    for (const { nodes: from } of inputs) for (const own of from) if (nodes[own].kind === "input") put(own);
    put(id);
    for (const { nodes: to } of outputs) for (const own of to) if (nodes[own].kind === "output") put(own);
  }
  for (const { id } of nodes) put(id);
  return order;
}

// A network of a hundred layers is a strip: it is wrapped into columns, as text is into lines.

/** px from which on a strip is wrapped: at a glance nothing in it could be told apart. */
const longest = 6000;
/** Between columns, for the edges that go on in the next one. */
const aisle = 80;
/** Edges that go on from one column to the next at most. */
const mostPassing = 3;

function wrapped(whole: GraphLayout, { edges }: ModelGraph): GraphLayout {
  const { width, height, boxes, lines } = whole;
  // About half as wide again as high.
  const count = Math.round(Math.sqrt((1.5 * height) / (width + aisle)));
  if (height < longest || count < 2) return whole;
  const places = passages(whole, edges);
  const near = (y: number) => places.reduce((a, b) => (Math.abs(b - y) < Math.abs(a - y) ? b : a), 0);
  const ends = Array.from({ length: count - 1 }, (_, k) => near(((k + 1) * height) / count));
  const starts = [...new Set([0, ...ends])].sort((a, b) => a - b);
  const columnOf = ({ y }: Box) => starts.filter((start) => start <= y).length - 1;
  const at = (column: number, x: number, y: number) => [
    x + column * (width + aisle),
    y - starts[column] + (column > 0 ? margin : 0),
  ];
  const bottoms = starts.map((_, k) => at(k, 0, starts[k + 1] ?? height)[1]);
  const bottom = Math.max(...bottoms);
  return {
    width: width + (starts.length - 1) * (width + aisle),
    height: bottom + margin,
    boxes: boxes.map((box) => {
      const [x, y] = at(columnOf(box), box.x, box.y);
      return { ...box, x, y };
    }),
    lines: lines.map((line, i) => {
      const [from, to] = [columnOf(boxes[edges[i].from]), columnOf(boxes[edges[i].to])];
      if (from === to) {
        return line.flatMap((x, k) => (k % 2 === 0 ? at(from, x, line[k + 1]) : []));
      }
      const [x0, y0] = at(from, line[0], line[1]);
      const [x1, y1] = at(to, line[line.length - 2], line[line.length - 1]);
      const below = to === from + 1 ? bottoms[from] : bottom + margin / 2;
      const between = at(to, -aisle / 2, 0)[0];
      return rounded([
        [x0, y0],
        [x0, below],
        [between, below],
        [between, margin / 2],
        [x1, margin / 2],
        [x1, y1],
      ]);
    }),
  };
}

/** Heights at which no node lies and few edges pass. */
function passages({ boxes }: GraphLayout, edges: ModelGraph["edges"]): readonly number[] {
  const sorted = [...boxes].sort((a, b) => a.y - a.height / 2 - (b.y - b.height / 2));
  const places: number[] = [];
  let end = Number.POSITIVE_INFINITY;
  for (const { y, height } of sorted) {
    const top = y - height / 2;
    if (end < top) places.push((end + top) / 2);
    end = Math.max(Number.isFinite(end) ? end : 0, y + height / 2);
  }
  return places.filter((place) => {
    const passing = edges.filter(({ from, to }) => boxes[from].y < place && boxes[to].y > place);
    return passing.length <= mostPassing;
  });
}

/** A line with points beside its corners, so that a smooth line stays close to it. */
function rounded(corners: readonly (readonly [number, number])[]): readonly number[] {
  const toward = ([x, y]: readonly [number, number], [a, b]: readonly [number, number]) => {
    const share = Math.min(0.5, 10 / (Math.hypot(a - x, b - y) || 1));
    return [x + share * (a - x), y + share * (b - y)];
  };
  return corners.flatMap((corner, k) =>
    k === 0 || k === corners.length - 1
      ? corner
      : [...toward(corner, corners[k - 1]), ...corner, ...toward(corner, corners[k + 1])],
  );
}

/** A layout with its axes exchanged. */
const turned = ({ width, height, boxes, lines }: GraphLayout): GraphLayout => ({
  width: height,
  height: width,
  boxes: boxes.map((box) => ({ x: box.y, y: box.x, width: box.height, height: box.width })),
  lines: lines.map((line) => line.map((_, k) => line[k % 2 === 0 ? k + 1 : k - 1])),
});
