import { Graph, layout } from "@dagrejs/dagre";
import type { GraphNode, ModelGraph } from "./model-graph.js";
import { segmentsOf } from "./segments.js";

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
  return fromCorner(boxes, lines);
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
