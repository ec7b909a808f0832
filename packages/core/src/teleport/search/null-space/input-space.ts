import { astype, isAllFinite, type NdArray } from "../../../array.js";
import type { Batch } from "../../../batch.js";
import type { Graph } from "../../../graph/graph.js";
import { cast } from "../../../graph/ops/arithmetic.js";
import { input } from "../../../graph/ops/leaf.js";
import { matmul } from "../../../graph/ops/matmul.js";
import type { Tensor } from "../../../graph/tensor.js";
import { eigenSymmetric, svd } from "../../../math/linalg.js";
import { createRng } from "../../../math/rng.js";
import { type CompileOptions, compile } from "../../../runtime/compile.js";
import type { Executable, Values } from "../../../runtime/executable.js";
import { Resources } from "../../../runtime/resources.js";
import { namedArrays } from "../../../tree.js";
import type { LinearMap } from "./layer-inputs.js";
import { correction, independentRows, leadingRows, nullVectors, probesOf, rankOf } from "./row-space.js";

type F64 = NdArray<Float64Array>;

/** The span of a layer's inputs. */
export interface InputSpace {
  readonly map: LinearMap;
  readonly rank: number;
  /**
   * Orthonormal rows, padded with zero rows. For a wide map they span the inputs, for other maps the
   * orthogonal complement. Left out if the inputs span everything.
   */
  readonly basis?: F64 | undefined;
}

/** Computes the spans of the inputs of maps. */
export interface InputSpaces {
  /** Undefined if inputs are not finite. */
  at(params: unknown, batch: Batch): Promise<readonly InputSpace[] | undefined>;
  dispose(): Promise<void>;
}

/** Whether a layer has fewer samples than inputs. */
export const isWide = ({ inputs, columns }: LinearMap): boolean => inputs.shape[0] < columns;

/** Maximum number of rows of a basis. */
export const basisRows = ({ inputs, columns }: LinearMap): number => Math.min(inputs.shape[0], columns);

/** Fraction of the inputs' norm that is rounding. */
const cutOffOf = ({ inputs: { shape, dtype } }: LinearMap): number =>
  dtype === "float32" ? 1e-6 : shape[0] * Number.EPSILON;

/** Number of vectors that are tried on all samples, before or instead of all vectors. */
const probes = 16;

/**
 * One graph that yields H and HH' of each layer with fewer samples than inputs, and H'H of the others: by the
 * leading samples alone where these may suffice, as they do if they already have full rank.
 *
 * Singular values below 1e-8 of the largest are lost in the rounding of such products. If that matters in
 * float64, wide layers are decomposed without the products, and for the others (HQ)'HQ is computed as well,
 * with Q a basis of the apparent null space. In float32 the inputs themselves are less accurate than that.
 *
 * @param graph of the loss that the maps were found in
 * @param threshold fraction of ||H||^2 that the span contains; 1: its rank
 */
export async function compileInputSpaces(
  graph: Graph,
  maps: readonly LinearMap[],
  threshold: number,
  compileOptions: CompileOptions,
): Promise<InputSpaces> {
  const resources = new Resources();
  if (maps.length === 0) return { at: async () => [], dispose: () => resources.release() };
  const isExact = threshold === 1;
  const heads = maps.map((map) => (isExact && !isWide(map) ? map.head : undefined));
  const run = async (ports: Graph["inputs"], outputs: Graph["outputs"]): Promise<Executable> =>
    resources.keep(await compile({ inputs: ports, outputs }, compileOptions));
  const gramOf = (h: Tensor) => matmul(h, h, { transposeA: true });
  const first = await run(
    graph.inputs,
    maps.flatMap((map, i) => {
      const h = cast(heads[i] ?? map.inputs, "float64");
      if (!isWide(map)) return [{ name: `k.${i}`, tensor: gramOf(h) }];
      return [
        { name: `h.${i}`, tensor: h },
        { name: `k.${i}`, tensor: matmul(h, h, { transposeB: true }) },
      ];
    }),
  );
  const combine = await Promise.all(maps.map((map) => (isWide(map) ? compileCombination(map) : undefined)));
  const later = new Map<string, Promise<Executable>>();
  /** Graphs that are rarely or never needed. */
  const rarely = (key: string, output: () => Tensor, q?: Tensor): Promise<Executable> => {
    const ports = q ? [...graph.inputs, { name: "q", tensor: q }] : graph.inputs;
    const made = later.get(key) ?? run(ports, [{ name: "result", tensor: output() }]);
    later.set(key, made);
    return made;
  };
  /** H'H of one map with all its samples. */
  const wholeGram = async (i: number, inputs: Values): Promise<F64> => {
    const executable = await rarely(`${i} all`, () => gramOf(cast(maps[i].inputs, "float64")));
    return (await executable.run(inputs)).result as F64;
  };
  /** (HQ)'HQ for vectors as the leading columns of Q, padded with zeros. */
  const gramIn = async (i: number, vectors: readonly Float64Array[], inputs: Values): Promise<F64> => {
    const { columns, inputs: h, gramIn: inner } = maps[i];
    const count = vectors.length > probes ? columns : probes;
    const q = input([columns, count], h.dtype);
    const executable = await rarely(`${i} in ${count}`, () => inner(q), q);
    return (await executable.run({ ...inputs, q: columnsOf(vectors, columns, count) })).result as F64;
  };

  async function compileCombination({ inputs, columns }: LinearMap): Promise<Executable> {
    const n = inputs.shape[0];
    const [h, c] = [input([n, columns], "float64"), input([n, n], "float64")];
    const b = matmul(c, h);
    const ports = [
      { name: "h", tensor: h },
      { name: "c", tensor: c },
    ];
    return run(ports, [
      { name: "b", tensor: b },
      { name: "k", tensor: matmul(b, b, { transposeB: true }) },
    ]);
  }

  /** The span of the inputs of a layer with fewer samples than inputs. */
  async function spanOfRows(i: number, gram: F64, h: F64): Promise<InputSpace> {
    const map = maps[i];
    const { matrix, rank } = isExact ? independentRows(gram) : leadingRows(gram, threshold);
    const isHidden = isExact && rank < map.inputs.shape[0] && map.inputs.dtype === "float64";
    if (isHidden) return decomposed(map, h);
    const executable = combine[i] as Executable;
    const once = await executable.run({ h, c: matrix });
    const c = correction(once.k as F64, rank);
    const { b } = c ? await executable.run({ h: once.b, c }) : once;
    return { map, rank, basis: b as F64 };
  }

  /** The orthogonal complement of the inputs of a layer with at least as many samples as inputs. */
  async function outsideMany(i: number, leading: F64, inputs: Values): Promise<InputSpace | undefined> {
    const map = maps[i];
    if (!isExact) return outside(map, restOf(leading, threshold));
    let gram = leading;
    let found = nullVectors(gram);
    for (const isHead of heads[i] ? [true, false] : [false]) {
      if (found.length <= probes) break;
      // A few of them detect what all of them would.
      const seen = await gramIn(i, probesOf(found, probes, createRng(0)), inputs);
      if (!isAllFinite(seen)) return undefined;
      if (traceOf(seen) <= cutOffOf(map) ** 2 * traceOf(gram)) return outside(map, found);
      if (!isHead) break;
      gram = await wholeGram(i, inputs);
      if (!isAllFinite(gram)) return undefined;
      found = nullVectors(gram);
    }
    if (found.length === 0) return outside(map, found);
    const seen = await gramIn(i, found, inputs);
    return isAllFinite(seen) ? outside(map, unseen(found, seen, map, traceOf(gram))) : undefined;
  }

  return {
    async at(params, batch) {
      const inputs = namedArrays({ params, batch });
      const results = await first.run(inputs);
      const spans: InputSpace[] = [];
      for (const [i, map] of maps.entries()) {
        const gram = astype(results[`k.${i}`], "float64") as F64;
        if (!isAllFinite(gram)) return undefined;
        const span = isWide(map)
          ? await spanOfRows(i, gram, results[`h.${i}`] as F64)
          : await outsideMany(i, gram, inputs);
        if (span === undefined) return undefined;
        spans.push(span);
      }
      return spans;
    },
    dispose: () => resources.release(),
  };
}

