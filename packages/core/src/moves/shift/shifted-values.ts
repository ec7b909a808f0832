// The values that a shift moves, in the graph of a loss.
import { astype, type NdArray, sizeOf } from "../../array.js";
import type { BatchLoss, BatchSpec } from "../../batch.js";
import { type Graph, nodesOf } from "../../graph/graph.js";
import { isFloat, type Tensor } from "../../graph/tensor.js";
import { trace } from "../../graph/trace.js";
import type { ShiftGenerator } from "../../symmetry/discovery/descriptors.js";
import { prepare } from "../../symmetry/discovery/graph/prepare.js";
import type { ParameterRef } from "../../symmetry/discovery/layout.js";
import { findShifts, type ShiftSite } from "../../symmetry/discovery/shifts/find.js";
import { elementsAlong } from "../../symmetry/parameter-axes.js";
import { parameterPath } from "../../symmetry/symmetries-of.js";

/** A shift with the values that it is added to, as a graph of parameters and batch. */
export interface ShiftedValues {
  readonly site: ShiftSite;
  /** Number of the shift among all that an analysis finds. */
  readonly index: number;
  /** Its output is `values`. */
  readonly graph: Graph;
  /** Inputs of the graph that are parts of parameters. */
  readonly pieces: readonly Piece[];
  /** Name of the input that is shifted. */
  readonly giver: string;
}

export interface Piece {
  readonly name: string;
  readonly ref: ParameterRef;
}

/** All shifts of a loss as an analysis finds them, and the graph of parameters and batch that they are found in. */
export interface FoundShifts {
  readonly sites: readonly ShiftSite[];
  readonly inputs: Graph["inputs"];
  readonly pieces: readonly Piece[];
  /** The place of each tensor in the graph's order. */
  readonly places: ReadonlyMap<Tensor, number>;
}

export function foundShifts<P>(loss: BatchLoss<P>, params: P, batch: BatchSpec): FoundShifts {
  const traced = trace(({ params: p, batch: b }) => loss(p, b), { params, batch }).graph;
  const refs = traced.inputs.flatMap(({ name, tensor }): ParameterRef[] => {
    const path = parameterPath(name);
    return path !== undefined && isFloat(tensor.dtype) ? [{ path, tensor }] : [];
  });
  const { graph, parameters } = prepare(traced, refs);
  const pieces = parameters.flatMap((ref, k): Piece[] => (ref.part ? [{ name: `piece.${k}`, ref }] : []));
  const inputs = [...traced.inputs, ...pieces.map(({ name, ref }) => ({ name, tensor: ref.tensor }))];
  const places = new Map(nodesOf(graph).map((node, place) => [node, place]));
  return { sites: findShifts(graph, parameters), inputs, pieces, places };
}

/** The name of the input that a shift is added to. */
export const giverName = ({ inputs }: FoundShifts, { giver }: ShiftSite): string =>
  inputs.find((port) => port.tensor === giver.tensor)?.name as string;

/**
 * All shifts of a loss as an analysis finds them, and what they move: in the graph's order, so that a shift moves no values
 * before its own. Those that are not added to values, or by amounts that depend on data, are left out.
 */
export function shiftedValues<P>(
  loss: BatchLoss<P>,
  params: P,
  batch: BatchSpec,
): { readonly generators: readonly ShiftGenerator[]; readonly values: readonly ShiftedValues[] } {
  const found = foundShifts(loss, params, batch);
  const { sites, inputs, pieces, places } = found;
  const values = sites
    .flatMap((site, index) => {
      const tensor = firstSum(site);
      return tensor ? [{ site, index, tensor, place: places.get(tensor) as number }] : [];
    })
    .sort((a, b) => a.place - b.place)
    .map(
      ({ site, index, tensor }): ShiftedValues => ({
        site,
        index,
        pieces,
        giver: giverName(found, site),
        graph: { inputs, outputs: [{ name: "values", tensor }] },
      }),
    );
  return { generators: sites.map(({ generator }) => generator), values };
}

/** The first value that the shift is added to something else in. */
function firstSum({ signals }: ShiftSite): Tensor | undefined {
  const sum = [...signals].find(
    ([{ op, inputs }]) => (op.name === "add" || op.name === "sub") && inputs.some((x) => !signals.has(x)),
  );
  return sum && !sum[1].isData ? sum[0] : undefined;
}

/** The pieces of parameters as arrays by their names. */
export const pieceArrays = (
  pieces: readonly Piece[],
  arrays: Readonly<Record<string, NdArray>>,
): Record<string, NdArray> =>
  Object.fromEntries(
    pieces.map(({ name, ref: { path, part, tensor } }) => [
      name,
      {
        shape: tensor.shape,
        data: elementsAlong(arrays[path], { path, part, view: tensor.shape, axis: 0 }),
      },
    ]),
  );

/**
 * By which multiple of which unit's T a shift changes each value: what a shift of all units, and one of each by its number, do
 * to the values say that.
 *
 * @param valuesAt the values, changed by arrays
 */
export async function probedUnits(
  giver: string,
  array: NdArray,
  site: ShiftSite,
  valuesAt: (changed: Readonly<Record<string, NdArray>>) => Promise<Float64Array>,
) {
  const shifted = (T: (unit: number) => number) => valuesAt({ [giver]: shiftedBy(array, site, T) });
  const [start, ones, numbers] = [await valuesAt({}), await shifted(() => 1), await shifted((i) => i + 1)];
  const factors = ones.map((v, e) => v - start[e]);
  const units = factors.map((factor, e) => Math.round((numbers[e] - start[e]) / factor) - 1);
  return { start, factors, units };
}

/** A parameter with a shift added, in float64. */
const shiftedBy = (array: NdArray, site: ShiftSite, T: (unit: number) => number): NdArray => {
  const { data } = astype(array, "float64");
  return { shape: array.shape, data: spreadShift(site, T).data.map((v, i) => v + Number(data[i])) };
};

/** T as an array of the shape of the parameter that it is added to. */
function spreadShift(
  { generator: { along }, giver: { tensor } }: ShiftSite,
  T: (unit: number) => number,
): NdArray<Float64Array> {
  const { shape } = tensor;
  const data = Float64Array.from({ length: sizeOf(shape) }, (_, k) => {
    let [unit, stride, left] = [0, 1, k];
    for (let d = shape.length - 1; d >= 0; d--) {
      const index = left % shape[d];
      left = Math.floor(left / shape[d]);
      if (!along.includes(d)) continue;
      unit += stride * index;
      stride *= shape[d];
    }
    return T(unit);
  });
  return { shape, data };
}
