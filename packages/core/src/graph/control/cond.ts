import { DTypeError, describeValue, OptionError, ShapeError } from "../../errors.js";
import { backward } from "../autodiff.js";
import { costOf, type Graph } from "../graph.js";
import { Index } from "../index-expression.js";
import { copying, filling, type KernelWriter } from "../javascript-rule.js";
import { constantValue, input } from "../ops/leaf.js";
import { alias } from "../ops/stop-gradient.js";
import { apply, formatType, isFloat, nextSerial, type Op, requireTensor, type Tensor } from "../tensor.js";
import { type Closure, closureSince, inlined, usedInputs } from "./body.js";
import { type Leaves, leavesLike, leavesOf } from "./leaves.js";
import { resultOf, resultsOf } from "./result.js";

/** The first input is the condition; the others are the inputs of both branches. */
export interface CondAttributes extends Readonly<Record<string, unknown>> {
  readonly whenTrue: Graph;
  readonly whenFalse: Graph;
}

const condOp: Op<CondAttributes> = {
  name: "cond",
  infer: (_inputs, { whenTrue }) =>
    whenTrue.outputs.map(({ tensor: { shape, dtype } }) => ({ shape, dtype })),
  vjps: derivatives,
  keepResults(node, isUsed, branches) {
    const outputs = ({ outputs: all }: Graph) => all.filter((_, k) => isUsed(k));
    const used = [branches.whenTrue, branches.whenFalse].map((branch) =>
      usedInputs({ inputs: branch.inputs, outputs: outputs(branch) }),
    );
    const isKept = (_: unknown, k: number) => used.some((places) => places.has(k));
    const keep = (branch: Graph): Graph => ({
      inputs: branch.inputs.filter(isKept),
      outputs: outputs(branch),
    });
    const [condition, ...values] = node.inputs;
    const attrs = { whenTrue: keep(branches.whenTrue), whenFalse: keep(branches.whenFalse) };
    return {
      node: apply(condOp, [condition, ...values.filter(isKept)], attrs),
      kept: branches.whenTrue.outputs.flatMap((_, k) => (isUsed(k) ? [k] : [])),
    };
  },
  js: {
    wholes: true,
    kernel(w, node, { whenTrue, whenFalse }) {
      const operands = node.inputs.slice(1).map((_, k) => w.whole(k + 1));
      const results = whenTrue.outputs.map((_, k) => w.resultAt(k));
      const code = (branch: Graph) =>
        passedOn(branch, w) ?? `${w.program(branch)}([${operands}],[${results}],1);`;
      w.line(`if(${w.read(0, Index.multi([], []))}){${code(whenTrue)}}else{${code(whenFalse)}}`);
    },
  },
  onnx: {
    emit(e, [condition, ...captured], _node, { whenTrue, whenFalse }) {
      return e.control("If", [condition], {
        bodies: { then_branch: { graph: whenTrue, captured }, else_branch: { graph: whenFalse, captured } },
        results: whenTrue.outputs.length,
      });
    },
  },
  flops: (_node, branches) => larger(branches, "flops"),
  bytes: (_node, branches) => larger(branches, "bytes"),
  nodes: (_node, branches) => 1 + larger(branches, "nodes"),
};

/** Statements for a branch that computes nothing: a call would cost more. */
function passedOn({ inputs, outputs }: Graph, w: KernelWriter): string | undefined {
  const lines = outputs.map(({ tensor }, k) => {
    const place = inputs.findIndex((port) => port.tensor === tensor);
    if (place >= 0) {
      const isOnce = outputs.filter((other) => other.tensor === tensor).length === 1;
      return isOnce ? w.passOn(place + 1, k) : copying(w.whole(place + 1), w.resultAt(k), tensor.size);
    }
    const value = constantValue(tensor);
    return value === undefined ? undefined : filling(w.resultAt(k), value, tensor.size);
  });
  return lines.includes(undefined) ? undefined : lines.join("");
}

