// The parameters of a sweep as a unit cube.
import { isDeepStrictEqual } from "node:util";
import type { Json } from "../run/json-lines.js";
import { type Axis, axisOf } from "./axis.js";
import type { Assignment, Parameter } from "./types.js";

/** A parameter that varies. */
export interface Dimension {
  readonly path: string;
  readonly axis: Axis;
}

/** The parameters as a cube, whose points are lists of one number in [0, 1) for each dimension. */
export interface Space {
  /** In the file's order; constants are none. */
  readonly dimensions: readonly Dimension[];
  /** The assignment of one value for each dimension: those that are off are left out. */
  assign(values: readonly Json[]): Assignment;
  at(point: readonly number[]): Assignment;
  /** The values with one that is set, and with those that it needs to be on. */
  withValue(values: readonly Json[], path: string, value: Json): Json[];
}

/** Whether a value is the one of a condition, or one of its list. */
export const meets = (value: Json, wanted: Json): boolean =>
  isDeepStrictEqual(value, wanted) ||
  (Array.isArray(wanted) && wanted.some((one) => isDeepStrictEqual(value, one)));

/** The space of a sweep's parameters, whose conditions have been checked: they name parameters, without circles. */
export function spaceOf(parameters: Readonly<Record<string, Parameter>>): Space {
  const entries = Object.entries(parameters);
  const dimensions = entries.flatMap(([path, parameter]) =>
    "value" in parameter ? [] : [{ path, axis: axisOf(parameter) }],
  );
  const indices = new Map(dimensions.map(({ path }, i) => [path, i]));
  const current = (path: string, values: readonly Json[]): Json => {
    const parameter = parameters[path];
    return "value" in parameter ? parameter.value : values[indices.get(path) as number];
  };
  const isOn = (path: string, values: readonly Json[]): boolean =>
    conditionsOf(parameters[path]).every(
      ([other, wanted]) => meets(current(other, values), wanted) && isOn(other, values),
    );
  const assign = (values: readonly Json[]): Assignment =>
    Object.fromEntries(
      entries.flatMap(([path]) => (isOn(path, values) ? [[path, current(path, values)]] : [])),
    );
  const set = (values: Json[], path: string, value: Json): Json[] => {
    const index = indices.get(path);
    if (index !== undefined) values[index] = value;
    for (const [other, wanted] of conditionsOf(parameters[path])) {
      if (!meets(current(other, values), wanted) || !isOn(other, values)) {
        set(values, other, fitting(parameters[other], wanted));
      }
    }
    return values;
  };
  return {
    dimensions,
    assign,
    at: (point) => assign(dimensions.map(({ axis }, i) => axis.valueAt(point[i]))),
    withValue: (values, path, value) => set([...values], path, value),
  };
}

const conditionsOf = ({ when = {} }: Parameter): [string, Json][] => Object.entries(when);

/** A value of a parameter that meets a condition. */
function fitting(parameter: Parameter, wanted: Json): Json {
  if ("values" in parameter) return parameter.values.find((value) => meets(value, wanted));
  return Array.isArray(wanted) ? (wanted[0] as Json) : wanted;
}
