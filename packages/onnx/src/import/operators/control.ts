import { IsolossError, type Tensor } from "isoloss";
import { formatType, loopWhile, type OnnxGraph, sameShape } from "isoloss/internal";
import {
  add,
  concat,
  cond,
  constant,
  expandDims,
  input,
  less,
  logicalAnd,
  reshape,
  scan,
  transpose,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { knownValue } from "../known-value.js";
import { type Entry, isSequence, type Value } from "../value.js";
import { along, integers, picked, range } from "./reductions.js";

/** The tensors among entries; a sequence has no place in a branch or loop that is one operation. */
const tensorsOf = (call: Call, entries: readonly Entry[]): Value[] =>
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

/** The same tensor with another axis first. */
function withFirst(x: Tensor, axis: number): Tensor {
  return transpose(x, [axis, ...range(x.rank).filter((d) => d !== axis)]);
}

/** The same tensor with its first axis at another place. */
function withFirstAt(x: Tensor, axis: number): Tensor {
  const rest = range(x.rank).slice(1);
  return transpose(x, [...rest.slice(0, axis), 0, ...rest.slice(axis)]);
}

const reversed = (x: Tensor): Tensor => picked(x, 0, range(x.shape[0]).reverse());

/** Since operator set 9. */
function scanned(call: Call, operands: readonly Value[]): Value[] {
  const graph = call.graph("body");
  const count = call.int("num_scan_inputs", 0);
  const [initial, sequences] = [operands.slice(0, -count), operands.slice(-count)];
  const stacks = graph.outputs.length - initial.length;
  const numbers = (name: string, length: number) => call.ints(name) ?? Array<number>(length).fill(0);
  const axes = numbers("scan_input_axes", count).map((a, k) => (a < 0 ? a + sequences[k].tensor.rank : a));
  const isBackward = [
    ...(call.ints("scan_input_directions") ?? call.ints("directions") ?? numbers("", count)),
    ...numbers("scan_output_directions", stacks),
  ];
  // All backward is a loop from the end; otherwise the sequences that go the other way are turned around.
  const reverse = isBackward.every((b) => b === 1);
  const turned = (x: Tensor, k: number) => (isBackward[k] === 1 && !reverse ? reversed(x) : x);
  let kinds: readonly Value["kind"][] = [];
  const [last, ys] = scan(
    (carry: readonly Tensor[], elements: readonly Tensor[]): [Tensor[], Tensor[]] => {
      const inputs = [...carry, ...elements].map((tensor, k): Value => ({ tensor, kind: operands[k].kind }));
      const results = tensorsOf(call, call.subgraph(graph, inputs));
      kinds = results.map(({ kind }) => kind);
      const tensors = results.map(({ tensor }) => tensor);
      return [tensors.slice(0, carry.length), tensors.slice(carry.length)];
    },
    initial.map(({ tensor }) => tensor),
    sequences.map(({ tensor }, k) => turned(withFirst(tensor, axes[k]), k)),
    { reverse },
  );
  const outputAxes = numbers("scan_output_axes", stacks);
  const placed = ys.map((y, k) => {
    const axis = outputAxes[k] < 0 ? outputAxes[k] + y.rank : outputAxes[k];
    return withFirstAt(turned(y, count + k), axis);
  });
  return [...last, ...placed].map((tensor, k) => ({ tensor, kind: kinds[k] }));
}

/** Operator set 8: the examples of a batch, which is the first axis, one after the other. */
function scannedBatch(call: Call): Value[] {
  if (call.has(0)) return call.fail("sequences of different lengths are not supported");
  const operands = range(call.operands.length)
    .slice(1)
    .map((k) => call.operand(k));
  const rows = range(operands[0].tensor.shape[0]).map((b) =>
    scanned(
      call,
      operands.map(({ tensor, kind }) => ({
        tensor: reshape(along(tensor, 0, b, b + 1), tensor.shape.slice(1)),
        kind,
      })),
    ),
  );
  return rows[0].map(({ kind }, k) => ({
    tensor: concat(
      rows.map((row) => expandDims(row[k].tensor, 0)),
      { axis: 0 },
    ),
    kind,
  }));
}

export const scans: Readonly<Record<string, Operator>> = {
  Scan: (call) =>
    call.opset < 9
      ? scannedBatch(call)
      : scanned(
          call,
          range(call.operands.length).map((k) => call.operand(k)),
        ),
};
