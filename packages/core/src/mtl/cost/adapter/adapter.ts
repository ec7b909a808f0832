// Low-rank adapters: E. Hu et al., "LoRA", ICLR 2022, arXiv 2106.09685, eq. 3; as the move of a teleport: Z. Zhou et al.,
// NeurIPS 2025, arXiv 2503.04046, section 4.2.

import { allocate, dtypeOf, isNdArray, type NdArray, sizeOf } from "../../../array.js";
import { OptionError } from "../../../errors.js";
import { add, mul } from "../../../graph/ops/arithmetic.js";
import { matmul } from "../../../graph/ops/matmul.js";
import { reshape } from "../../../graph/ops/reshape.js";
import { isTensor, type Tensor } from "../../../graph/tensor.js";
import { createRng } from "../../../math/rng.js";
import { matcherOf } from "../../../name-patterns.js";
import { integerFrom, listOf, type OptionsOf, oneOf, optionTable, positive, text } from "../../../options.js";
import { flatten, replaced, unflatten } from "../../../tree.js";

export interface AdapterOptions extends OptionsOf<typeof adapterOptions> {}

export const adapterOptions = optionTable("cost: adapter", {
  /**
   * `low-rank`: D = (alpha / r) B A. `dense`: D itself is trained. `auto` (default): low-rank if that has
   * fewer numbers than D, and dense for smaller tensors.
   */
  kind: oneOf(["auto", "low-rank", "dense"]).default("auto"),
  /** r, the rank; default 5. */
  rank: integerFrom(1).default(5),
  /** The scale of D, see `kind`; default 8. */
  alpha: positive.default(8),
  /**
   * Paths of the weights to move among the shared parameters, such as `conv1.weight`; `*` stands for any characters. Default: see
   * `createAdapter`.
   */
  layers: listOf(text("a path, such as conv1.weight")).otherwise("all tensors of two or more axes"),
});

/** A tensor that is moved. */
export interface AdapterSite {
  readonly path: string;
  /** Its index among the leaves of the shared parameters. */
  readonly leaf: number;
  readonly shape: readonly number[];
  /** Its size as a matrix: outputs, and inputs times kernel. */
  readonly rows: number;
  readonly columns: number;
  readonly kind: "low-rank" | "dense";
}

/** The trained factors of a site: A [r, columns] and B [rows, r], or D in the shape of the tensor. */
export type Factors<T> = { readonly A: T; readonly B: T } | { readonly D: T };

/** A displacement of shared parameters with few trained numbers. */
export interface Adapter {
  readonly sites: readonly AdapterSite[];
  /** Factors with D = 0: A is random, B zero. */
  init(seed: number): readonly Factors<NdArray>[];
  /** D of every site. Traced. */
  displacement(factors: readonly Factors<Tensor>[]): readonly Tensor[];
  /** theta + D. Traced. */
  merge<S>(shared: S, displacement: readonly Tensor[]): S;
  /** theta + scale D as new arrays; tensors without a site are the same as in theta. */
  mergeArrays<S>(shared: S, displacement: readonly NdArray[], scale: number): S;
  /** The factors with D multiplied by a scalar at every site. Traced. */
  scaled(factors: readonly Factors<Tensor>[], by: readonly Tensor[]): readonly Factors<Tensor>[];
}

/**
 * Displacements D of shared parameters theta by low-rank adapters,
 *
 * D = (alpha / r) B A,  W [o, i]: B [o, r], A [r, i];  convolution W [o, i, kh, kw]: A [r, i kh kw]
 *
 * A is drawn as in LoRA, uniform in +-1 / sqrt(columns) (Kaiming with slope sqrt(5)), B = 0. Without `layers` all tensors
 * of two or more axes are moved, or all tensors if there is none, such as for a point in the plane.
 *
 * @param shared the shared parameters, of which only shapes and dtypes matter
 * @param trained leaves that may be moved; default: all
 * @throws OptionError for values out of range, and layers that are unknown or may not be moved
 *
 * @example
 * const adapter = createAdapter(params.shared, { rank: 2, layers: ["conv1.weight"] });
 * adapter.init(0); // [{ A: [2, 25], B: [6, 2] }]
 */
