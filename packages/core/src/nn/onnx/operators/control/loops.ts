import { IsolossError } from "../../../../errors.js";
import { scan } from "../../../../graph/control/scan.js";
import { constant, input } from "../../../../graph/ops/leaf.js";
import { expandDims } from "../../../../graph/ops/reshape.js";
import { concat } from "../../../../graph/ops/slice.js";
import { sameShape, type Tensor } from "../../../../graph/tensor.js";
import type { Call, Operator } from "../../call.js";
import { knownValue } from "../../known-value.js";
import { type Entry, isSequence, type Value } from "../../value.js";
import { integers, range } from "../axes.js";
import { tensorsOf } from "./branches.js";

/** Steps that are written out at most, one after the other. */
const mostSteps = 1000;

const yes: Value = { tensor: constant(1, "bool"), kind: "bool" };
const integer = (tensor: Tensor): Value => ({ tensor, kind: "int64" });

/**
 * A loop is one operation where its number of steps is known, nothing ends it earlier, and what it carries keeps its
 * types. Otherwise its steps are written out, for which all conditions must be known.
 */
function loop(call: Call): readonly Entry[] {
  const most = call.known(0)?.[0] ?? Number.POSITIVE_INFINITY;
  const count = call.known(1)?.[0] === 0 ? 0 : most;
  const carried = range(call.operands.length)
    .slice(2)
    .map((k) => call.entry(k));
  const tensors = carried.flatMap((x) => (isSequence(x) ? [] : [x]));
  const isCounted = count > 0 && Number.isFinite(count) && tensors.length === carried.length;
  return (isCounted ? asScan(call, count, tensors) : undefined) ?? writtenOut(call, count, carried);
}

/** Undefined if the loop may end early, or what it carries changes its type. */
function asScan(call: Call, length: number, carried: readonly Value[]): Value[] | undefined {
  const graph = call.graph("body");
  const run = (step: Tensor, before: readonly Tensor[]): Value[] => {
    const values = before.map((tensor, k): Value => ({ tensor, kind: carried[k].kind }));
    return tensorsOf(call, call.subgraph(graph, [integer(step), yes, ...values]));
  };
  const symbols = carried.map(({ tensor }) => input(tensor.shape, tensor.dtype));
  const probe = orUndefined(() => run(input([], "int64"), symbols));
  if (!probe || !knownValue(probe[0].tensor)?.data[0]) return undefined;
  const results = probe.slice(1);
  const keepsType = ({ tensor: before }: Value, k: number) =>
    before.dtype === results[k].tensor.dtype && sameShape(before.shape, results[k].tensor.shape);
  if (!carried.every(keepsType)) return undefined;
  const [last, stacks] = scan(
    (before: readonly Tensor[], step: Tensor): [Tensor[], Tensor[]] => {
      const after = run(step, before).map(({ tensor }) => tensor);
      return [after.slice(1, 1 + carried.length), after.slice(1 + carried.length)];
    },
    carried.map(({ tensor }) => tensor),
    integers(range(length)),
  );
  return [...last, ...stacks].map((tensor, k) => ({ tensor, kind: results[k].kind }));
}

function writtenOut(call: Call, count: number, carried: readonly Entry[]): Entry[] {
  const graph = call.graph("body");
  let values = carried;
  const stacks: Value[][] = graph.outputs.slice(1 + carried.length).map(() => []);
  for (let step = 0, goesOn = true; goesOn && step < count; step++) {
    if (step === mostSteps) return call.fail(`it does not end within ${mostSteps} steps`);
    const inputs = [integer(constant(step, "int64")), yes, ...values];
    const [condition, ...results] = call.subgraph(graph, inputs);
    values = results.slice(0, carried.length).map(settled);
    const elements = tensorsOf(call, results.slice(carried.length));
    stacks.forEach((stack, k) => {
      stack.push(elements[k]);
    });
    goesOn = isTrue(call, condition);
  }
  if (stacks.some((stack) => stack.length === 0)) return call.fail("it has no steps, and results to stack");
  return [...values, ...stacks.map(stacked)];
}

function stacked(stack: readonly Value[]): Value {
  const rows = stack.map(({ tensor }) => expandDims(tensor, 0));
  return { tensor: concat(rows, { axis: 0 }), kind: stack[0].kind };
}

/** A value that is known is a constant, so that the next step does not compute it again. */
function settled(entry: Entry): Entry {
  if (isSequence(entry)) return entry;
  const value = knownValue(entry.tensor);
  return value ? { tensor: constant(value, entry.tensor.dtype), kind: entry.kind } : entry;
}

function isTrue(call: Call, condition: Entry): boolean {
  const value = isSequence(condition) ? undefined : knownValue(condition.tensor);
  return value === undefined
    ? call.fail("when it ends depends on inputs or parameters: give those inputs as arrays")
    : Number(value.data[0]) !== 0;
}

/** What a function returns; undefined if it finds that something does not fit. */
function orUndefined<T>(f: () => T): T | undefined {
  try {
    return f();
  } catch (error) {
    if (error instanceof IsolossError) return undefined;
    throw error;
  }
}

export const loops: Readonly<Record<string, Operator>> = { Loop: loop };