const larger = ({ whenTrue, whenFalse }: CondAttributes, what: "flops" | "bytes" | "nodes"): number =>
  Math.max(costOf(whenTrue)[what], costOf(whenFalse)[what]);

/**
 * One of two computations, chosen when the graph runs; only that one is computed. Any tensor may be used
 * inside. It nests and has derivatives of any order: those of the branch that is taken.
 *
 * @param condition a bool tensor of one element
 * @param whenTrue returns a tree of tensors
 * @param whenFalse returns a tree of tensors of the same names and types
 * @throws DTypeError unless the condition is one bool; ShapeError if the branches return different names or types
 *
 * @example
 * const smaller = cond(greater(sum(x), 1), () => mul(0.5, x), () => x);
 */
export function cond<R>(condition: Tensor, whenTrue: () => R, whenFalse: () => R): R {
  requireTensor("cond", condition);
  if (condition.dtype !== "bool" || condition.size !== 1) {
    throw new DTypeError(
      `cond: the condition must be one bool; got ${formatType(condition)}. Write greater(x, 0), say.`,
    );
  }
  for (const branch of [whenTrue, whenFalse]) {
    if (typeof branch === "function") continue;
    throw new OptionError(
      `cond takes a condition and two functions; got ${describeValue(branch)}. Write cond(c, () => a, () => b).`,
    );
  }
  const trees: Leaves<R>[] = [];
  const traced = (branch: () => R) => () => {
    const result = branch();
    if (trees.length > 0) return leavesLike(trees[0], result, "cond: the result of the second branch");
    trees.push(leavesOf(result));
    return trees[0].tensors;
  };
  const node = condNode(condition, traced(whenTrue), traced(whenFalse));
  return trees[0].rebuild(resultsOf(node));
}

type Branch = () => readonly Tensor[];

function condNode(condition: Tensor, whenTrue: Branch, whenFalse: Branch): Tensor {
  const closures = [whenTrue, whenFalse].map((branch) => {
    const start = nextSerial();
    return closureSince(start, branch());
  });
  const [types, others] = closures.map(({ graph }) =>
    graph.outputs.map(({ tensor }) => formatType(tensor)).join(", "),
  );
  if (types !== others) {
    throw new ShapeError(`cond: the branches must return the same types; got ${types} and ${others}.`);
  }
  return condOf(condition, closures);
}

/** A choice between two computations of the same types. */
export function condOf(condition: Tensor, closures: readonly Closure[]): Tensor {
  const captured = [...new Set(closures.flatMap((closure) => closure.captured))];
  const [branchTrue, branchFalse] = closures.map(
    ({ graph, captured: own }): Graph => ({
      inputs: captured.map(({ shape, dtype }, k) => {
        const place = own.indexOf(captured[k]);
        return { name: `${k}`, tensor: place < 0 ? input(shape, dtype) : graph.inputs[place].tensor };
      }),
      outputs: graph.outputs,
    }),
  );
  return apply(condOp, [condition, ...captured], { whenTrue: branchTrue, whenFalse: branchFalse });
}

/** The derivative chooses between those of the branches. */
function derivatives(
  cotangents: readonly (Tensor | undefined)[],
  node: Tensor,
  { whenTrue, whenFalse }: CondAttributes,
): (Tensor | undefined)[] {
  const [condition, ...values] = node.inputs;
  const from = cotangents.flatMap((bar, k) => (bar ? [k] : []));
  const bars = cotangents.filter((bar) => bar !== undefined);
  const to = values.flatMap(({ dtype }, k) => (isFloat(dtype) ? [k] : []));
  const grads = (branch: Graph): Branch => {
    return () => {
      const inputs = values.map(alias);
      const outputs = inlined(branch, inputs);
      return backward(
        from.map((k) => outputs[k]),
        bars,
        to.map((k) => inputs[k]),
      );
    };
  };
  const chosen = condNode(condition, grads(whenTrue), grads(whenFalse));
  return [undefined, ...values.map((_, k) => (to.includes(k) ? resultOf(chosen, to.indexOf(k)) : undefined))];
}
