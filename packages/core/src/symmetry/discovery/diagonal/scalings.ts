import { constantValue } from "../../../graph/ops/leaf.js";
import type { Tensor } from "../../../graph/tensor.js";
import type { ScalingGenerator, SignGenerator } from "../descriptors.js";
import { ruleOf } from "../graph/rules.js";
import type { Layout } from "../layout.js";
import type { ScaledPlanes } from "../linear.js";
import { type ParameterSlot, parameterAxisOf, parameterSlots, wholeAxis } from "../parameter-axes.js";
import { type DiagonalSystem, diagonalSystem } from "./diagonal.js";
import { combine, Equations, type Form } from "./elimination.js";
import { type Field, greatestDivisor, type Rational, rationals, signs } from "./field.js";

/**
 * The largest constant that a normalization may add to a variance so that its scaling is still reported, as
 * an inexact one.
 */
const largestEpsilon = 1e-3;

/**
 * Scalings of parameters that cancel: in products, in positively homogeneous functions and in normalizations.
 *
 * @param planes scalings that are known, which are the last of the list
 */
export function findScalings(layout: Layout, planes: readonly ScaledPlanes[]): ScalingGenerator[] {
  const slots = parameterSlots(layout);
  const guards = findGuards(layout);
  const epsilons = findEpsilons(layout);
  const system = diagonalSystem(
    layout,
    rationals,
    (node) => ruleOf(node).scale(node),
    (node) => guards.has(node),
  );
  const known = planes.flatMap(({ indices }) =>
    indices.map((own): Form<Rational> => {
      const numberOf = (at: ParameterSlot) =>
        slots.findIndex(({ parameter, slot }) => parameter === at.parameter && slot === at.slot);
      return new Map(own.map((at) => [numberOf(at), rationals.of(at.power)]));
    }),
  );
  const found = diagonalGenerators(system, rationals, slots, layout, known).map(
    ({ along, form, exact }): ScalingGenerator => {
      const terms = wholePowers(form);
      if (along === "parameters") {
        const own = terms.filter(([k]) => epsilons.has(layout.parameters[k].tensor));
        const [first] = own;
        // The sign that makes what is written larger.
        const sign = first !== undefined && first[1] < 0 ? -1 : 1;
        const axes = terms.map(([k, power]) => ({ ...wholeAxis(layout.parameters[k]), power: sign * power }));
        if (first === undefined) return { kind: "scaling", size: 1, axes, exact };
        const units = epsilons.get(layout.parameters[first[0]].tensor) as number;
        const paths = own.map(([k]) => layout.parameters[k].path);
        return { kind: "scaling", size: 1, axes, exact, stream: { units, epsilons: paths } };
      }
      const { size } = slots[terms[0][0]].atom;
      return {
        kind: "scaling",
        size,
        axes: terms.map(([s, power]) => ({ ...parameterAxisOf(layout, slots[s]), power })),
        exact,
      };
    },
  );
  return [...found, ...planes.map(({ generator }) => generator)];
}

/** Sums (or maxima) with a small positive constant that only a root or a division reads: they guard against zero. */
function findGuards({ nodes, graph }: Layout): Set<Tensor> {
  const guards = new Set<Tensor>(nodes.filter(isGuarded));
  for (const user of nodes) {
    user.inputs.forEach((x, k) => {
      if (!isRootOrDivision(user, k)) guards.delete(x);
    });
  }
  for (const { tensor } of graph.outputs) guards.delete(tensor);
  return guards;
}

/** Parameters of one number that are added below a root or in a divisor, and how many numbers what they are added to sums up. */
function findEpsilons({ nodes, parameters }: Layout): Map<Tensor, number> {
  const single = new Set(parameters.flatMap(({ tensor }) => (tensor.size === 1 ? [tensor] : [])));
  const epsilons = new Map<Tensor, number>();
  for (const user of nodes) {
    user.inputs.forEach((sum, k) => {
      if (!isRootOrDivision(user, k) || (sum.op.name !== "add" && sum.op.name !== "maximum")) return;
      const [a, b] = sum.inputs;
      for (const [x, other] of [
        [a, b],
        [b, a],
      ]) {
        const source = x.op.name === "broadcast" || x.op.name === "reshape" ? x.inputs[0] : x;
        if (single.has(source)) epsilons.set(source, summedUp(other));
      }
    });
  }
  return epsilons;
}

/** How many numbers each element of a mean or a length is the sum of. */
function summedUp(x: Tensor): number {
  if (x.op.name === "sum") return x.inputs[0].size / x.size;
  if (x.op.name === "matmul") return x.inputs[0].shape.at(-1) ?? 1;
  const [next] = x.inputs.filter((own) => constantValue(own) === undefined);
  return next === undefined ? 1 : summedUp(next);
}

/** Whether a node adds a small positive constant, or takes the maximum with one. */
export function isGuarded({ op, inputs }: Tensor): boolean {
  if (op.name !== "add" && op.name !== "maximum") return false;
  const numbers = inputs.flatMap((x) => constantValue(x) ?? []);
  return numbers.length === 1 && numbers[0] > 0 && numbers[0] <= largestEpsilon;
}

function isRootOrDivision({ op, inputs }: Tensor, k: number): boolean {
  if (op.name === "pow") return k === 0 && (constantValue(inputs[1]) ?? 1) < 1;
  return op.name === "sqrt" || (op.name === "div" && k === 1);
}

