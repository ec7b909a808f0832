// The symmetries of an ONNX model's parameters, as a document.
import { mapValues, sum } from "es-toolkit";
import { OptionError, spec, trace } from "isoloss";
import { fromOnnx } from "isoloss/onnx";
import { analyze, type Discovery, type ParameterAxis } from "isoloss/symmetry";
import { oneOf } from "../config/nearest.js";
import { type ModelFile, namingFile } from "./read-model.js";
import { type Sizes, shapesOf, sizesOf, tracing } from "./sizes.js";

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

/** The document of `isoloss model symmetries --json`. */
export interface SymmetriesOfModel {
  readonly file: string;
  readonly outputs: readonly string[];
  /** Sizes of open axes with which the model was traced. */
  readonly sizes: Sizes;
  readonly parameters: { readonly tensors: number; readonly numbers: number };
  readonly symmetries: readonly SymmetryReport[];
  /** Parameters that discrete groups alone act on. */
  readonly discreteOnly: readonly string[];
  /** Parameters that no group acts on. */
  readonly unreached: readonly string[];
}

export interface SymmetriesSettings {
  readonly sizes: Sizes;
  /** Results of the model that must be kept; default all. */
  readonly outputs: readonly string[];
}

/** What the names of parameters begin with in the traced graph. */
const PREFIX = "p.";

/** Finds the symmetries of a model's outputs, as a function of its parameters, on all inputs. */
export function symmetriesOfModel(
  { path, bytes }: ModelFile,
  { sizes: given, outputs }: SymmetriesSettings,
): SymmetriesOfModel {
  const whole = namingFile(path, () => fromOnnx(bytes));
  const unknown = outputs.find((name) => !whole.outputs.includes(name));
  if (unknown !== undefined) throw new OptionError(`--output must be ${oneOf(unknown, whole.outputs)}`);
  const model = outputs.length === 0 ? whole : fromOnnx(bytes, { outputs });
  const sizes = sizesOf(model.inputs, given);
  const shapes = shapesOf(model.inputs, sizes);
  const x = Object.fromEntries(model.inputs.map(({ name, dtype }) => [name, spec(shapes[name], dtype)]));
  const { graph } = tracing(path, sizes, () =>
    trace((at) => model.apply(at.p, at.x), { p: model.params, x }),
  );
  const names = Object.keys(model.params);
  const found = analyze(
    graph,
    names.map((name) => `${PREFIX}${name}`),
  );
  const symmetries = reportsOf(
    found,
    mapValues(model.params, ({ shape }) => shape),
  );
  const onAllData = symmetries.filter(({ kind }) => kind !== "bijection");
  const reached = (list: readonly SymmetryReport[]) =>
    new Set(list.flatMap(({ axes }) => axes.map(({ parameter }) => parameter)));
  const byAny = reached(onAllData);
  const byContinuous = reached(onAllData.filter(({ degreesOfFreedom }) => degreesOfFreedom !== null));
  return {
    file: path,
    outputs: model.outputs,
    sizes,
    parameters: {
      tensors: names.length,
      numbers: sum(Object.values(model.params).map(({ data }) => data.length)),
    },
    symmetries,
    discreteOnly: names.filter((name) => byAny.has(name) && !byContinuous.has(name)),
    unreached: names.filter((name) => !byAny.has(name)),
  };
}

/** What all kinds of groups have; the attributes of their axes are those of the kind. */
interface AnyGroup {
  readonly kind: string;
  readonly size: number;
  readonly copies?: number;
  readonly exact?: boolean;
  readonly axes: readonly ParameterAxis[];
}

/** Dimension of a group by its kind; a kind that is not here is discrete. */
const dimensions: Readonly<Record<string, (size: number) => number>> = {
  scaling: (n) => n,
  shift: (n) => n,
  linear: (n) => n * n,
  orthogonal: (n) => (n * (n - 1)) / 2,
  bijection: (n) => n * n,
};

function reportsOf({ bijections, ...groups }: Discovery, shapes: Shapes): SymmetryReport[] {
  const all: readonly AnyGroup[] = Object.values(groups).flat();
  return [
    ...all.map(({ kind, size, copies = 1, exact = true, axes }) => {
      const dimension = Object.hasOwn(dimensions, kind) ? copies * dimensions[kind](size) : null;
      return {
        kind,
        size,
        copies,
        degreesOfFreedom: dimension,
        exact,
        axes: axes.map((axis) => axisReport(axis, shapes)),
      };
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

type Shapes = Readonly<Record<string, readonly number[]>>;

/** The name of a parameter in the file, from that of the graph's input. */
const nameOf = (path: string): string => path.slice(PREFIX.length);

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
