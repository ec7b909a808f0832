import { type NdArray, type Shape, sizeOf } from "../../array.js";
import { describeValue, OptionError } from "../../errors.js";
import { groupBy } from "../../group-by.js";
import { namedArrays } from "../../tree.js";
import {
  type BlockedRotation,
  type Discovery,
  type GainPower,
  type GroupGenerator,
  groupsOf,
  type LinearSpace,
  type NormalizedStream,
  type ParameterAxis,
  type Part,
  partShape,
  type ScalingGenerator,
  turnedUnits,
} from "./descriptors.js";

/** An axis of a parameter that a group acts on. */
export interface AxisDescription {
  readonly path: string;
  /** The parameter's own shape. */
  readonly shape: Shape;
  /** Only these elements along one axis of the parameter: from `start`, `count` of them. */
  readonly part?: Part | undefined;
  /** The parameter (or its part) reshaped to this shape, ... */
  readonly view: Shape;
  /** ... has the units along this axis, ... */
  readonly axis: number;
  /** ... with copies along these. */
  readonly copyAxes?: readonly number[] | undefined;
  /** Of an orthogonal map: D of D g D^-1, a product of powers of gains. */
  readonly gains?: readonly GainPower[] | undefined;
  /** What the kind of group says of the axis: the `power` of a factor, the `variance` of a linear map. */
  readonly attributes: Readonly<Record<string, number>>;
}

/** A group of changes of the parameters that keeps what is computed. */
export interface GroupDescription {
  /** `scaling`, `sign`, `permutation`, `linear`, `orthogonal`, `shift`, `bijection`; other kinds may come. */
  readonly kind: GroupGenerator["kind"];
  /** What groups of this kind do, such as "Scalings: each unit has a factor c > 0". */
  readonly title: string;
  /** Number of units. */
  readonly size: number;
  /** Number of independent elements of the group, such as one for each attention head. */
  readonly copies: number;
  /** Dimension of the group; undefined for a group that is discrete. */
  readonly degreesOfFreedom: number | undefined;
  /** False: kept up to the small constant of a normalization alone. */
  readonly exact: boolean;
  /** Of a bijection: the activation. */
  readonly activation?: string | undefined;
  readonly axes: readonly AxisDescription[];
  /** `16 units`, or `4 x 8 units` of copies. */
  readonly units: string;
  /** What the group does to which parameters: `w1 axis 0, b1 times c; w2 axis 1 divided by c`. */
  readonly text: string;
}

/** How many symmetries were found that hold on all data. */
export interface DiscoverySize {
  /** Dimension of the group of all continuous changes that are exact: a scaling that is one of the linear maps counts once. */
  readonly directions: number;
  /** Scalings that hold up to the small constant of a normalization. */
  readonly nearDirections: number;
  /** Decimal logarithm of the number of permutations: 10^logPermutations. */
  readonly logPermutations: number;
  /** There are 2^signs changes of signs. */
  readonly signs: number;
}

export interface DiscoveryDescription extends DiscoverySize {
  /** All groups, in the order of the kinds in `Discovery`, and of each kind in the graph's. */
  readonly groups: readonly GroupDescription[];
  /** What all groups together come to, in a sentence. */
  readonly total: string;
  /** Why residual streams cannot be rotated, a sentence each, with the weights that prevent it. */
  readonly blocked: readonly string[];
}

/** What is said about a kind of groups. */
interface KindText {
  readonly title: string;
  /** What the group does to the elements along an axis. */
  readonly does: (axis: AxisDescription) => string;
}

const exponent = (power: number): string => (Math.abs(power) === 1 ? "" : `^${Math.abs(power)}`);