export function createAdapter(
  shared: unknown,
  options: AdapterOptions = {},
  trained?: readonly number[],
): Adapter {
  const { kind, rank, alpha, layers } = adapterOptions.read(options);
  const { leaves, paths } = flatten<NdArray>(shared, isNdArray);
  const sites = chosen(trained ?? [...leaves.keys()], leaves, paths, layers).map((leaf): AdapterSite => {
    const { shape } = leaves[leaf];
    const rows = shape.length > 1 ? shape[0] : 1;
    const columns = sizeOf(shape) / rows;
    const isSmaller = rank * (rows + columns) < rows * columns;
    return {
      path: paths[leaf],
      leaf,
      shape,
      rows,
      columns,
      kind: kind === "auto" ? (isSmaller ? "low-rank" : "dense") : kind,
    };
  });
  const places = sites.map(({ leaf }) => leaf);
  const factor = alpha / rank;
  const typeAt = (i: number) => dtypeOf(leaves[sites[i].leaf]);

  return {
    sites,
    init(seed) {
      const rng = createRng(seed).fork("adapter");
      return sites.map((site, i) => {
        if (site.kind === "dense") return { D: zerosOf(site.shape, typeAt(i)) };
        const A = zerosOf([rank, site.columns], typeAt(i));
        const stream = rng.fork(site.path);
        const bound = 1 / Math.sqrt(site.columns);
        for (let k = 0; k < A.data.length; k++) A.data[k] = bound * (2 * stream.next() - 1);
        return { A, B: zerosOf([site.rows, rank], typeAt(i)) };
      });
    },
    displacement: (factors) =>
      factors.map((f, i) => ("D" in f ? f.D : reshape(mul(factor, matmul(f.B, f.A)), [...sites[i].shape]))),
    merge<S>(tree: S, displacement: readonly Tensor[]): S {
      const { leaves: tensors, def } = flatten(tree, isTensor);
      const merged = displacement.map((D, i) => add(tensors[sites[i].leaf], D));
      return unflatten(def, replaced(tensors, places, merged)) as S;
    },
    mergeArrays<S>(tree: S, displacement: readonly NdArray[], scale: number): S {
      const { leaves: arrays, def } = flatten<NdArray>(tree, isNdArray);
      const merged = displacement.map((D, i): NdArray => {
        const { shape, data: before } = arrays[sites[i].leaf];
        const data = before.slice() as Float64Array;
        const move = D.data as Float64Array;
        for (let k = 0; k < data.length; k++) data[k] += scale * move[k];
        return { shape, data };
      });
      return unflatten(def, replaced(arrays, places, merged)) as S;
    },
    scaled: (factors, by) =>
      factors.map((f, i) => ("D" in f ? { D: mul(by[i], f.D) } : { A: f.A, B: mul(by[i], f.B) })),
  };
}

/** Leaves to move, of those that may be. */
function chosen(
  all: readonly number[],
  leaves: readonly NdArray[],
  paths: readonly string[],
  layers: readonly string[] | undefined,
): readonly number[] {
  if (layers === undefined) {
    const matrices = all.filter((i) => leaves[i].shape.length > 1);
    return matrices.length > 0 ? matrices : all;
  }
  const names = all.map((i) => paths[i]);
  const missing = layers.find((path) => !names.some(matcherOf([path])));
  if (missing !== undefined || layers.length === 0) {
    throw new OptionError(
      `adapter: layers must name shared parameters that are trained, one or more of ${names.join(", ")}; ` +
        `got ${missing === undefined ? "none" : `"${missing}"`}.`,
    );
  }
  const isChosen = matcherOf(layers);
  return all.filter((i) => isChosen(paths[i]));
}

const zerosOf = (shape: readonly number[], dtype: ReturnType<typeof dtypeOf>): NdArray<Float64Array> => ({
  shape: [...shape],
  data: allocate(dtype, sizeOf(shape)) as Float64Array,
});
