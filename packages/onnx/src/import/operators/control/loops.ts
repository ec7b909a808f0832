import type { Tensor } from "isoloss";
import { IsolossError } from "isoloss";
import { loopWhile, sameShape } from "isoloss/internal";
import { add, concat, constant, expandDims, input, less, logicalAnd, reshape, scan } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { knownValue } from "../../known-value.js";
import { type Entry, isSequence, type Value } from "../../value.js";
import { integers, range } from "../axes.js";
import { tensorsOf } from "./branches.js";

/** Steps that are written out at most, one after the other. */
const mostSteps = 1000;

/** Steps of a loop without a bound. */
const mostCounted = 2 ** 31 - 1;

const yes: Value = { tensor: constant(1, "bool"), kind: "bool" };
const integer = (tensor: Tensor): Value => ({ tensor, kind: "int64" });

/**
 * A loop is one operation where what it carries keeps its types, and either its number of steps is known and nothing
 * ends it earlier, or what ends it is known only when it runs, and it stacks no results. Otherwise its steps are
 * written out, for which all conditions must be known.
 */
function loop(call: Call): readonly Entry[] {
  const carried = range(call.operands.length)
    .slice(2)
    .map((k) => call.entry(k));
  const start = call.has(1) ? call.tensor(1) : yes.tensor;
  // Undefined if it is known only when the loop runs.
  const most = call.has(0) ? call.maybeKnown(0)?.[0] : Number.POSITIVE_INFINITY;
  const count = knownValue(start)?.data[0] === 0 ? 0 : most;
  const tensors = carried.flatMap((x) => (isSequence(x) ? [] : [x]));
  const hasSteps = count === undefined || count > 0;
  const isOperation = hasSteps && tensors.length === carried.length;
  return (
    (isOperation ? asOperation(call, count, start, tensors) : undefined) ??
    writtenOut(call, count ?? requireCount(call), carried)
  );
}

/** The number of steps that an operand says. */
const requireCount = (call: Call): number => (call.known(0) as readonly number[])[0];

type Run = (step: Tensor, before: readonly Tensor[]) => Value[];

/** A step: whether it goes on, what it carries, and elements of what is stacked. */
type Body = (step: Tensor, values: readonly Value[]) => Value[];

/** Undefined if its steps must be written out. */
function asOperation(
  call: Call,
  count: number | undefined,
  start: Tensor,
  carried: readonly Value[],
  body: Body = (step, values) =>
    tensorsOf(call, call.subgraph(call.graph("body"), [integer(step), yes, ...values])),
): Value[] | undefined {
  const run: Run = (step, before) =>
    body(
      step,
      before.map((tensor, k) => ({ tensor, kind: carried[k].kind })),
    );
  const isAlways = ({ tensor }: Value) => Number(knownValue(tensor)?.data[0] ?? 0) !== 0;
  const symbols = carried.map(({ tensor }) => input(tensor.shape, tensor.dtype));
  const probe = orUndefined(() => run(input([], "int64"), symbols));
  if (!probe) return undefined;
  const results = probe.slice(1);
  // What each step passes on stays what the loop was given, and known where that is: it may be the shape of a Reshape.
  const isPassed = symbols.map((symbol, k) => results[k].tensor === symbol);
  if (isPassed.includes(true)) {
    const others = carried.filter((_, k) => !isPassed[k]);
    if (others.length === 0 && results.length === carried.length) return [...carried];
    const withPassed = <T>(own: readonly T[], passed: readonly T[]): T[] => {
      const rest = own.values();
      return [...passed.map((value, k) => (isPassed[k] ? value : (rest.next().value as T))), ...rest];
    };
    const changed = asOperation(call, count, start, others, (step, values) =>
      body(step, withPassed(values, carried)).filter((_, k) => isPassed[k - 1] !== true),
    );
    return changed && withPassed(changed, carried);
  }
  const keepsType = ({ tensor: before }: Value, k: number) =>
    before.dtype === results[k].tensor.dtype && sameShape(before.shape, results[k].tensor.shape);
  if (!carried.every(keepsType)) return undefined;
  const asValue = (tensor: Tensor, k: number): Value => ({ tensor, kind: results[k].kind });
  const values = carried.map(({ tensor }) => tensor);
  const isStarted = knownValue(start) !== undefined;
  if (count !== undefined && isStarted && isAlways(probe[0])) {
    return Number.isFinite(count) ? counted(run, count, values).map(asValue) : undefined;
  }
  if (results.length > carried.length) return undefined;
  // A condition that is known step by step ends a loop that is written out.
  const isDecidedLater =
    count === undefined || !isStarted || !knownValue(run(constant(0, "int64"), values)[0].tensor);
  return isDecidedLater
    ? ended(run, count ?? reshape(call.tensor(0), []), start, values).map(asValue)
    : undefined;
}

function counted(run: Run, length: number, carried: readonly Tensor[]): Tensor[] {
  const [last, stacks] = scan(
    (before: readonly Tensor[], step: Tensor): [Tensor[], Tensor[]] => {
      const after = run(step, before).map(({ tensor }) => tensor);
      return [after.slice(1, 1 + carried.length), after.slice(1 + carried.length)];
    },
    carried,
    integers(range(length)),
  );
  return [...last, ...stacks];
}

/** Ends at a condition, and after a number of steps, which may be known only when it runs. */
function ended(
  run: Run,
  count: number | Tensor,
  start: Tensor,
  carried: readonly Tensor[],
): readonly Tensor[] {
  const isCounted = typeof count === "number";
  const first = constant(0, "int64");
  const goesOnAt = (step: Tensor, goesOn: Tensor): Tensor =>
    isCounted ? reshape(goesOn, []) : logicalAnd(reshape(goesOn, []), less(step, count));
  const [last] = loopWhile(
    ([before, step]: readonly [readonly Tensor[], Tensor]) => {
      const [goesOn, ...after] = run(step, before).map(({ tensor }) => tensor);
      const next = add(step, 1);
      return [goesOnAt(next, goesOn), [after, next] as const];
    },
    [carried, first] as const,
    { most: isCounted ? Math.min(count, mostCounted) : mostCounted, start: goesOnAt(first, start) },
  );
  return last;
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
