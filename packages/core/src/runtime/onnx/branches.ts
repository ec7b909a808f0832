import { closureOf, inlined, numbered, usedInputs } from "../../graph/control/body.js";
import { type CondAttributes, condOf } from "../../graph/control/cond.js";
import { isResult, resultsOf } from "../../graph/control/result.js";
import { type Graph, nodesOf, topologicalOrder } from "../../graph/graph.js";
import { apply, nextSerial, type Tensor } from "../../graph/tensor.js";

type Side = "whenTrue" | "whenFalse";
const sides = ["whenTrue", "whenFalse"] as const;

/** Selections by one bool, none of which depends on another one, and what is computed for one side of them alone. */
type Group = { readonly condition: Tensor; readonly members: Tensor[] } & Readonly<Record<Side, Set<Tensor>>>;

/** The bool by which a node selects whole values; undefined for other nodes. */
function conditionOf({ op, inputs: [x] }: Tensor): Tensor | undefined {
  if (op.name === "cond") return x;
  if (op.name !== "where") return undefined;
  const source = x.op.name === "broadcast" ? x.inputs[0] : x;
  return source.size === 1 ? source : undefined;
}

/** The operation that computes a node. */
const makerOf = (x: Tensor): Tensor => (isResult(x) ? x.inputs[0] : x);

const bodyOf = ({ attrs }: Tensor, side: Side): Graph => (attrs as CondAttributes)[side];

/** For each input of a selection the side that alone needs it. */
function sidesOf(selection: Tensor): readonly (Side | undefined)[] {
  if (selection.op.name === "where") return [undefined, ...sides];
  const [isTrue, isFalse] = sides.map((side) => usedInputs(bodyOf(selection, side)));
  return selection.inputs.map((_, k) => {
    if (isTrue.has(k - 1) === isFalse.has(k - 1)) return undefined;
    return isTrue.has(k - 1) ? "whenTrue" : "whenFalse";
  });
}

/**
 * Selections by the same bool as one `cond`, in whose branches what one side alone needs is computed. ONNX Runtime selects one
 * number in the time of a branch that returns two, and what it does not select it has computed.
 */
export function toBranches(graph: Graph): Graph {
  const order = nodesOf(graph);
  const groups = new Map<string, Group>();
  const groupOf = new Map<Tensor, Group>();
  // How many selections follow one another up to a node: those of the same number do not depend on each other.
  const depths = new Map<Tensor, number>();
  const depthOf = (x: Tensor): number => depths.get(x) as number;
  for (const x of order) {
    const before = Math.max(0, ...x.inputs.map(depthOf));
    const condition = conditionOf(x);
    depths.set(x, condition ? before + 1 : before);
    if (!condition) continue;
    const key = `${condition.serial} ${before}`;
    const group = groups.get(key) ?? { condition, members: [], whenTrue: new Set(), whenFalse: new Set() };
    groups.set(key, group);
    groupOf.set(x, group);
  }
  if (groups.size === 0) return graph;

  // Users come before what they use.
  const outside = new Set<Tensor>();
  const places = new Map<Tensor, Set<Tensor>>(graph.outputs.map(({ tensor }) => [tensor, outside]));
  for (const x of [...order].reverse()) {
    const place = places.get(x) as Set<Tensor>;
    const group = place === outside ? groupOf.get(x) : undefined;
    if (x.inputs.length > 0 && !isResult(x)) place.add(x);
    group?.members.push(x);
    const needing = group ? sidesOf(x) : [];
    x.inputs.forEach((y, k) => {
      const side = needing[k];
      const needed = group && side ? group[side] : place;
      places.set(y, (places.get(y) ?? needed) === needed ? needed : outside);
    });
  }

  const forms = new Map<Tensor, Tensor>(graph.inputs.map(({ tensor }) => [tensor, tensor]));
  const of = (x: Tensor): Tensor => forms.get(x) as Tensor;
  const results = new Map<Tensor, readonly Tensor[]>();
  const branched = (group: Group): void => {
    const { condition, members } = group;
    const start = nextSerial();
    const closures = sides.map((side) => {
      const values = members.map((x) =>
        x.op.name === "where"
          ? [x.inputs[side === "whenTrue" ? 1 : 2]]
          : inlined(bodyOf(x, side), x.inputs.slice(1)),
      );
      const outputs = values.flat();
      const isInside = (x: Tensor) => group[side].has(makerOf(x)) || makerOf(x).serial >= start;
      const closure = closureOf(
        [],
        numbered(outputs),
        isInside,
        topologicalOrder(outputs, (x) => !isInside(x)),
      );
      return { ...closure, captured: closure.captured.map(of) };
    });
    const all = resultsOf(condOf(of(condition), closures));
    for (const x of members) results.set(x, all.splice(0, x.results?.length ?? 1));
  };
  for (const x of order.sort((a, b) => depthOf(a) - depthOf(b))) {
    const selection = makerOf(x);
    if (x.inputs.length > 0 && !outside.has(selection)) continue;
    const group = groupOf.get(selection);
    const isAlone = group && group.members.length + group.whenTrue.size + group.whenFalse.size === 1;
    if (group && !isAlone && !results.has(selection)) branched(group);
    const known = results.get(selection);
    if (known) forms.set(x, known[isResult(x) ? x.attrs.index : 0]);
    else if (!forms.has(x)) forms.set(x, apply(x.op, x.inputs.map(of), x.attrs));
  }
  return {
    inputs: graph.inputs,
    outputs: graph.outputs.map(({ name, tensor }) => ({ name, tensor: of(tensor) })),
  };
}
