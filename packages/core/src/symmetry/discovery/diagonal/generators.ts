import type { Layout } from "../layout.js";
import type { ParameterSlot } from "../parameter-axes.js";
import type { DiagonalSystem } from "./diagonal.js";
import { combine, Equations, type Form } from "./elimination.js";
import type { Field } from "./field.js";

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
export function diagonalGenerators<T>(
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
export function termsOf<T>(form: Form<T>): [number, T][] {
  return [...form].sort(([a], [b]) => a - b);
}
