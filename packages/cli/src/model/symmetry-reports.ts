// What an analysis found, as a document: every kind of group in one form, kinds that are new included.
import type { Discovery, ParameterAxis } from "isoloss/symmetry";

/** An axis of a parameter that a group acts on. */
export interface AxisReport {
  readonly parameter: string;
  readonly shape: readonly number[];
  /** Only these elements along one axis of the parameter: from `start`, `count` of them. */
  readonly part?: { readonly axis: number; readonly start: number; readonly count: number };
  /** The parameter (or its part) reshaped to this shape, ... */
  readonly view: readonly number[];
  /** ... has the units along this axis. */
  readonly axis: number;
  /** What the kind of group says of the axis: the `power` of a factor, the `variance` of a linear map. */
  readonly attributes: Readonly<Record<string, number>>;
}

/** A group of changes of the parameters that keeps what the model computes. */
export interface SymmetryReport {
  readonly kind: string;
  /** Number of units. */
  readonly size: number;
  /** Number of independent elements of the group, such as one for each attention head. */
  readonly copies: number;
  /** Dimension of the group; null for a group that is discrete. */
  readonly degreesOfFreedom: number | null;
  /** False: kept up to the small constant of a normalization alone. */
  readonly exact: boolean;
  /** Of a bijection: the activation. */
  readonly activation?: string;
  readonly axes: readonly AxisReport[];
}

type Part = ParameterAxis["part"];

/** A parameter, or a part of one. */
interface Place {
  readonly path: string;
  readonly part?: Part;
}

/** What groups of any kind may have; the attributes of their axes are those of the kind. */
interface AnyGroup extends Partial<Place> {
  readonly kind: string;
  readonly size: number;
  readonly copies?: number;
  readonly exact?: boolean;
  readonly axes?: readonly ParameterAxis[];
  /** In the place of `axes`: the axes along which a parameter changes, and the parameters that take that back. */
  readonly along?: readonly number[];
  readonly absorbing?: readonly Place[];
}

/** Dimension of a group by its kind; a kind that is not here is discrete. */
const dimensions: Readonly<Record<string, (size: number) => number>> = {
  scaling: (n) => n,
  shift: (n) => n,
  linear: (n) => n * n,
  orthogonal: (n) => (n * (n - 1)) / 2,
  bijection: (n) => n * n,
};

/** Shapes of parameters by their names in the file. */
type Shapes = Readonly<Record<string, readonly number[]>>;

/** The input of the traced graph that is a parameter. */
export const pathOf = (name: string): string => `p.${name}`;
/** The parameter's name in the file. */
export const nameOf = (path: string): string => path.slice("p.".length);

/** All groups that an analysis found, in its order. */
export function reportsOf({ bijections, ...groups }: Discovery, shapes: Shapes): SymmetryReport[] {
  const all: readonly AnyGroup[] = Object.values(groups).flat();
  return [
    ...all.map((group) => {
      const { kind, size, copies = 1, exact = true } = group;
      const degreesOfFreedom = Object.hasOwn(dimensions, kind) ? copies * dimensions[kind](size) : null;
      const axes = axesOf(group, shapes).map((axis) => axisReport(axis, shapes));
      return { kind, size, copies, degreesOfFreedom, exact, axes };
    }),
    ...bijections.map(({ kind, size, activation, weight, bias, next }) => ({
      kind,
      size,
      copies: 1,
      degreesOfFreedom: dimensions.bijection(size),
      exact: true,
      activation,
      axes: [
        { path: weight.path, axis: weight.out },
        ...(bias === undefined ? [] : [{ path: bias, axis: 0 }]),
        { path: next.path, axis: next.in },
      ].map(({ path, axis }) => axisReport({ path, axis, view: shapes[nameOf(path)] }, shapes)),
    })),
  ];
}

function axesOf(
  { axes, path, part, along = [], absorbing = [] }: AnyGroup,
  shapes: Shapes,
): readonly ParameterAxis[] {
  if (axes !== undefined) return axes;
  const changed = path === undefined ? [] : [{ path, part }];
  return [
    ...changed.map((place) =>
      along.length === 0
        ? asOneUnit(place, shapes)
        : { ...place, view: shapeOf(place, shapes), axis: along[0] },
    ),
    ...absorbing.map((place) => ({ ...asOneUnit(place, shapes), absorbs: 1 })),
  ];
}

const shapeOf = ({ path, part }: Place, shapes: Shapes): readonly number[] =>
  shapes[nameOf(path)].map((n, d) => (d === part?.axis ? part.count : n));

const asOneUnit = (place: Place, shapes: Shapes): ParameterAxis => ({
  ...place,
  view: [1, ...shapeOf(place, shapes)],
  axis: 0,
});

function axisReport({ path, part, view, axis, ...attributes }: ParameterAxis, shapes: Shapes): AxisReport {
  const numbers = Object.entries(attributes).filter(
    (entry): entry is [string, number] => typeof entry[1] === "number",
  );
  return {
    parameter: nameOf(path),
    shape: shapes[nameOf(path)],
    ...(part === undefined ? {} : { part }),
    view,
    axis,
    attributes: Object.fromEntries(numbers),
  };
}