const kinds: Readonly<Record<GroupGenerator["kind"], KindText>> = {
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

/**
 * What `symmetriesOf` or `analyze` finds, in words: for each group its units, the axes of parameters that it acts on and what it
 * does to them; and how many symmetries there are in all.
 *
 * @param params the parameters whose paths `found` has, or others of their shapes
 * @param found such as `symmetriesOf(loss, params, batch).found`
 * @throws OptionError for anything but what `symmetriesOf` finds for these parameters
 *
 * @example
 * const { groups, total } = describeDiscovery(params, symmetriesOf(loss, params, batch).found);
 * groups.map(({ units, text }) => `${units}: ${text}`);
 */
export function describeDiscovery<P>(params: P, found: Discovery): DiscoveryDescription {
  if (!Array.isArray(found?.scalings) || !Array.isArray(found.bijections)) {
    throw new OptionError(
      `describeDiscovery takes what symmetriesOf finds, symmetriesOf(loss, params, batch).found; got ${describeValue(found)}.`,
    );
  }
  const arrays: Readonly<Record<string, NdArray>> = namedArrays(params);
  const shapeOf = (path: string): Shape => {
    if (Object.hasOwn(arrays, path)) return arrays[path].shape;
    throw new OptionError(
      `describeDiscovery: "${path}", on which a symmetry acts, is no parameter. Give the parameters that the symmetries were found for.`,
    );
  };
  const size = sizeOfDiscovery(found);
  const groups = groupsOf(found).map((group) => described(group, shapeOf));
  return { groups, ...size, total: totalOf(size, found), blocked: (found.blocked ?? []).map(blockedText) };
}

const blockedText = ({ size, gains, shared = [] }: BlockedRotation): string =>
  `A space of ${size} units, such as a residual stream, cannot be rotated: ${gains.join(", ")} ${
    gains.length === 1 ? "stands" : "stand"
  } between two places that would have to turn alike, and a rotation does not commute with ${
    gains.length === 1 ? "its" : "their"
  } numbers.${shared.length === 0 ? "" : ` It would turn if each place that reads ${shared.join(", ")} had its own copy.`}`;

type ShapeOf = (path: string) => Shape;

function described(group: GroupGenerator, shapeOf: ShapeOf): GroupDescription {
  const { kind, size } = group;
  const { title, does } = kinds[kind];
  const copies = "copies" in group ? group.copies : 1;
  const exact = kind !== "scaling" || group.exact;
  const activation = kind === "bijection" ? group.activation : undefined;
  const axes = axesOf(group, shapeOf).map((axis) => axisOf(axis, shapeOf));
  const units = size === 1 ? "1 unit" : `${size} units`;
  const { stream } = { stream: undefined, ...group };
  const acts = stream === undefined ? actsOf(axes, does) : [streamText(stream, axes, does)];
  const keeps = kind === "orthogonal" ? group.keeps : undefined;
  const notes = [
    activation ?? "",
    exact ? "" : "but for the small constant of a normalization",
    keeps === undefined ? "" : keptTexts[keeps],
  ];
  const note = notes.filter(Boolean).join(", ");
  return {
    kind,
    title,
    size,
    copies,
    degreesOfFreedom: dimensionOf(group),
    exact,
    ...(activation === undefined ? {} : { activation }),
    axes,
    units: copies === 1 ? units : `${copies} x ${units}`,
    text: `${acts.join("; ")}${note && ` (${note})`}`,
  };
}

type Does = KindText["does"];

const keptTexts = {
  sum: "where g keeps the sum over the units",
  orientation: "where g turns the plane of two units and does not reflect it",
};

const actsOf = (axes: readonly AxisDescription[], does: Does): readonly string[] =>
  [...groupBy(axes, does)].map(([verb, list]) => `${list.map(placeOf).join(", ")} ${verb}`);

/** What normalizations read: who writes it and who reads it. */
function streamText(
  { units, epsilons }: NormalizedStream,
  axes: readonly AxisDescription[],
  does: Does,
): string {
  const others = axes.filter(({ path }) => !epsilons.includes(path));
  const side = (sign: number) =>
    actsOf(
      others.filter(({ attributes: { power = 1 } }) => power * sign > 0),
      does,
    ).join("; ");
  const own = axes.filter(({ path }) => epsilons.includes(path));
  const [writers, readers] = [side(1), side(-1)];
  const norms = `${own.length} ${own.length === 1 ? "normalization" : "normalizations"}`;
  return [
    `stream of ${units} units, written by ${writers || "nothing with weights"}`,
    `read by ${norms}: ${actsOf(own, does).join("; ")}`,
    ...(readers === "" ? [] : [`read by ${readers}`]),
  ].join("; ");
}

/** An axis with what its kind of group says of it. */
type Rated = ParameterAxis &
  Readonly<Record<string, unknown>> & { readonly gains?: readonly GainPower[] | undefined };

function axesOf(group: GroupGenerator, shapeOf: ShapeOf): readonly Rated[] {
  if (group.kind === "shift") {
    const { path, part, along, absorbing } = group;
    const own =
      along.length === 0
        ? asOneUnit({ path, part }, shapeOf)
        : { path, part, view: partShape(shapeOf(path), part), axis: along[0] };
    return [own, ...absorbing.map((place) => ({ ...asOneUnit(place, shapeOf), absorbs: 1 }))];
  }
  if (group.kind === "bijection") {
    const { weight, bias, next } = group;
    const places = [
      { path: weight.path, axis: weight.out },
      ...(bias === undefined ? [] : [{ path: bias, axis: 0 }]),
      { path: next.path, axis: next.in },
    ];
    return places.map(({ path, axis }) => ({ path, axis, view: shapeOf(path) }));
  }
  return group.axes as readonly Rated[];
}

type Place = Pick<ParameterAxis, "path" | "part">;

const asOneUnit = (place: Place, shapeOf: ShapeOf): Rated => ({
  ...place,
  view: [1, ...partShape(shapeOf(place.path), place.part)],
  axis: 0,
});

function axisOf(
  { path, part, view, axis, copyAxes, gains, ...rest }: Rated,
  shapeOf: ShapeOf,
): AxisDescription {
  const numbers = Object.entries(rest).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  const attributes = Object.fromEntries(numbers);
  const cut = part === undefined ? {} : { part };
  const copied = copyAxes === undefined ? {} : { copyAxes };
  return {
    path,
    shape: shapeOf(path),
    ...cut,
    view,
    axis,
    ...copied,
    ...(gains ? { gains } : {}),
    attributes,
  };
}

const powerText = ({ path, power }: GainPower): string => `${power < 0 ? "1 / " : ""}${path}`;

/** Where the units are in a parameter. */
function placeOf({ gains = [], ...axis }: AxisDescription): string {
  const place = storedPlaceOf(axis);
  return gains.length === 0 ? place : `${place} (as seen through ${gains.map(powerText).join(", ")})`;
}

const rangeText = ({ axis, start, count, period, times }: Part): string =>
  `axis ${axis}: ${start}..${start + count - 1}${times === undefined ? "" : `, ${times} times every ${period}`}`;

function storedPlaceOf({
  path,
  shape,
  part,
  view,
  axis,
  copyAxes = [],
  attributes,
}: AxisDescription): string {
  const elements = part === undefined ? path : `${path}[${rangeText(part)}]`;
  // One unit that is the whole parameter has an axis of its own in front.
  if (view.length === 1 || view[axis] === 1) return elements;
  const stored = partShape(shape, part);
  const isAsStored = view.join() === stored.join();
  // The copies of a map are counted apart, those of a factor are units.
  const axes = attributes.power === undefined ? [axis] : [...copyAxes, axis];
  const along = axes.length === 1 ? `axis ${axis}` : `axes ${axes.join(" and ")}`;
  return isAsStored ? `${elements} ${along}` : `${elements} as ${view.join(" x ")} ${along}`;
}

const counted = (count: number, what: string): string =>
  `${count.toLocaleString("en-US")} ${what}${count === 1 ? "" : "s"}`;

function totalOf({ directions, nearDirections, logPermutations, signs }: DiscoverySize, found: Discovery) {
  const orders =
    logPermutations < 6
      ? Math.round(10 ** logPermutations).toLocaleString("en-US")
      : `10^${Math.round(logPermutations)}`;
  const ways = [
    ...(directions > 0 ? [`along at least ${counted(directions, "continuous direction")}`] : []),
    ...(logPermutations > 0 ? [`in at least ${orders} orders of units`] : []),
    ...(signs > 0 ? [`with at least 2^${signs} signs of units`] : []),
  ];
  const last = ways.pop();
  const near = nearDirections > 0 ? counted(nearDirections, "direction") : "";
  if (last !== undefined) {
    const but = near && `; but for the small constant of a normalization along ${near} more`;
    return `The same function ${ways.length === 0 ? last : `${ways.join(", ")} and ${last}`}${but}.`;
  }
  if (near) return `The same function but for the small constant of a normalization, along ${near}.`;
  return found.bijections.length > 0
    ? "No symmetry was found that holds on all data; hidden units can be mixed on one batch."
    : "No symmetry was found.";
}

function sizeOfDiscovery(found: Discovery): DiscoverySize {
  const { scalings, signs, permutations, linear, orthogonal, shifts } = found;
  const own = scalings.filter((scaling) => !linear.some((space) => isWithin(scaling, space)));
  const groups = [...own.filter(({ exact }) => exact), ...linear, ...orthogonal, ...shifts];
  return {
    directions: sum(groups.map((group) => dimensionOf(group) ?? 0)),
    nearDirections: sum(own.filter(({ exact }) => !exact).map(({ size }) => size)),
    logPermutations: sum(permutations.map(({ size }) => logFactorial(size))),
    signs: sum(signs.map(({ size }) => size)),
  };
}

/** Dimension of a group; undefined for a group that is discrete. */
function dimensionOf(group: GroupGenerator): number | undefined {
  const { kind, size: n } = group;
  if (kind === "scaling" || kind === "shift") return n;
  if (kind === "linear") return group.copies * n * n;
  if (kind === "orthogonal") return (group.copies * turnedUnits(group) * (turnedUnits(group) - 1)) / 2;
  return kind === "bijection" ? n * n : undefined;
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

function logFactorial(n: number): number {
  let log = 0;
  for (let k = 2; k <= n; k++) log += Math.log10(k);
  return log;
}

/** Whether a scaling is by diagonal matrices of a space's linear maps: factors of the same units, or of their copies. */
function isWithin({ axes }: ScalingGenerator, space: LinearSpace): boolean {
  if (axes.length !== space.axes.length) return false;
  const ratios = axes.map(({ power, ...axis }) => {
    const own = space.axes.find((other) => keyOf(other) === keyOf(axis) && isAlong(axis, other));
    return own === undefined ? Number.NaN : power / own.variance;
  });
  return ratios.every((ratio) => ratio === ratios[0]);
}

const keyOf = ({ path, part }: ParameterAxis): string =>
  JSON.stringify([path, part?.axis, part?.start, part?.count, part?.period, part?.times]);

/** Whether the units and copies of a space determine the units of an axis. */
function isAlong(axis: ParameterAxis, space: LinearSpace["axes"][number]): boolean {
  const spans: (readonly [number, number])[] = [];
  for (const [low, high] of spansOf(space).sort(([a], [b]) => a - b)) {
    const last = spans.at(-1);
    if (last && last[1] >= low) spans[spans.length - 1] = [last[0], Math.max(last[1], high)];
    else spans.push([low, high]);
  }
  return spansOf(axis).every(
    ([first, end]) => first === end || spans.some(([low, high]) => low <= first && end <= high),
  );
}

/** How far apart elements of neighboring units and copies are in a row-major array, and how many elements all of them span. */
const spansOf = ({ view, axis, copyAxes = [] }: ParameterAxis): [number, number][] =>
  [...copyAxes, axis].map((d) => {
    const inner = sizeOf(view.slice(d + 1));
    return [inner, inner * view[d]];
  });
