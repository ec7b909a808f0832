// Loops of few steps, written out: a hidden unit of a recurrent network is then followed from step to step.
import { inlined } from "../../../graph/control/body.js";
import { isResult } from "../../../graph/control/result.js";
import type { ScanAttributes } from "../../../graph/control/scan-op.js";
import type { Graph } from "../../../graph/graph.js";
import { nodesOf } from "../../../graph/graph.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { concat, slice } from "../../../graph/ops/slice.js";
import type { Tensor } from "../../../graph/tensor.js";
import { rewrite } from "./rewrite.js";

/** Loops that would become more nodes stay loops, as the search takes longer than in proportion to the nodes. */
const mostNodes = 4000;

/** A graph of the same function without its shorter loops. */
export function unrolled(graph: Graph): Graph {
  const results = new Map<Tensor, readonly (Tensor | undefined)[]>();
  return rewrite(graph, (node) => {
    if (isResult(node)) return results.get(node.inputs[0])?.[node.attrs.index] ?? node;
    if (node.op.name === "scan") {
      const attributes = node.attrs as unknown as ScanAttributes;
      const body = unrolled(attributes.body);
      if (nodesOf(body).length * attributes.length <= mostNodes) {
        results.set(node, steps(node, { ...attributes, body }));
      }
    }
    return node;
  });
}

/** The results of a loop: the last carried values, and what each step stacks. */
function steps(
  { inputs }: Tensor,
  { body, carries, sequences, length, reverse }: ScanAttributes,
): (Tensor | undefined)[] {
  const own = carries + sequences;
  const same = inputs.slice(own);
  let carried = inputs.slice(0, carries);
  const stacked: Tensor[][] = body.outputs.slice(carries).map(() => []);
  const order = Array.from({ length }, (_, k) => (reverse ? length - 1 - k : k));
  for (const t of order) {
    const elements = inputs.slice(carries, own).map((x) => element(x, t));
    const results = inlined(body, [...carried, ...elements, ...same]);
    carried = results.slice(0, carries);
    for (const [k, y] of results.slice(carries).entries()) stacked[k][t] = reshape(y, [1, ...y.shape]);
  }
  return [...carried, ...stacked.map((rows) => (rows.length > 0 ? concat(rows, { axis: 0 }) : undefined))];
}

const element = (x: Tensor, t: number): Tensor =>
  reshape(
    slice(x, {
      starts: x.shape.map((_, d) => (d === 0 ? t : 0)),
      ends: x.shape.map((n, d) => (d === 0 ? t + 1 : n)),
    }),
    x.shape.slice(1),
  );