/** The terms of a form, scaled to coprime integers with the first one positive. */
function wholePowers(form: Form<Rational>): [number, number][] {
  const terms = termsOf(form);
  const common = terms.reduce((m, [, { denominator: d }]) => (m * d) / greatestDivisor(m, d), 1n);
  const whole = terms.map(([, { numerator, denominator }]) => (numerator * common) / denominator);
  const divisor = whole.reduce(greatestDivisor, 0n) * (whole[0] < 0n ? -1n : 1n);
  return terms.map(([unknown], i) => [unknown, Number(whole[i] / divisor)]);
}

/** Flips of signs that cancel: in products, and in odd and even functions. */
export function findSigns(layout: Layout): SignGenerator[] {
  const slots = parameterSlots(layout);
  const system = diagonalSystem(layout, signs, (node) => ruleOf(node).sign(node));
  return diagonalGenerators(system, signs, slots, layout).map(({ along, form }) => {
    const unknowns = termsOf(form).map(([unknown]) => unknown);
    if (along === "parameters") {
      return { kind: "sign", size: 1, axes: unknowns.map((k) => wholeAxis(layout.parameters[k])) };
    }
    const { size } = slots[unknowns[0]].atom;
    return { kind: "sign", size, axes: unknowns.map((s) => parameterAxisOf(layout, slots[s])) };
  });
}

/** A solution in vectors along one index, or in numbers, one per parameter. */
export interface Generator<T> {
  readonly along: "slots" | "parameters";
  /** Coefficients by the number of the slot or the parameter. */
  readonly form: Form<T>;
  readonly exact: boolean;
}

/** The candidates that are independent of the spanned forms; adds them to the span. */
function extend<T>(spanned: Equations<T>, candidates: readonly Form<T>[]): Form<T>[] {
  return candidates.filter((form) => spanned.add(form));
}

/**
 * Subtracts multiples of other forms, one or two at a time, as long as that leaves fewer terms, or as many in unknowns that are
 * read later: of the weights behind one another that may scale a sum, the last one.
 */
function sparsest<T>(
  field: Field<T>,
  form: Form<T>,
  others: readonly Form<T>[],
  placeOf: (unknown: number) => number,
): Form<T> {
  const holders = new Map<number, Form<T>[]>();
  for (const other of others) {
    for (const unknown of other.keys()) holders.set(unknown, [...(holders.get(unknown) ?? []), other]);
  }
  const places = (own: Form<T>) => [...own.keys()].reduce((sum, unknown) => sum + placeOf(unknown), 0);
  const isBetter = (a: Form<T>, b: Form<T>) =>
    a.size < b.size || (a.size === b.size && places(a) > places(b));
  /** The form without one of some unknowns, by each other form that has it. */
  const without = (own: Form<T>, unknowns: Iterable<number>): Form<T>[] =>
    [...unknowns].flatMap((unknown) =>
      (holders.get(unknown) ?? []).map((other) => {
        const ratio = field.mul(own.get(unknown) as T, field.inverse(other.get(unknown) as T));
        return combine(field, own, other, field.negate(ratio));
      }),
    );
  let best = form;
  for (let next: Form<T> | undefined = form; next !== undefined; ) {
    best = next;
    const base = best;
    const one = without(base, base.keys());
    next =
      one.find((own) => isBetter(own, base)) ??
      one
        .flatMap((own) =>
          without(
            own,
            [...own.keys()].filter((unknown) => !base.has(unknown)),
          ),
        )
        .find((own) => isBetter(own, base));
  }
  return best;
}

const inOrder = <T>(forms: readonly Form<T>[]): Form<T>[] =>
  [...forms].sort((a, b) => Math.min(...a.keys()) - Math.min(...b.keys()));

/**
 * A basis of all diagonal symmetries of the parameters of a layout that known ones in vectors do not give. Vectors include the constant ones, so numbers only add what these do
 * not give. The exact symmetries come first; the others complete their basis.
 */
function diagonalGenerators<T>(
  { scalars, vectors, soft }: DiagonalSystem<T>,
  field: Field<T>,
  slots: readonly ParameterSlot[],
  { parameters, nodes }: Layout,
  given: readonly Form<T>[] = [],
): Generator<T>[] {
  const readers = new Map(
    nodes.flatMap(({ inputs }, place) => inputs.map((x) => [x, place] as const)).reverse(),
  );
  const placeOf = (k: number) => readers.get(parameters[k].tensor) ?? 0;
  const hardVectors = vectors.copy();
  const hardScalars = scalars.copy();
  for (const { scalar, parts } of soft) {
    hardScalars.add(scalar);
    for (const part of parts) hardVectors.add(part);
  }
  /** A solution in constant vectors as one in numbers. */
  const constant = (form: Form<T>): Form<T> =>
    [...form].reduce<Form<T>>(
      (sum, [slot, c]) => combine(field, sum, new Map([[slots[slot].parameter, c]])),
      new Map(),
    );
  const [spannedVectors, spannedScalars] = [new Equations(field), new Equations(field)];
  const known: Form<T>[] = extend(spannedVectors, given).map(constant);
  return [true, false].flatMap((exact) => {
    const byVector = inOrder(extend(spannedVectors, (exact ? hardVectors : vectors).solutions(slots.length)));
    known.push(...byVector.map(constant));
    extend(spannedScalars, known);
    const byNumber = inOrder(
      extend(spannedScalars, (exact ? hardScalars : scalars).solutions(parameters.length)).map((form) =>
        sparsest(field, form, known, placeOf),
      ),
    );
    known.push(...byNumber);
    return [
      ...byVector.map((form): Generator<T> => ({ along: "slots", form, exact })),
      ...byNumber.map((form): Generator<T> => ({ along: "parameters", form, exact })),
    ];
  });
}

/** The terms of a form in the order of the unknowns. */
function termsOf<T>(form: Form<T>): [number, T][] {
  return [...form].sort(([a], [b]) => a - b);
}
