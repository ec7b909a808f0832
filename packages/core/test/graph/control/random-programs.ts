// Random programs with loops and branches, traced as operations or written out.
import fc from "fast-check";
import { grad, jvp } from "../../../src/graph/autodiff.js";
import { cond } from "../../../src/graph/control/cond.js";
import { scan } from "../../../src/graph/control/scan.js";
import { whileLoop } from "../../../src/graph/control/while.js";
import { add, cast, mul } from "../../../src/graph/ops/arithmetic.js";
import { greater, less, where } from "../../../src/graph/ops/compare.js";
import { sin, tanh } from "../../../src/graph/ops/elementary.js";
import { constant } from "../../../src/graph/ops/leaf.js";
import { matmul } from "../../../src/graph/ops/matmul.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { reshape } from "../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../src/graph/ops/slice.js";
import { stopGradient } from "../../../src/graph/ops/stop-gradient.js";
import type { Tensor } from "../../../src/graph/tensor.js";

/** The number of a value; values are counted from the last, and around. */
type Ref = number;

/** A statement adds values of one shape, [n], to those that are there. */
export type Statement =
  | { readonly kind: "sin" | "double" | "stop"; readonly a: Ref }
  | { readonly kind: "add" | "mul" | "times"; readonly a: Ref; readonly b: Ref }
  | { readonly kind: "slope" | "push"; readonly a: Ref; readonly body: Program }
  | { readonly kind: "cond"; readonly a: Ref; readonly whenTrue: Program; readonly whenFalse: Program }
  | Loop
  | Repeat;

/** Repeats a program until the sum of its first carried value, and of a count, is too large. */
interface Repeat {
  readonly kind: "while";
  readonly most: number;
  readonly limit: number;
  /** Values that are carried. */
  readonly carried: readonly Ref[];
  readonly body: Program;
  /** Values after a step: as many as are carried. */
  readonly next: readonly Ref[];
}

interface Loop {
  readonly kind: "scan";
  readonly steps: number;
  readonly reverse: boolean;
  readonly recompute: number | undefined;
  /** Values that are carried. */
  readonly carried: readonly Ref[];
  /** Values that make a sequence: element t is the value times t + 1. */
  readonly sequences: readonly Ref[];
  readonly body: Program;
  /** Values after a step: as many as are carried, and what is stacked. */
  readonly next: readonly Ref[];
  readonly stacked: Ref;
}

export interface Program {
  readonly statements: readonly Statement[];
  readonly results: readonly [Ref, Ref];
}

const ref = fc.nat({ max: 6 });
const refs = (constraints: fc.ArrayConstraints) => fc.array(ref, constraints);

const simple: fc.Arbitrary<Statement> = fc.oneof(
  fc.record({ kind: fc.constantFrom("sin", "double", "stop"), a: ref }),
  fc.record({ kind: fc.constantFrom("add", "mul", "times"), a: ref, b: ref }),
);

function statement(depth: number): fc.Arbitrary<Statement> {
  if (depth === 0) return simple;
  const body = program(depth - 1);
  return fc.oneof(
    { weight: 3, arbitrary: simple },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("slope", "push"), a: ref, body }) },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant("cond"), a: ref, whenTrue: body, whenFalse: body }),
    },
    {
      weight: 4,
      arbitrary: fc.record({
        kind: fc.constant("scan"),
        steps: fc.integer({ min: 1, max: 3 }),
        reverse: fc.boolean(),
        recompute: fc.constantFrom(undefined, undefined, 1, 2),
        carried: refs({ maxLength: 3 }),
        sequences: refs({ maxLength: 2 }),
        body,
        next: refs({ minLength: 3, maxLength: 3 }),
        stacked: ref,
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("while"),
        most: fc.integer({ min: 1, max: 4 }),
        limit: fc.constantFrom(-10, 0.5, 2, 100),
        carried: refs({ minLength: 1, maxLength: 3 }),
        body,
        next: refs({ minLength: 3, maxLength: 3 }),
      }),
    },
  );
}

/** Programs with loops and branches inside each other up to a depth. */
export function program(depth: number): fc.Arbitrary<Program> {
  return fc.record({
    statements: fc.array(statement(depth), { minLength: 1, maxLength: 3 }),
    results: fc.tuple(ref, ref),
  });
}

/** How loops and branches are traced. */
export interface Control {
  loop(loop: Loop, run: Step, carried: State, sequences: readonly Tensor[]): [State, Tensor];
  branch(condition: Tensor, whenTrue: () => Tensor[], whenFalse: () => Tensor[]): Tensor[];
  repeat(most: number, goesOn: (x: Counted) => Tensor, step: (x: Counted) => Counted, init: Counted): Counted;
}

/** Values and the number of steps that led to them. */
type Counted = readonly [values: readonly Tensor[], count: Tensor];

/** What a loop carries: its values, a count and whether two of the values were in order. */
interface State {
  readonly values: readonly Tensor[];
  readonly count: Tensor;
  readonly isOrdered: Tensor;
}

type Step = (state: State, elements: readonly Tensor[]) => [State, Tensor];

export const asOperations: Control = {
  loop: ({ steps, reverse, recompute }, run, carried, sequences) =>
    scan(run, carried, sequences, { length: steps, reverse, recompute }),
  branch: cond,
  repeat: (most, goesOn, step, init) => whileLoop(goesOn, step, init, { most }),
};

