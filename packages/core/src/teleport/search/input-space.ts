import { astype, type NdArray } from "../../array.js";
import type { Graph } from "../../graph/graph.js";
import { input } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { eigenSymmetric, svd } from "../../math/linalg.js";
import { namedArrays } from "../../named-arrays.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import type { Values } from "../../runtime/executable.js";
import type { Batch } from "../../symmetry/symmetry.js";
import type { LinearMap } from "./layer-inputs.js";

type F64 = NdArray<Float64Array>;

/** The span of a layer's inputs. */
export interface InputSpace {
  readonly map: LinearMap;
  readonly rank: number;
  /** The part of a row that is orthogonal to all inputs. */
  project(row: Float64Array): Float64Array;
}

/** Computes the spans of the inputs of maps. */
export interface InputSpaces {
  /** Undefined where inputs are not finite. */
  at(params: unknown, batch: Batch): Promise<readonly InputSpace[] | undefined>;
  dispose(): Promise<void>;
}

/**
 * One graph in float64 that yields H of each layer with fewer samples than inputs, and Q'H'HQ of the others. With Q = I
 * that is the Gram matrix, in which singular values below 1e-8 of the largest drown in rounding. A second run with Q a
 * basis of what looks like the null space has them as its leading ones.
 *
 * @param graph of the loss that the maps were found in
 * @param threshold share of ||H||^2 that the span holds; 1: its rank
 */
export async function compileInputSpaces(
  graph: Graph,
  maps: readonly LinearMap[],
  threshold: number,
  compileOptions: CompileOptions,
): Promise<InputSpaces> {
  const isWide = ({ inputs, columns }: LinearMap) => inputs.shape[0] < columns;
  const bases = maps.map(({ inputs, columns }) => input([columns, columns], inputs.dtype));
  const outputs = maps.map((map, i) => {
    if (isWide(map)) return { name: `h.${i}`, tensor: map.inputs };
    const hq = matmul(map.inputs, bases[i]);
    return { name: `h.${i}`, tensor: matmul(hq, hq, { transposeA: true }) };
  });
  const run = await compile(
    { inputs: [...graph.inputs, ...bases.map((tensor, i) => ({ name: `q.${i}`, tensor }))], outputs },
    { ...compileOptions, dtype: "float64" },
  );
  const identities = maps.map(({ columns }) => identity(columns));

  return {
    async at(params, batch) {
      const inputs = namedArrays({ params, batch });
      const compute = async (q: readonly F64[]): Promise<F64[] | undefined> => {
        const results: Values = await run.run({
          ...inputs,
          ...Object.fromEntries(q.map((a, i) => [`q.${i}`, a])),
        });
        const found = maps.map((_, i) => astype(results[`h.${i}`], "float64") as F64);
        return found.every(({ data }) => data.every(Number.isFinite)) ? found : undefined;
      };
      const first = await compute(identities);
      if (first === undefined) return undefined;
      const spans = first.map((h, i) =>
        isWide(maps[i]) ? spanOfRows(h, threshold) : spanOfGram(h, threshold),
      );
      const isClear = (i: number) => threshold < 1 || isWide(maps[i]) || spans[i].rest.length === 0;
      if (!maps.every((_, i) => isClear(i))) {
        const second = await compute(spans.map(({ rest }, i) => columnsOf(rest, maps[i].columns)));
        if (second === undefined) return undefined;
        second.forEach((gram, i) => {
          if (!isClear(i)) spans[i] = refined(spans[i], gram, maps[i]);
        });
      }
      return spans.map(({ basis }, i) => ({
        map: maps[i],
        rank: basis.length,
        project: (row) =>
          basis.length === maps[i].columns ? new Float64Array(row.length) : orthogonal(row, basis),
      }));
    },
    dispose: () => run.dispose(),
  };
}

/** Orthonormal vectors that span the inputs, and those that complete them as far as they are known. */
interface Span {
  readonly basis: readonly Float64Array[];
  readonly rest: readonly Float64Array[];
  /** Largest singular value of the inputs. */
  readonly largest: number;
}

function spanOfRows(h: F64, threshold: number): Span {
  const { s, v } = svd(h);
  const [m, n] = h.shape;
  const cutOff = Math.max(m, n) * Number.EPSILON * s.data[0];
  const rank = rankOf(
    s.data.map((x) => x * x),
    cutOff ** 2,
    threshold,
  );
  const basis = Array.from({ length: rank }, (_, j) => column(v, j));
  return { basis, rest: [], largest: s.data[0] };
}

function spanOfGram(gram: F64, threshold: number): Span {
  const n = gram.shape[0];
  const { values, vectors } = eigenSymmetric(gram);
  const descending = values.data.slice().reverse();
  const rank = rankOf(descending, n * Number.EPSILON * descending[0], threshold);
  const all = Array.from({ length: n }, (_, j) => column(vectors, n - 1 - j));
  return {
    basis: all.slice(0, rank),
    rest: all.slice(rank),
    largest: Math.sqrt(Math.max(descending[0], 0)),
  };
}

/** Adds to the basis what of the rest is seen to meet the inputs. */
function refined({ basis, rest, largest }: Span, gram: F64, { inputs, columns }: LinearMap): Span {
  const d = rest.length;
  const inner: F64 = {
    shape: [d, d],
    data: Float64Array.from({ length: d * d }, (_, at) => gram.data[Math.floor(at / d) * columns + (at % d)]),
  };
  const { values, vectors } = eigenSymmetric(inner);
  const cutOff = inputs.shape[0] * Number.EPSILON * largest;
  const met = Array.from(values.data.keys()).filter((j) => values.data[j] > cutOff ** 2);
  const more = met.map((j) => {
    const weights = column(vectors, j);
    return rest[0].map((_, i) => weights.reduce((sum, weight, l) => sum + weight * rest[l][i], 0));
  });
  return { basis: [...basis, ...more], rest: [], largest };
}

/** How many squares, largest first, hold the share `threshold` of their sum; at 1: are above the cut-off. */
function rankOf(squares: Float64Array, cutOff: number, threshold: number): number {
  const rank = squares.filter((x) => x > cutOff).length;
  if (threshold === 1) return rank;
  const total = squares.reduce((sum, x) => sum + Math.max(x, 0), 0);
  let [held, k] = [0, 0];
  while (k < rank && held < threshold * total) held += squares[k++];
  return k;
}

/** A row less its part in the span of a basis; twice, so that the rounding of the first time goes, too. */
function orthogonal(row: Float64Array, basis: readonly Float64Array[]): Float64Array {
  const out = row.slice();
  for (let pass = 0; pass < 2; pass++) {
    for (const b of basis) {
      let along = 0;
      for (let i = 0; i < out.length; i++) along += b[i] * out[i];
      for (let i = 0; i < out.length; i++) out[i] -= along * b[i];
    }
  }
  return out;
}

const column = ({ shape: [rows, columns], data }: F64, j: number): Float64Array =>
  Float64Array.from({ length: rows }, (_, i) => data[i * columns + j]);

/** Vectors as the leading columns of a square matrix of zeros. */
function columnsOf(vectors: readonly Float64Array[], n: number): F64 {
  const data = new Float64Array(n * n);
  vectors.forEach((v, j) => {
    for (let i = 0; i < n; i++) data[i * n + j] = v[i];
  });
  return { shape: [n, n], data };
}

function identity(n: number): F64 {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return { shape: [n, n], data };
}
