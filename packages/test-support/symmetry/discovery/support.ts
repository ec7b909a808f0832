import type { BatchLoss, Graph } from "isoloss";
import {
  astype,
  compileJavaScript,
  flattenTree as flatten,
  isNdArray,
  type NdArray,
  namedArrays,
  ndarray,
  simplify,
  sizeOf,
  type TensorsOf,
  trace,
  unflattenTree as unflatten,
} from "isoloss";
import { createRng, type Rng } from "isoloss/data";
import { inverse } from "isoloss/linalg";
import type { Discovery, ParameterAxis } from "isoloss/symmetry";
import { analyze } from "isoloss/symmetry";
import { expect } from "vitest";
import { retype } from "../../../core/src/graph/retype.js";

export type Values = Readonly<Record<string, NdArray>>;
type Data = Readonly<Record<string, NdArray>>;

/** A loss traced on parameters `p` and named data, what is found in it, and values to try it on. */
export interface Subject {
  readonly graph: Graph;
  /** The loss as a function of the values by name. */
  readonly loss: BatchLoss<Values>;
  readonly found: Discovery;
  readonly values: Values;
  readonly data: Data;
  evaluate(values: Values): number;
}

/** Standard normal numbers. */
export function normals(rng: Rng, shape: readonly number[], scale = 1): NdArray {
  return ndarray(
    Float64Array.from({ length: sizeOf(shape) }, () => scale * rng.normal()),
    shape,
  );
}

/** Numbers of both signs, none of them small, in the shapes of a tree of parameters. */
export function randomized<P>(params: P, rng: Rng): P {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const drawn = leaves.map(({ shape }) => {
    const fan = shape.length > 1 ? sizeOf(shape.slice(1)) : 4;
    return ndarray(
      Float64Array.from({ length: sizeOf(shape) }, () => {
        const v = rng.normal();
        return (v + 0.3 * Math.sign(v)) / Math.sqrt(fan);
      }),
      shape,
    );
  });
  return unflatten(def, drawn) as P;
}

/** Traces and analyses a loss; parameters are named `p...`. */
export function subject<P, D extends Data>(loss: BatchLoss<P, D>, params: P, data: D): Subject {
  const { graph } = trace((given) => loss(given.p, given.d), { p: params, d: data });
  const values = namedArrays({ p: params });
  const run = compileJavaScript(simplify(retype(graph, "float64")));
  const fixed = namedArrays({ d: data });
  const { paths, def } = flatten<NdArray>({ p: params }, isNdArray);
  return {
    graph,
    loss: (named, d) => {
      const { p } = unflatten(
        def,
        paths.map((path) => named[path]),
      ) as { p: TensorsOf<P> };
      return loss(p, d as TensorsOf<D>);
    },
    found: analyze(graph, Object.keys(values)),
    values,
    data,
    evaluate: (moved) => Number(run.runSync({ ...moved, ...fixed }).result.data[0]),
  };
}

/** Element-wise change of a copy along axes: `change(value, unit, axis)`. */
function along<L extends ParameterAxis>(
  values: Values,
  axes: readonly L[],
  change: (v: number, unit: number, parameterAxis: L) => number,
): Values {
  const moved = { ...values };
  for (const parameterAxis of axes) {
    const array = astype(moved[parameterAxis.path], "float64");
    const data = Float64Array.from(array.data as Float64Array);
    for (const { at, index } of elements(array, parameterAxis))
      data[at] = change(data[at], unitAt(index, parameterAxis), parameterAxis);
    moved[parameterAxis.path] = { shape: array.shape, data };
  }
  return moved;
}

/** The number of a unit, of the copies in order, by an index into the view of its axis. */
const unitAt = (index: readonly number[], { view, axis, copyAxes = [] }: ParameterAxis): number =>
  [...copyAxes, axis].reduce((unit, d) => unit * view[d] + index[d], 0);

/** The number of a copy. */
const copyAt = (index: readonly number[], { view, copyAxes = [] }: ParameterAxis): number =>
  copyAxes.reduce((copy, d) => copy * view[d] + index[d], 0);

