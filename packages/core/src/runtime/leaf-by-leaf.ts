import { dtypeOf, isNdArray, type NdArray } from "../array.js";
import { closureOf, usedInputs } from "../graph/control/body.js";
import { costOfPass, type Graph, nodesOf, type Port, topologicalOrder } from "../graph/graph.js";
import { retype } from "../graph/retype.js";
import { isFloat, type Tensor } from "../graph/tensor.js";
import { spec, trace } from "../graph/trace.js";
import { flatten, namedArrays, type TreeDef, unflatten } from "../tree.js";
import { compile } from "./compile.js";
import type { Executable } from "./executable.js";

/** Arguments for {@link runLeafByLeaf}: `shared` is small, the others may be large, and its floats are traced in their type. */
export type LeafArguments = Readonly<Record<string, unknown>> & { readonly shared: unknown };

/** Results of more numbers have a program for one run: the arrays that it would hold are worth more than its compilation. */
const mostKept = 2 ** 16;
/** Operations of a pass, such as those of a product of matrices of 200 rows, from which on another runtime may be asked. */
const manyFlops = 2 ** 24;

const compileFor = (graph: Graph): Promise<Executable> =>
  compile(graph, costOfPass(graph, "flops") < manyFlops ? { runtime: "javascript" } : {});

/** A program: the names of the values that it reads, and the numbers of the results, or names of values, that it writes. */
interface Part {
  readonly graph: Graph;
  readonly reads: readonly string[];
  readonly writes: readonly (number | string)[];
  program?: Executable | undefined;
}

interface Plan {
  readonly def: TreeDef;
  /** The names of the arguments that are results as they are, by the numbers of the results. */
  readonly kept: ReadonlyMap<number, string>;
  /** In the order in which they run. */
  readonly parts: readonly Part[];
}

/** Plans by the types of the arguments. */
export type LeafPlans = Map<string, Plan>;

/** Releases what plans keep. */
export async function releasePlans(plans: LeafPlans): Promise<void> {
  const parts = [...plans.values()].flatMap((plan) => plan.parts);
  plans.clear();
  for (const { program } of parts) await program?.dispose();
}

/**
 * Runs a traced function on arrays in float64, in generated JavaScript unless products of large matrices are faster elsewhere.
 * What depends on `shared` alone is computed once, then the results one after another: the memory for one of them is taken at a
 * time. Results that share more than that are computed together. An argument that is a result itself is the same array.
 *
 * @param plans keeps what was traced and compiled, for calls with arguments of the same types
 * @returns the result's tree, its floats in float64
 */
export async function runLeafByLeaf(
  plans: LeafPlans,
  f: (args: never) => unknown,
  args: LeafArguments,
): Promise<unknown> {
  const values: Record<string, NdArray> = namedArrays(args);
  const key = Object.entries(values)
    .map(([name, array]) => `${name}:${dtypeOf(array)}${array.shape}`)
    .join(";");
  const plan = plans.get(key) ?? planOf(f, args);
  plans.set(key, plan);
  const results: NdArray[] = [];
  for (const [k, name] of plan.kept) results[k] = values[name];
  for (const part of plan.parts) {
    const { graph, reads, writes } = part;
    const program = part.program ?? (await compileFor(graph));
    const isKept = graph.outputs.every(({ tensor }) => tensor.size <= mostKept);
    if (isKept) part.program = program;
    const outputs = await program.run(
      Object.fromEntries(reads.map((name, i) => [graph.inputs[i].name, values[name]])),
    );
    graph.outputs.forEach(({ name }, i) => {
      const to = writes[i];
      if (typeof to === "number") results[to] = outputs[name];
      else values[to] = outputs[name];
    });
    if (!isKept) await program.dispose();
  }
  return unflatten(plan.def, results);
}

function planOf(f: (args: never) => unknown, args: LeafArguments): Plan {
  const { shared: small, ...large } = args;
  const float = Object.values(namedArrays(large)).map(dtypeOf).find(isFloat);
  const { leaves, def } = flatten<NdArray>(small, isNdArray);
  const types = leaves.map((array) =>
    spec(array.shape, (isFloat(dtypeOf(array)) && float) || dtypeOf(array)),
  );
  const traced = trace(f as (given: object) => unknown, { ...args, shared: unflatten(def, types) });
  const graph = retype(traced.graph, "float64");
  const isShared = (name: string): boolean => name === "shared" || name.startsWith("shared.");
  const own = graph.inputs.filter(({ name }) => !isShared(name));
  const moving = new Set(own.map(({ tensor }) => tensor));
  for (const node of nodesOf(graph)) if (node.inputs.some((x) => moving.has(x))) moving.add(node);

  const nameOf = new Map<Tensor, string>(graph.inputs.map(({ name, tensor }) => [tensor, name]));
  const kept = new Map<number, string>();
  graph.outputs.forEach(({ tensor }, k) => {
    const name = nameOf.get(tensor);
    if (name !== undefined) kept.set(k, name);
  });
  const shared: Port[] = [];
  /** The name of a value that is computed before the parts. */
  const sharedName = (tensor: Tensor): string => {
    const known = nameOf.get(tensor);
    if (known !== undefined) return known;
    const name = `computed ${shared.length}`;
    nameOf.set(tensor, name);
    shared.push({ name, tensor });
    return name;
  };
  const parts = groupsOf(graph, moving, kept).map((writes): Part => {
    const outputs = writes.map((k, i) => ({ name: `${i}`, tensor: graph.outputs[k].tensor }));
    const { graph: whole, captured } = closureOf(own, outputs, (node) => moving.has(node));
    const names = [...own.map(({ name }) => name), ...captured.map(sharedName)];
    const used = [...usedInputs(whole)];
    // Equal parts of several layers are one program, whatever their arguments are called.
    const inputs = used.map((k, i) => ({ name: `${i}`, tensor: whole.inputs[k].tensor }));
    return { graph: { inputs, outputs: whole.outputs }, reads: used.map((k) => names[k]), writes };
  });
  if (shared.length > 0) {
    const inputs = graph.inputs.filter(({ name }) => isShared(name));
    const names = shared.map(({ name }) => name);
    parts.unshift({
      graph: { inputs, outputs: shared },
      reads: inputs.map(({ name }) => name),
      writes: names,
    });
  }
  return { def: traced.resultDef, kept, parts };
}

/** The numbers of the results that are to be computed, those together that share a computation on more than `shared`. */
function groupsOf(
  { outputs }: Graph,
  moving: ReadonlySet<Tensor>,
  kept: ReadonlyMap<number, string>,
): number[][] {
  const leader = outputs.map((_, k) => k);
  const leaderOf = (k: number): number => (leader[k] === k ? k : leaderOf(leader[k]));
  const first = new Map<Tensor, number>();
  outputs.forEach(({ tensor }, k) => {
    if (kept.has(k)) return;
    for (const node of topologicalOrder([tensor])) {
      if (!moving.has(node) || node.inputs.length === 0) continue;
      const other = first.get(node);
      if (other === undefined) first.set(node, k);
      else leader[leaderOf(k)] = leaderOf(other);
    }
  });
  const groups = new Map<number, number[]>();
  outputs.forEach((_, k) => {
    if (!kept.has(k)) groups.set(leaderOf(k), [...(groups.get(leaderOf(k)) ?? []), k]);
  });
  return [...groups.values()];
}
