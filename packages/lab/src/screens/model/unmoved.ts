// Weights that no symmetry moves, and what stops the changes of their units.
import { groupBy } from "isoloss/internal";
import type { GroupDescription } from "isoloss/symmetry";
import type { ModelGraph } from "./model-graph.js";

/** Weights that no group acts on, for one reason. */
export interface Unmoved {
  readonly names: readonly string[];
  /** The first operator behind them that keeps no factors of units; undefined where the outputs themselves would change. */
  readonly operator: string | undefined;
}

/**
 * @param names of all weights
 * @param stops operators at which scalings of units end
 */
export function unmovedOf(
  graph: ModelGraph,
  names: readonly string[],
  groups: readonly GroupDescription[],
  stops: ReadonlySet<string>,
): readonly Unmoved[] {
  const onAllData = groups.filter(({ kind }) => kind !== "bijection");
  const moved = new Set(onAllData.flatMap(({ axes }) => axes.map(({ path }) => path)));
  const still = names.filter((name) => !moved.has(name));
  const byOperator = groupBy(still, (name) => stopBehind(graph, name, stops));
  return [...byOperator].map(([operator, own]) => ({ operator, names: own }));
}

/** The nearest operator, from the nodes that read a weight on, at which scalings end. */
function stopBehind({ nodes }: ModelGraph, weight: string, stops: ReadonlySet<string>): string | undefined {
  const seen = new Set(nodes.filter(({ weights }) => weights.some(({ name }) => name === weight)));
  for (const { op, outputs } of seen) {
    if (stops.has(op)) return op;
    for (const id of outputs.flatMap((port) => port.nodes)) seen.add(nodes[id]);
  }
  return undefined;
}