/** The elements of a parameter axis: where they are in the parameter, and their index in the axis' view. */
function elements({ shape }: NdArray, { part, view }: ParameterAxis): { at: number; index: number[] }[] {
  const { count = 0, times = 1, period = count } = part ?? {};
  const own = part ? shape.map((n, d) => (d === part.axis ? count * times : n)) : shape;
  const unravel = (flat: number, s: readonly number[]): number[] => {
    const index: number[] = [];
    for (let d = s.length - 1; d >= 0; d--) {
      index[d] = flat % s[d];
      flat = Math.floor(flat / s[d]);
    }
    return index;
  };
  if (sizeOf(view) !== sizeOf(own)) throw new Error(`view [${view}] of [${own}]`);
  return Array.from({ length: sizeOf(own) }, (_, flat) => {
    const inPart = unravel(flat, own).map((i, d) =>
      part?.axis === d ? part.start + Math.floor(i / count) * period + (i % count) : i,
    );
    return { at: inPart.reduce((sum, i, d) => sum * shape[d] + i, 0), index: unravel(flat, view) };
  });
}

/** Loss after a random element of each thing found, by name, relative to the loss before. */
export function changes(
  { found, values, evaluate }: Subject,
  seed = 1,
): { what: string; exact: boolean; change: number }[] {
  const rng = createRng(seed);
  const before = evaluate(values);
  const change = (moved: Values) => Math.abs(evaluate(moved) - before) / Math.abs(before);
  return [
    ...found.scalings.map((g) => {
      const T = Array.from({ length: g.size }, () => rng.normal() / 2);
      const moved = along(values, g.axes, (v, i, { power }) => v * Math.exp(power * T[i]));
      return { what: describeFound(g), exact: g.exact, change: change(moved) };
    }),
    ...found.signs.map((g) => {
      const s = Array.from({ length: g.size }, () => (rng.int(2) === 0 ? 1 : -1));
      s[rng.int(g.size)] = -1;
      return {
        what: describeFound(g),
        exact: true,
        change: change(along(values, g.axes, (v, i) => v * s[i])),
      };
    }),
    ...found.permutations.map((g) => {
      const order = Array.from({ length: g.size }, (_, i) => (i + 1 + rng.int(g.size - 1)) % g.size);
      const p = [...new Set([...order, ...order.keys()])];
      return {
        what: describeFound(g),
        exact: true,
        change: change(mixed(values, g.axes, () => (i, j) => +(p[i] === j))),
      };
    }),
    ...found.linear.map((g) => {
      const gs = Array.from({ length: g.copies }, () => {
        const m = normals(rng, [g.size, g.size], 0.3 / Math.sqrt(g.size));
        for (let i = 0; i < g.size; i++) m.data[i * (g.size + 1)] = Number(m.data[i * (g.size + 1)]) + 1;
        return { g: m, back: inverse(m) };
      });
      const moved = mixed(
        values,
        g.axes,
        ({ variance }, copy) =>
          (i, j) =>
            variance === 1
              ? Number(gs[copy].g.data[i * g.size + j])
              : Number(gs[copy].back.data[j * g.size + i]),
      );
      return { what: describeFound(g), exact: true, change: change(moved) };
    }),
  ];
}

/** Every change must leave the loss as it is: to rounding, or up to the small constant of a normalization. */
export function expectKept(s: Subject): void {
  for (const { what, exact, change } of changes(s)) expect(change, what).toBeLessThan(exact ? 1e-10 : 1e-2);
}

/** Multiplies along axes by matrices, which may differ from copy to copy. */
function mixed<L extends ParameterAxis>(
  values: Values,
  axes: readonly L[],
  matrix: (parameterAxis: L, copy: number) => (i: number, j: number) => number,
): Values {
  const moved = { ...values };
  for (const parameterAxis of axes) {
    const array = astype(moved[parameterAxis.path], "float64");
    const data = Float64Array.from(array.data as Float64Array);
    const fibres = new Map<string, { at: number; index: number[] }[]>();
    for (const e of elements(array, parameterAxis)) {
      const key = e.index.filter((_, d) => d !== parameterAxis.axis).join();
      fibres.set(key, [...(fibres.get(key) ?? []), e]);
    }
    for (const fibre of fibres.values()) {
      const m = matrix(parameterAxis, copyAt(fibre[0].index, parameterAxis));
      const old = fibre.map(({ at }) => Number(array.data[at]));
      fibre.forEach(({ at }, i) => {
        data[at] = old.reduce((sum, v, j) => sum + m(i, j) * v, 0);
      });
    }
    moved[parameterAxis.path] = { shape: array.shape, data };
  }
  return moved;
}

