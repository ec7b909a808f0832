// Symmetries of a model in sentences.
import { groupBy } from "../experiments/results/groups.js";
import type { AxisReport, SymmetryReport } from "./symmetry-reports.js";

/** What is said about a kind of groups. */
interface KindText {
  readonly title: string;
  /** What the group does to the elements along an axis. */
  readonly does: (axis: AxisReport) => string;
}

const exponent = (power: number): string => (Math.abs(power) === 1 ? "" : `^${Math.abs(power)}`);

const kinds: Readonly<Record<string, KindText>> = {
  scaling: {
    title: "Scalings: each unit has a factor c > 0",
    does: ({ attributes: { power = 1 } }) => `${power < 0 ? "divided by" : "times"} c${exponent(power)}`,
  },
  linear: {
    title: "Linear maps: any invertible matrix g mixes the units",
    does: ({ attributes: { variance = 1 } }) => (variance < 0 ? "times the inverse of g'" : "times g"),
  },
  sign: { title: "Signs: each unit has a factor s of 1 or -1", does: () => "times s" },
  permutation: { title: "Permutations: the units in another order", does: () => "reordered" },
  bijection: {
    title: "Hidden units with a bijective activation: kept on one batch of data, not on all",
    does: () => "moved",
  },
  shift: {
    title: "Shifts: each unit has a number t that is added",
    does: ({ attributes: { absorbs } }) => (absorbs === 1 ? "minus its effect" : "plus t"),
  },
  orthogonal: {
    title: "Orthogonal maps: any rotation or reflection g mixes the units",
    does: () => "times g",
  },
};

const textOfKind = (kind: string): KindText =>
  kinds[kind] ?? { title: `Groups of the kind ${kind}`, does: () => "moved" };

export const titleOf = (kind: string): string => textOfKind(kind).title;

/** A group's units, and what it does to which parameters: `16 units`, `w1 axis 0, b1 times c; w2 axis 1 divided by c`. */
export function sentenceOf(group: SymmetryReport): readonly [units: string, text: string] {
  const { kind, size, copies, exact, activation, axes } = group;
  const { does } = textOfKind(kind);
  const acts = [...groupBy(axes, does)].map(([verb, list]) => `${list.map(placeOf).join(", ")} ${verb}`);
  const units = size === 1 ? "1 unit" : `${size} units`;
  const notes = [activation ?? "", exact ? "" : "but for the small constant of a normalization"].filter(
    Boolean,
  );
  const note = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
  return [copies === 1 ? units : `${copies} x ${units}`, `${acts.join("; ")}${note}`];
}

/** Where the units are in a parameter. */
function placeOf({ parameter, shape, part, view, axis }: AxisReport): string {
  const elements =
    part === undefined
      ? parameter
      : `${parameter}[axis ${part.axis}: ${part.start}..${part.start + part.count - 1}]`;
  // One unit that is the whole parameter has an axis of its own in front.
  if (view.length === 1 || view[axis] === 1) return elements;
  const stored = shape.map((n, d) => (d === part?.axis ? part.count : n));
  const isAsStored = view.join() === stored.join();
  return isAsStored ? `${elements} axis ${axis}` : `${elements} as ${view.join(" x ")} axis ${axis}`;
}
