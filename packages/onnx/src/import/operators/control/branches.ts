import type { Tensor } from "isoloss";
import { IsolossError } from "isoloss";
import type { OnnxGraph } from "isoloss/internal";
import { formatType } from "isoloss/internal";
import { cond } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { type Entry, isSequence, type Value } from "../../value.js";

/** The tensors among entries; a sequence has no place in a branch or loop that is one operation. */
export const tensorsOf = (call: Call, entries: readonly Entry[]): Value[] =>
  entries.map((x) => (isSequence(x) ? call.fail("a result of its subgraph is a sequence") : x));

/**
 * Where the condition is known while tracing, only its branch is traced, unless the other one shares parameters with what is
 * around it: with other sizes it is taken, and a symmetry must keep it, too.
 */
function branch(call: Call): readonly Entry[] {
  const graphs = ["then_branch", "else_branch"].map((name) => call.graph(name));
  const known = call.maybeKnown(0)?.[0];
  if (known === undefined) return both(call, graphs);
  const [taken, other] = known ? graphs : [...graphs].reverse();
  if (!call.sharesParameters(other)) return call.subgraph(taken, []);
  try {
    return both(call, graphs);
  } catch (error) {
    // It may be one that cannot be computed with these sizes.
    if (!(error instanceof IsolossError)) throw error;
    return call.subgraph(taken, []);
  }
}

/** One operation with both branches. */
function both(call: Call, graphs: readonly OnnxGraph[]): readonly Value[] {
  const traced: (readonly Value[])[] = [];
  const typesOf = (values: readonly Value[]) => values.map(({ tensor }) => formatType(tensor)).join(", ");
  const trace = (k: number) => (): Tensor[] => {
    const values = tensorsOf(call, call.subgraph(graphs[k], []));
    traced.push(values);
    const [types, others] = traced.map(typesOf);
    // One operation needs branches of the same types.
    if (others !== undefined && types !== others) {
      return call.fail(
        `its branches return different types, ${types} and ${others}: give the inputs that decide as arrays`,
      );
    }
    return values.map(({ tensor }) => tensor);
  };
  const results = cond(call.tensor(0), trace(0), trace(1));
  return results.map((tensor, k) => ({ tensor, kind: traced[0][k].kind }));
}

export const branches: Readonly<Record<string, Operator>> = { If: branch };
