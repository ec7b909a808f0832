// Which nodes of the graph a group touches, and those between them.
import type { GroupDescription } from "isoloss/symmetry";
import type { ModelGraph } from "./model-graph.js";

/** What a group does to a weight of a node. */
export interface Leg {
  readonly parameter: string;
  /** Such as `× c`. */
  readonly label: string;
  /** Whether it takes the change back, as the other side. */
  readonly isInverse: boolean;
}

export interface Legs {
  /** By the ids of the nodes that read the weights. */
  readonly nodes: ReadonlyMap<number, readonly Leg[]>;
  /** Nodes between them, themselves included: what the changed values pass. */
  readonly between: ReadonlySet<number>;
}

type Axis = GroupDescription["axes"][number];

const power = (value: number): string => (value === 1 ? "" : value === 2 ? "²" : `^${value}`);

const labels: Readonly<Record<GroupDescription["kind"], (axis: Axis) => string>> = {
  scaling: ({ attributes: { power: p = 1 } }) => `${p < 0 ? "÷" : "×"} c${power(Math.abs(p))}`,
  linear: ({ attributes: { variance = 1 } }) => (variance < 0 ? "× g⁻ᵀ" : "× g"),
  orthogonal: () => "× g",
  sign: () => "± 1",
  permutation: () => "reordered",
  shift: ({ attributes: { absorbs } }) => (absorbs === 1 ? "− effect" : "+ t"),
  bijection: () => "mixed",
};

export function legsOf(graph: ModelGraph, { kind, axes }: GroupDescription): Legs {
  const nodes = new Map<number, Leg[]>();
  for (const axis of axes) {
    const { power: p = 1, variance = 1, absorbs = 0 } = axis.attributes;
    const leg = {
      parameter: axis.path,
      label: labels[kind](axis),
      isInverse: p < 0 || variance < 0 || absorbs === 1,
    };
    for (const { id, weights } of graph.nodes) {
      if (!weights.some(({ name }) => name === axis.path)) continue;
      nodes.set(id, [...(nodes.get(id) ?? []), leg]);
    }
  }
  const forward = reached(nodes.keys(), (id) => graph.nodes[id].outputs);
  const back = reached(nodes.keys(), (id) => graph.nodes[id].inputs);
  return { nodes, between: new Set([...forward].filter((id) => back.has(id))) };
}

function reached(
  from: Iterable<number>,
  next: (id: number) => readonly { readonly nodes: readonly number[] }[],
): ReadonlySet<number> {
  const seen = new Set(from);
  for (const id of seen) for (const { nodes } of next(id)) for (const own of nodes) seen.add(own);
  return seen;
}