/** Decomposes by singular values instead of their squares. */
function decomposed(map: LinearMap, h: F64): InputSpace {
  const { s, v } = svd(h);
  const cutOff = map.columns * Number.EPSILON * s.data[0];
  const rank = s.data.filter((x) => x > cutOff).length;
  const vectors = Array.from({ length: rank }, (_, j) => column(v, j));
  return { map, rank, basis: rowsOf(vectors, h.shape[0], map.columns) };
}

/** Eigenvectors beyond those that contain the fraction `threshold`. */
function restOf(gram: F64, threshold: number): Float64Array[] {
  const n = gram.shape[0];
  const { values, vectors } = eigenSymmetric(gram);
  const descending = values.data.slice().reverse();
  const rank = rankOf(descending, n * Number.EPSILON * descending[0], threshold);
  return Array.from({ length: n - rank }, (_, j) => column(vectors, j));
}

/** The combinations of the vectors Q that are orthogonal to all inputs, from (HQ)'HQ. */
function unseen(vectors: readonly Float64Array[], gram: F64, map: LinearMap, total: number): Float64Array[] {
  const d = vectors.length;
  const width = gram.shape[0];
  const inner: F64 = {
    shape: [d, d],
    data: Float64Array.from({ length: d * d }, (_, at) => gram.data[Math.floor(at / d) * width + (at % d)]),
  };
  const { values, vectors: mixtures } = eigenSymmetric(inner);
  const cutOff = cutOffOf(map) ** 2 * total;
  const dark = Array.from(values.data.keys()).filter((j) => values.data[j] <= cutOff);
  return dark.map((j) => {
    const weights = column(mixtures, j);
    return vectors[0].map((_, i) => weights.reduce((sum, weight, l) => sum + weight * vectors[l][i], 0));
  });
}

function outside(map: LinearMap, vectors: readonly Float64Array[]): InputSpace {
  const { columns } = map;
  const rank = columns - vectors.length;
  return rank === columns ? { map, rank } : { map, rank, basis: rowsOf(vectors, columns, columns) };
}

const traceOf = ({ shape: [n], data }: F64): number => {
  let sum = 0;
  for (let i = 0; i < n; i++) sum += data[i * n + i];
  return sum;
};

const column = ({ shape: [rows, columns], data }: F64, j: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, i) => data[i * columns + j]);

/** Vectors as the leading rows of a matrix, zeros below. */
function rowsOf(vectors: readonly Float64Array[], rows: number, columns: number): F64 {
  const data = new Float64Array(rows * columns);
  vectors.forEach((v, j) => {
    data.set(v, j * columns);
  });
  return { shape: [rows, columns], data };
}

/** Vectors as the leading columns of a matrix, zeros to their right. */
function columnsOf(vectors: readonly Float64Array[], rows: number, columns: number): F64 {
  const data = new Float64Array(rows * columns);
  vectors.forEach((v, j) => {
    for (let i = 0; i < rows; i++) data[i * columns + j] = v[i];
  });
  return { shape: [rows, columns], data };
}
