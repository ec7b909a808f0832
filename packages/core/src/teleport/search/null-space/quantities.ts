import { type Graph, nodesOf } from "../../../graph/graph.js";
import { simplify } from "../../../graph/simplify.js";
import type { Tensor } from "../../../graph/tensor.js";
import { type TensorsOf, trace } from "../../../graph/trace.js";
import { gradNormSq } from "../../objective/objective.js";
import type { SearchProblem } from "../search.js";

/**
 * Loss, objective and squared gradient norm as one graph, whose inputs begin with the parameters. Common
 * parts are shared, unless the loss stops a gradient, which sharing would ignore, or has loops, whose derivatives need
 * results that sharing would drop.
 */
export function quantitiesOf<P>({ loss, objective, params, batch, memory }: SearchProblem<P>): Graph {
  const quantities = ({
    params: p,
    batch: b,
    memory: m,
  }: TensorsOf<Pick<SearchProblem<P>, "params" | "batch" | "memory">>) => ({
    loss: loss(p, b),
    objective: objective(p, b, m),
    gradNormSq: gradNormSq(loss)(p, b, m),
  });
  const { graph } = trace(quantities, { params, batch, memory });
  const needsAll = ({ op, results }: Tensor) => op.name === "stopGradient" || results !== undefined;
  return nodesOf(graph).some(needsAll) ? graph : simplify(graph);
}
