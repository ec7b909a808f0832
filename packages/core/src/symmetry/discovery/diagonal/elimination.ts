// Gauss-Jordan elimination of sparse homogeneous equations over any field.
import type { Field } from "./field.js";

/** A linear form: coefficients by the number of the unknown, none of them zero. */
export type Form<T> = ReadonlyMap<number, T>;

/** a + factor b */
export function combine<T>(field: Field<T>, a: Form<T>, b: Form<T>, factor: T = field.one): Form<T> {
  if (b.size === 0 || field.isZero(factor)) return a;
  const result = new Map(a);
  for (const [unknown, coefficient] of b) {
    const term = field.mul(factor, coefficient);
    const known = result.get(unknown);
    const total = known === undefined ? term : field.add(known, term);
    if (field.isZero(total)) result.delete(unknown);
    else result.set(unknown, total);
  }
  return result;
}

/** Homogeneous equations, always in reduced row echelon form. */
export class Equations<T> {
  private readonly rows = new Map<number, Form<T>>();
  /** Pivots of the rows that have had a term in each unknown. */
  private readonly holders = new Map<number, Set<number>>();

  constructor(private readonly field: Field<T>) {}

  copy(): Equations<T> {
    const copy = new Equations(this.field);
    for (const [pivot, row] of this.rows) copy.set(pivot, row);
    return copy;
  }

  /** The form with the unknowns that the equations determine eliminated. */
  reduce(form: Form<T>): Form<T> {
    let result = form;
    for (const [unknown, coefficient] of form) {
      const row = this.rows.get(unknown);
      if (row) result = combine(this.field, result, row, this.field.negate(coefficient));
    }
    return result;
  }

  /** Adds the equation form = 0; returns whether it was independent of the others. */
  add(form: Form<T>): boolean {
    const rest = this.reduce(form);
    if (rest.size === 0) return false;
    const pivot = Math.min(...rest.keys());
    const row = combine(this.field, new Map(), rest, this.field.inverse(rest.get(pivot) as T));
    for (const other of this.holders.get(pivot) ?? []) {
      const form = this.rows.get(other) as Form<T>;
      const coefficient = form.get(pivot);
      if (coefficient !== undefined) {
        this.set(other, combine(this.field, form, row, this.field.negate(coefficient)));
      }
    }
    this.holders.delete(pivot);
    this.set(pivot, row);
    return true;
  }

  private set(pivot: number, row: Form<T>): void {
    this.rows.set(pivot, row);
    for (const unknown of row.keys()) {
      const own = this.holders.get(unknown);
      if (own) own.add(pivot);
      else this.holders.set(unknown, new Set([pivot]));
    }
  }

  /** A basis of the solutions: one for each free unknown among those numbered below `count`. */
  solutions(count: number): Form<T>[] {
    const basis = new Map<number, Map<number, T>>();
    for (let unknown = 0; unknown < count; unknown++) {
      if (!this.rows.has(unknown)) basis.set(unknown, new Map([[unknown, this.field.one]]));
    }
    for (const [pivot, row] of this.rows) {
      for (const [unknown, coefficient] of row) {
        if (unknown !== pivot) basis.get(unknown)?.set(pivot, this.field.negate(coefficient));
      }
    }
    return [...basis.values()];
  }
}
