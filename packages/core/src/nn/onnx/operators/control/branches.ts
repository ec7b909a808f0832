import { cond } from "../../../../graph/control/cond.js";
import { formatType, type Tensor } from "../../../../graph/tensor.js";
import type { Call, Operator } from "../../call.js";
import { type Entry, isSequence, type Value } from "../../value.js";

/** The tensors among entries; a sequence has no place in a branch or loop that is one operation. */
export const tensorsOf = (call: Call, entries: readonly Entry[]): Value[] =>
  entries.map((x) => (isSequence(x) ? call.fail("a result of its subgraph is a sequence") : x));

/** Where the condition is known while tracing, only its branch is traced. */
function branch(call: Call): readonly Entry[] {
  const graphs = ["then_branch", "else_branch"].map((name) => call.graph(name));
  const known = call.maybeKnown(0)?.[0];
  if (known !== undefined) return call.subgraph(graphs[known ? 0 : 1], []);
  // Traced once only to compare: one operation needs branches of the same types.
  const [first, second] = graphs.map((graph) => tensorsOf(call, call.subgraph(graph, [])));
  const types = (values: readonly Value[]) => values.map(({ tensor }) => formatType(tensor)).join(", ");
  if (types(first) !== types(second)) {
    return call.fail(
      `its branches return different types, ${types(first)} and ${types(second)}: give the inputs that decide as arrays`,
    );
  }
  const traced = (k: number) => (): Tensor[] =>
    tensorsOf(call, call.subgraph(graphs[k], [])).map(({ tensor }) => tensor);
  return cond(call.tensor(0), traced(0), traced(1)).map((tensor, k) => ({ tensor, kind: first[k].kind }));
}

export const branches: Readonly<Record<string, Operator>> = { If: branch };
