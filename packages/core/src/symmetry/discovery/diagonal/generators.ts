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

/** Subtracts multiples of other forms from a form as long as that leaves fewer terms. */
function sparsest<T>(field: Field<T>, form: Form<T>, others: readonly Form<T>[]): Form<T> {
  let best = form;
  for (let size = Infinity; best.size < size; ) {
    size = best.size;
    for (const other of others) {
      for (const [unknown, coefficient] of other) {
        const own = best.get(unknown);
        if (own === undefined) continue;
        const factor = field.negate(field.mul(own, field.inverse(coefficient)));
        const next = combine(field, best, other, factor);
        if (next.size < best.size) best = next;
      }
    }
  }
  return best;
}

const inOrder = <T>(forms: readonly Form<T>[]): Form<T>[] =>
  [...forms].sort((a, b) => Math.min(...a.keys()) - Math.min(...b.keys()));

/**
 * A basis of all diagonal symmetries. Vectors include the constant ones, so numbers only add what these do
 * not give. The exact symmetries come first; the others complete their basis.
 */
export function diagonalGenerators<T>(
  { scalars, vectors, soft }: DiagonalSystem<T>,
  field: Field<T>,
  slots: readonly ParameterSlot[],
  parameters: number,
): Generator<T>[] {
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
  const known: Form<T>[] = [];
  return [true, false].flatMap((exact) => {
    const byVector = inOrder(extend(spannedVectors, (exact ? hardVectors : vectors).solutions(slots.length)));
    known.push(...byVector.map(constant));
    extend(spannedScalars, known);
    const byNumber = inOrder(
      extend(spannedScalars, (exact ? hardScalars : scalars).solutions(parameters)).map((form) =>
        sparsest(field, form, known),
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
