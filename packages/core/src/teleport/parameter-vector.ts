import { concatenated, dtypeOf, isNdArray, type NdArray } from "../array.js";
import { ShapeError } from "../errors.js";
import type { Values } from "../runtime/executable.js";
import { flatten, namedArrays, unflatten } from "../tree.js";

/** All parameters as one vector in float64, and back. */
export interface ParameterVector<P> {
  vectorOf(params: P): Float64Array;
  /** The parameters in their own dtype. */
  treeOf(vector: Float64Array): P;
  /** Collects a tree like the parameters from the results of a run, named `prefix.path`, into a vector. */
  collect(results: Values, prefix: string): Float64Array;
}

/** @param params an example, of which only structure, shapes and dtypes matter */
export function parameterVector<P>(params: P): ParameterVector<P> {
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const size = leaves.reduce((sum, { data }) => sum + data.length, 0);
  const joined = (arrays: readonly NdArray[]) => {
    const vector = concatenated(arrays.map(({ data }) => data as Float64Array));
    if (vector.length === size) return vector;
    throw new ShapeError(`Expected a tree like the parameters, of ${size} numbers; got ${vector.length}.`);
  };
  return {
    vectorOf: (tree) => joined(flatten<NdArray>(tree, isNdArray).leaves),
    treeOf(vector) {
      let at = 0;
      const parts = leaves.map(({ shape, data }, i): NdArray => {
        const part = vector.slice(at, at + data.length);
        at += data.length;
        return { shape, data: dtypeOf(leaves[i]) === "float64" ? part : Float32Array.from(part) };
      });
      return unflatten(def, parts) as P;
    },
    collect: (results, prefix) =>
      joined(Object.keys(namedArrays({ [prefix]: params })).map((name) => results[name])),
  };
}