export const writtenOut: Control = {
  loop({ steps, reverse }, run, carried, sequences) {
    let state = carried;
    const stack: Tensor[] = [];
    for (let k = 0; k < steps; k++) {
      const t = reverse ? steps - 1 - k : k;
      const elements = sequences.map((x) =>
        reshape(slice(x, { starts: [t, 0], ends: [t + 1, x.shape[1]] }), [-1]),
      );
      const [next, y] = run(state, elements);
      state = next;
      stack[t] = reshape(y, [1, -1]);
    }
    return [state, concat(stack, { axis: 0 })];
  },
  branch(condition, whenTrue, whenFalse) {
    const others = whenFalse();
    return whenTrue().map((x, k) => where(condition, x, others[k]));
  },
  repeat(most, goesOn, step, init) {
    let state = init;
    let isOn: Tensor = constant(1, "bool");
    for (let k = 0; k < most; k++) {
      isOn = where(isOn, goesOn(state), isOn);
      const [values, count] = step(state);
      const [before, countBefore] = state;
      const chosen = values.map((x, i) => where(isOn, x, before[i]));
      state = [chosen, where(isOn, count, countBefore)];
    }
    return state;
  },
};

/** The results of a program for given values of the shape [n] and a matrix w. */
export function runProgram(
  { statements, results }: Program,
  values: readonly Tensor[],
  w: Tensor,
  control: Control,
): [Tensor, Tensor] {
  const all = [...values];
  const at = (k: Ref): Tensor => all[all.length - 1 - (k % all.length)];
  for (const one of statements) all.push(...runStatement(one, at, all, w, control));
  return [at(results[0]), at(results[1])];
}

function runStatement(
  one: Statement,
  at: (k: Ref) => Tensor,
  all: readonly Tensor[],
  w: Tensor,
  control: Control,
): Tensor[] {
  switch (one.kind) {
    case "sin":
      return [sin(at(one.a))];
    case "double":
      return [tanh(add(at(one.a), at(one.a)))];
    case "stop":
      return [add(at(one.a), stopGradient(sin(at(one.a))))];
    case "add":
      return [mul(0.5, add(at(one.a), at(one.b)))];
    case "mul":
      return [tanh(mul(at(one.a), at(one.b)))];
    case "times":
      return [add(tanh(reshape(matmul(w, reshape(at(one.a), [-1, 1])), [-1])), mul(0.1, at(one.b)))];
    case "slope": {
      const loss = (x: Tensor) => {
        const [y, z] = runProgram(one.body, [...all, x], w, control);
        return sum(mul(sin(y), add(z, 1)));
      };
      return [tanh(grad(loss)(at(one.a)))];
    }
    case "push": {
      const f = (x: Tensor): Tensor => runProgram(one.body, [...all, x], w, control)[0];
      return [tanh(jvp(f, at(one.a), sin(at(one.a)))[1])];
    }
    case "cond": {
      const run = (body: Program) => () => runProgram(body, all, w, control);
      return control.branch(greater(sum(at(one.a)), 0.1), run(one.whenTrue), run(one.whenFalse));
    }
    case "scan":
      return runLoop(one, at, all, w, control);
    case "while":
      return runRepeat(one, at, all, w, control);
  }
}

function runRepeat(
  { most, limit, carried, body, next }: Repeat,
  at: (k: Ref) => Tensor,
  all: readonly Tensor[],
  w: Tensor,
  control: Control,
): Tensor[] {
  const numberOf = (count: Tensor) => cast(count, all[0].dtype);
  const goesOn = ([values, count]: Counted) => less(add(sum(values[0]), numberOf(count)), limit);
  const step = ([values, count]: Counted): Counted => {
    const inner = [...all, mul(numberOf(count), mul(0.3, all[0])), ...values];
    const found = [...values, ...runProgram(body, inner, w, control)];
    return [values.map((_, k) => found[found.length - 1 - (next[k] % found.length)]), add(count, 1)];
  };
  const [values, count] = control.repeat(most, goesOn, step, [carried.map(at), constant(0, "int64")]);
  return [...values, tanh(mul(numberOf(count), values[0]))];
}

function runLoop(
  loop: Loop,
  at: (k: Ref) => Tensor,
  all: readonly Tensor[],
  w: Tensor,
  control: Control,
): Tensor[] {
  const sequences = loop.sequences.map((k) => {
    const rows = Array.from({ length: loop.steps }, (_, t) => reshape(mul(t + 1, at(k)), [1, -1]));
    return concat(rows, { axis: 0 });
  });
  const step: Step = ({ values, count, isOrdered }, elements) => {
    const inner = [...all, ...elements, ...values, mul(cast(count, all[0].dtype), mul(0.3, all[0]))];
    const found = [...values, ...runProgram(loop.body, inner, w, control)];
    const after = (k: Ref): Tensor => found[found.length - 1 - (k % found.length)];
    const next = values.map((_, k) => after(loop.next[k]));
    const y = where(isOrdered, after(loop.stacked), found[0]);
    const isNextOrdered = less(sum(found[0]), sum(found[found.length - 1]));
    return [{ values: next, count: add(count, 2), isOrdered: isNextOrdered }, y];
  };
  const start = { values: loop.carried.map(at), count: constant(1, "int64"), isOrdered: constant(1, "bool") };
  const [{ values, count, isOrdered }, stack] = control.loop(loop, step, start, sequences);
  const last = where(isOrdered, sum(stack, { axes: [0] }), mul(cast(count, all[0].dtype), all[0]));
  return [...values, tanh(last)];
}
