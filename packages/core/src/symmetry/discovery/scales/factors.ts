// Logarithms of factors, element by element, as sums of terms that each vary along a few axes.
import { type Shape, sizeOf } from "../../../array.js";
import { placesOf } from "../../../graph/copies.js";
import { groupBy } from "../../../group-by.js";
import { combine, type Form } from "../diagonal/elimination.js";
import { numbers } from "../diagonal/field.js";

/** A linear form in the numbers of all generators, for each index along some axes, row-major. */
export interface Term {
  readonly axes: readonly number[];
  readonly forms: readonly Form<number>[];
}

/** The sum of terms; none: the factor is one. */
export type Factor = readonly Term[];

/** Sizes by axis. Axes need not be those of a tensor: an operation numbers those that it sums over after its own. */
export type Sizes = ReadonlyMap<number, number> | Shape;

const sizeAt = (sizes: Sizes, axis: number): number =>
  (sizes instanceof Map ? sizes.get(axis) : (sizes as Shape)[axis]) ?? 1;

export const none: Form<number> = new Map();
/** In place of a form: what the values are multiplied by is not known, or they are not multiplied. */
export const lost: Form<number> = new Map();

function sum(a: Form<number>, b: Form<number>, factor = 1): Form<number> {
  if (a === lost || b === lost) return lost;
  return a.size === 0 && factor === 1 ? b : combine(numbers, a, b, factor);
}

export function raised(factor: Factor, power: number): Factor {
  if (power === 0) return [];
  if (power === 1) return factor;
  return factor.map(({ axes, forms }) => ({ axes, forms: forms.map((form) => sum(none, form, power)) }));
}

/** The factor of what an operation that keeps none makes of values: one where they do not change, else lost. */
export function unkept(factor: Factor, sizes: Sizes): Factor {
  const axes = axesOf(factor);
  const { forms } = joined(factor, axes, sizes);
  const isOne = (form: Form<number>) => form !== lost && form.size === 0;
  return forms.every(isOne) ? [] : [{ axes, forms: forms.map((form) => (isOne(form) ? none : lost)) }];
}

/** The indices along some axes, row-major, as positions along others of them with given strides. */
export function positions(
  axes: readonly number[],
  sizes: Sizes,
  strideOf: (axis: number) => number,
): number[] {
  const shape = axes.map((axis) => sizeAt(sizes, axis));
  return [...placesOf(shape, axes.map(strideOf))];
}

/** Strides of a term's forms by axis; 0 along axes that it does not have. */
export function strides(axes: readonly number[], sizes: Sizes): (axis: number) => number {
  const own = new Map<number, number>();
  let stride = 1;
  for (const axis of [...axes].reverse()) {
    own.set(axis, stride);
    stride *= sizeAt(sizes, axis);
  }
  return (axis) => own.get(axis) ?? 0;
}

/** The sum of terms as one along the given axes, among which are all of theirs. */
export function joined(terms: readonly Term[], axes: readonly number[], sizes: Sizes): Term {
  const along = terms.map((term) => repeated(term, axes, sizes));
  if (along.length === 1) return { axes, forms: along[0] };
  const size = sizeOf(axes.map((axis) => sizeAt(sizes, axis)));
  const total = Array<Form<number>>(size).fill(none);
  return { axes, forms: along.reduce((all, forms) => all.map((form, i) => sum(form, forms[i])), total) };
}

/** The forms of a term along further axes, or along its own in another order. */
function repeated({ axes, forms }: Term, along: readonly number[], sizes: Sizes): readonly Form<number>[] {
  const isSame = axes.length === along.length && axes.every((axis, i) => axis === along[i]);
  return isSame ? forms : positions(along, sizes, strides(axes, sizes)).map((at) => forms[at]);
}

export const axesOf = (terms: readonly Term[]): number[] =>
  [...new Set(terms.flatMap(({ axes }) => axes))].sort((a, b) => a - b);

/** Terms with those along the same axes added up. */
export function added(terms: readonly Term[], sizes: Sizes): Factor {
  const groups = groupBy(terms, ({ axes }) => [...axes].sort((a, b) => a - b).join());
  return [...groups.values()].map((group) =>
    group.length === 1 ? group[0] : joined(group, axesOf(group), sizes),
  );
}

/**
 * Axes renamed: each group of axes becomes other axes with the same elements in row-major order. An axis in
 * no group stays.
 */
export function renamed(
  factor: Factor,
  groups: readonly { readonly axes: readonly number[]; readonly to: readonly number[] }[],
  sizes: Sizes,
): Factor {
  return groups.length === 0
    ? factor
    : factor.map((term) => {
        const own = groups.filter(({ axes }) => axes.some((axis) => term.axes.includes(axis)));
        const taken = new Set(own.flatMap(({ axes }) => axes));
        const rest = term.axes.filter((axis) => !taken.has(axis));
        const order = [...rest, ...own.flatMap(({ axes }) => axes)];
        const { forms } = joined([term], order, sizes);
        return { axes: [...rest, ...own.flatMap(({ to }) => to)], forms };
      });
}

/** A factor at the first index of some axes; lost where it is not the same at every index. */
export function without(factor: Factor, gone: ReadonlySet<number>, sizes: Sizes): Factor {
  const touched = factor.filter(({ axes }) => axes.some((axis) => gone.has(axis)));
  if (touched.length === 0) return factor;
  const all = axesOf(touched);
  const kept = all.filter((axis) => !gone.has(axis));
  const { forms } = joined(touched, [...kept, ...all.filter((axis) => gone.has(axis))], sizes);
  const count = sizeOf(kept.map((axis) => sizeAt(sizes, axis)));
  const run = forms.length / count;
  const first = Array.from({ length: count }, (_, k) => {
    const own = forms.slice(k * run, (k + 1) * run);
    return own.every((form) => sameForm(form, own[0])) ? own[0] : lost;
  });
  return [...factor.filter((term) => !touched.includes(term)), { axes: kept, forms: first }];
}

/** A factor that is that of two members of a sum; lost where these differ. */
export function agreed(a: Factor, b: Factor, sizes: Sizes): Factor {
  if (a.length === 0 && b.length === 0) return a;
  const axes = axesOf([...a, ...b]);
  const [first, second] = [a, b].map((factor) => joined(factor, axes, sizes).forms);
  return [{ axes, forms: first.map((form, i) => (sameForm(form, second[i]) ? form : lost)) }];
}

function sameForm(a: Form<number>, b: Form<number>): boolean {
  if (a === b || a === lost || b === lost) return a === b;
  return a.size === b.size && combine(numbers, a, b, -1).size === 0;
}