/** One line for a thing found: `scaling 4: p.w[4,3]@0^1 ...`. */
export function describeFound(found: {
  kind: string;
  size: number;
  axes: readonly (ParameterAxis & { power?: number; variance?: number })[];
  exact?: boolean;
  copies?: number;
}): string {
  const axes = found.axes.map(
    ({ path, part, view, axis, power, variance, copyAxes }) =>
      `${path}${part ? `<${part.axis}:${part.start}+${part.count}>` : ""}[${view}]@${axis}` +
      `${copyAxes === undefined ? "" : `/${copyAxes}`}${power === undefined ? "" : `^${power}`}${variance === undefined ? "" : variance > 0 ? "+" : "-"}`,
  );
  const notes = `${found.exact === false ? " inexact" : ""}${(found.copies ?? 1) > 1 ? ` x${found.copies}` : ""}`;
  return `${found.kind} ${found.size}${notes}: ${axes.join(" ")}`;
}

export const listing = ({ scalings, signs, permutations, linear }: Discovery): string[] =>
  [...scalings, ...signs, ...permutations, ...linear].map(describeFound);

/** The directions in which scalings and linear spaces move all parameters, in order, at the given values. */
export function tangents({ scalings, linear }: Discovery, values: Values): number[][] {
  const starts = new Map<string, number>();
  let length = 0;
  for (const [name, { data }] of Object.entries(values)) {
    starts.set(name, length);
    length += data.length;
  }
  const direction = (
    fill: (add: (parameterAxis: ParameterAxis, at: number, v: number) => void) => void,
  ): number[] => {
    const row = Array<number>(length).fill(0);
    fill(({ path }, at, v) => {
      row[(starts.get(path) as number) + at] += v;
    });
    return row;
  };
  const value = (parameterAxis: ParameterAxis, at: number): number =>
    Number(values[parameterAxis.path].data[at]);
  const ofScalings = scalings.flatMap(({ size, axes }) =>
    Array.from({ length: size }, (_, i) =>
      direction((add) => {
        for (const parameterAxis of axes) {
          for (const { at, index } of elements(values[parameterAxis.path], parameterAxis)) {
            if (unitAt(index, parameterAxis) === i)
              add(parameterAxis, at, parameterAxis.power * value(parameterAxis, at));
          }
        }
      }),
    ),
  );
  const ofSpaces = linear.flatMap(({ size, copies, axes }) =>
    Array.from({ length: copies * size * size }, (_, k) => {
      const [copy, i, j] = [Math.floor(k / size / size), Math.floor(k / size) % size, k % size];
      return direction((add) => {
        for (const parameterAxis of axes) {
          // T = e_i e_j' moves v_j into element i, and -T' moves -v_i into element j.
          const [to, from] = parameterAxis.variance === 1 ? [i, j] : [j, i];
          const own = elements(values[parameterAxis.path], parameterAxis).filter(
            ({ index }) => copyAt(index, parameterAxis) === copy,
          );
          const key = (index: readonly number[]) => index.filter((_, d) => d !== parameterAxis.axis).join();
          const sources = new Map(
            own.filter((e) => e.index[parameterAxis.axis] === from).map((e) => [key(e.index), e.at]),
          );
          for (const { at, index } of own) {
            if (index[parameterAxis.axis] === to)
              add(
                parameterAxis,
                at,
                parameterAxis.variance * value(parameterAxis, sources.get(key(index)) as number),
              );
          }
        }
      });
    }),
  );
  return [...ofScalings, ...ofSpaces];
}
