// The action on hidden units: Zhao et al., NeurIPS 2022, eq. 8, in its delta form, on any sites of a network.
import type { NdArray } from "../array.js";
import { astype, copyArray, dtypeOf, isNdArray } from "../array.js";
import { NumericalError } from "../errors.js";
import type { Graph } from "../graph/graph.js";
import { sameShape } from "../graph/tensor.js";
import { inverse, pinv } from "../math/linalg.js";
import { namedArrays } from "../named-arrays.js";
import { compile } from "../runtime/compile.js";
import type { Executable } from "../runtime/executable.js";
import { flatten } from "../tree.js";
import { type HiddenSite, shapesOf, siteTangent, traceSiteAct, traceSiteInput } from "./hidden-site.js";
import { mapArrays, mapTensors, sumLike } from "./legs.js";
import { type Batch, type BatchSpec, isRefusal, type Refusal, type Symmetry } from "./symmetry.js";

export interface SiteActionOptions {
  /** Acts even where the batch is wider than a layer's input, so that the loss moves; default false: refused. */
  readonly allowInexact?: boolean;
}

/**
 * Mixes the units of each site by g = I + T and takes it back in the next weight. Sites are moved in their order; each
 * sees the input that the moved ones below give.
 */
export function siteAction<P>(
  params: P,
  sites: readonly HiddenSite<P>[],
  { allowInexact = false }: SiteActionOptions = {},
): Symmetry<P> {
  const dtype = dtypeOf(flatten<NdArray>(params, isNdArray).leaves[0]) as "float32" | "float64";
  const compiled = new Map<string, Promise<Executable>>();
  /** The last batch and its pseudo-inverse at the first site. A copy of the batch: its arrays may be filled anew. */
  let known: { readonly h: NdArray; readonly plus: NdArray } | undefined;

  const executable = (key: string, make: () => Graph): Promise<Executable> => {
    const run = compiled.get(key) ?? compile(make(), { dtype: "float64" });
    compiled.set(key, run);
    return run;
  };
  const keyOf = (batch: BatchSpec) =>
    Object.values(batch)
      .map(({ shape }) => shape)
      .join(";");
  const inputRun = (p: P, batch: BatchSpec, m: number) =>
    executable(`input ${m} ${keyOf(batch)}`, () => traceSiteInput(sites[m], p, batch));
  const actRun = (p: P, batch: BatchSpec, m: number) =>
    executable(`act ${m} ${keyOf(batch)}`, () => traceSiteAct(sites[m], p, batch));

  /** The pseudo-inverse, if it makes the action exact. */
  const inverseOf = (h: NdArray): NdArray | Refusal => {
    const result = orRefusal(() => pinv(astype(h, "float64")), "a layer's input");
    if (isRefusal(result)) return result;
    if (result.rank === h.shape[0] || allowInexact) return result.pinv;
    return {
      refused:
        `a layer's input has rank ${result.rank} for a batch of ${h.shape[0]}: the action would change the loss. ` +
        "Use a batch no larger than the layer's input, without repeated samples.",
    };
  };

  /** H^+ of a site; that of the last input of the first site, usually the batch itself, is kept. */
  const plusOf = async (p: P, batch: Batch, m: number): Promise<NdArray | Refusal> => {
    const run = await inputRun(p, batch, m);
    const { h } = await run.run(namedArrays({ params: p, batch }));
    if (m === 0 && known && sameArray(known.h, h)) return known.plus;
    const plus = inverseOf(h);
    if (m === 0 && !isRefusal(plus)) known = { h: copyArray(h), plus };
    return plus;
  };

  /** Moves one site by g. */
  const actOn = async (p: P, batch: Batch, m: number, T: NdArray): Promise<P | Refusal> => {
    const plus = await plusOf(p, batch, m);
    if (isRefusal(plus)) return plus;
    const g = identityPlus(T);
    const back = orRefusal(() => inverse(g), "the group element");
    if (isRefusal(back)) return back;
    const run = await actRun(p, batch, m);
    const result = await run.run({ ...namedArrays({ params: p, batch }), g, back, plus });
    if (!Object.values(result).every(isFiniteArray)) {
      return { refused: "the group element takes units out of their activation's range" };
    }
    return mapArrays(p, (array, path) => {
      const moved = result[`moved.${path}`];
      return moved === undefined ? array : astype(moved, dtype);
    });
  };

  return {
    name: "hidden action (eq. 8)",
    exact: "batch",
    algebra: sites.map(({ size }) => [size, size]),
    bound: { kind: "norm", value: 0.5 },
    contextShapes: (batch) =>
      sites.map((site) => {
        const { samples, inputs } = shapesOf(site, params, batch);
        return [inputs, samples];
      }),
    async prepare(p, batch) {
      for (let m = 0; m < sites.length; m++) {
        await inputRun(p, batch, m);
        await actRun(p, batch, m);
      }
    },
    async context(p, batch) {
      const all: NdArray[] = [];
      for (let m = 0; m < sites.length; m++) {
        const plus = await plusOf(p, batch, m);
        if (isRefusal(plus)) return plus;
        all.push(plus);
      }
      return all;
    },
    derivative(p, T, batch, plus) {
      const tangents = sites.map((site, m) => siteTangent(site, p, T[m], batch, plus[m]));
      return mapTensors(p, (w, path) =>
        sumLike(
          tangents.flatMap((tangent) => (tangent[path] ? [tangent[path]] : [])),
          w,
        ),
      );
    },
    async act(p, T, batch) {
      let moved = p;
      for (let m = 0; m < sites.length; m++) {
        const next = await actOn(moved, batch, m, T[m]);
        if (isRefusal(next)) return next;
        moved = next;
      }
      return moved;
    },
    async dispose() {
      for (const run of compiled.values()) await (await run).dispose();
      compiled.clear();
    },
  };
}

/** The result of a computation on matrices, or a refusal where they are singular or hold what is not finite. */
function orRefusal<R>(compute: () => R, what: string): R | Refusal {
  try {
    return compute();
  } catch (error) {
    if (error instanceof NumericalError)
      return { refused: `${what} cannot be inverted: it is singular or not finite` };
    throw error;
  }
}

const isFiniteArray = ({ data }: NdArray): boolean => (data as Float64Array).every(Number.isFinite);

function sameArray(a: NdArray, b: NdArray): boolean {
  return sameShape(a.shape, b.shape) && a.data.every((v: number | bigint, i: number) => v === b.data[i]);
}

/** I + T in float64. */
function identityPlus(T: NdArray): NdArray<Float64Array> {
  const n = T.shape[0];
  const data = Float64Array.from(T.data as Float64Array);
  for (let i = 0; i < n; i++) data[i * n + i] += 1;
  return { shape: [n, n], data };
}
