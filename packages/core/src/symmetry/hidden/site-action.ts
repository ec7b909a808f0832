// Actions on hidden units by pseudo-inverses: Zhao et al., NeurIPS 2022, eq. 8, and ICLR 2024, on any sites of a network.

import { astype, copyArray, dtypeOf, isAllFinite, type NdArray, zeros } from "../../array.js";
import type { Batch, BatchSpec } from "../../batch.js";
import { sameShape } from "../../graph/tensor.js";
import { pinv } from "../../math/linalg.js";
import { flag, type OptionsOf, optionTable } from "../../options.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import { namedArrays } from "../../tree.js";
import type { ElementWise } from "../bijection.js";
import { identityPlus, type Matrix } from "../matrix.js";
import { mapArrays, mapTensors, sumLike } from "../parameter-axes.js";
import { isRefusal, orRefusal, type Refusal, type Symmetry } from "../symmetry.js";
import {
  type HiddenSite,
  pathsOf,
  plusShape,
  type SiteRule,
  siteTangent,
  traceSiteAct,
  traceSiteMatrix,
} from "./hidden-site.js";
import { createInverses } from "./inverses.js";
import { traceSiteContext, traceSites } from "./traced-action.js";

export interface SiteActionOptions extends OptionsOf<typeof siteActionOptions> {}

export const siteActionRows = {
  /**
   * Acts even where the batch is too large for the pseudo-inverse, so that the loss drifts; default false:
   * such an action is refused.
   */
  allowInexact: flag.default(false),
};

const siteActionOptions = optionTable("siteAction", siteActionRows);

const outOfRange = "the group element takes units out of their activation's range";

/**
 * A symmetry that mixes the units of each site by g = I + T and compensates as the rule says. A site is a hidden layer and the weight
 * that reads it (see {@link HiddenSite}). Sites move in order; each gets the input that the moved sites below produce.
 *
 * On arrays, the rule's graphs run site by site: the rank of a matrix is decided by its singular values, which need the host,
 * and a refusal names it.
 */
export function siteAction<P, S extends ElementWise>(
  params: P,
  sites: readonly HiddenSite<P, S>[],
  rule: SiteRule<S>,
  options: SiteActionOptions = {},
): Symmetry<P> {
  const { allowInexact } = siteActionOptions.read(options);
  const executables = lazyExecutables({ dtype: "float64" });
  const inverses = createInverses();
  /**
   * The last matrix of each site and its pseudo-inverse. A copy, because the caller may overwrite a batch's
   * arrays. In eq. 8 the matrix of the first site is the batch itself; those of the others are needed once
   * for a step and again for the next gradient.
   */
  const known: ({ readonly matrix: NdArray; readonly plus: NdArray } | undefined)[] = [];

  const keyOf = (batch: BatchSpec) =>
    Object.values(batch)
      .map(({ shape }) => shape)
      .join(";");
  const matrixRun = (p: P, batch: BatchSpec, m: number) =>
    executables.get(`matrix ${m} ${keyOf(batch)}`, () => traceSiteMatrix(rule, sites[m], p, batch));
  const actRun = (p: P, batch: BatchSpec, m: number) =>
    executables.get(`act ${m} ${keyOf(batch)}`, () => traceSiteAct(rule, sites[m], p, batch));

  /** The pseudo-inverse, if it makes the action exact. */
  const inverseOf = async (matrix: Matrix): Promise<NdArray | Refusal> => {
    const { matrixName } = rule;
    const [samples, width] = matrix.shape;
    const plus = allowInexact || samples <= width ? await inverses.pseudoInverse(matrix) : undefined;
    if (plus) return plus;
    const result = await orRefusal(() => pinv(matrix), matrixName);
    if (isRefusal(result)) return result;
    if (result.rank === samples || allowInexact) return result.pinv;
    return {
      refused:
        `${matrixName} has rank ${result.rank} for a batch of ${samples}: the action would change the loss. ` +
        `Use a batch of at most ${Math.max(1, result.rank)}, without repeated samples; in the plan of a trainer's teleports that is batchSize.`,
    };
  };

  /** Z and the pseudo-inverse at a site; the last one is kept. */
  const siteAt = async (
    p: P,
    batch: Batch,
    m: number,
    g: Matrix,
  ): Promise<Record<"z" | "plus", NdArray> | Refusal> => {
    const run = await matrixRun(p, batch, m);
    const { matrix, z } = await run.run({ ...namedArrays({ params: p, batch }), g });
    const last = known[m];
    if (last && sameArray(last.matrix, matrix)) return { z, plus: last.plus };
    const plus = await inverseOf(matrix as Matrix);
    if (isRefusal(plus)) return plus;
    known[m] = { matrix: copyArray(matrix), plus };
    return { z, plus };
  };

  /** Moves one site by g. */
  const actOn = async (p: P, batch: Batch, m: number, T: NdArray): Promise<P | Refusal> => {
    const g = identityPlus(T);
    const site = await siteAt(p, batch, m, g);
    if (isRefusal(site)) return site;
    const back = await orRefusal(() => inverses.inverse(g), "the group element");
    if (isRefusal(back)) return back;
    const run = await actRun(p, batch, m);
    const result = await run.run({ ...namedArrays({ params: p }), ...site, g, back });
    if (!Object.values(result).every(isAllFinite)) {
      return { refused: outOfRange };
    }
    return mapArrays(p, (array, path) => {
      const moved = result[`moved.${path}`];
      return moved === undefined ? array : astype(moved, dtypeOf(array));
    });
  };

  const whole = { rule, sites, params, allowInexact };
  return {
    name: rule.name,
    paths: [...new Set(sites.flatMap(pathsOf))],
    exact: allowInexact ? "no" : "batch",
    algebra: sites.map(({ size }) => [size, size]),
    bound: { kind: "norm", value: 0.5 },
    contextShapes: (batch) => sites.map((site) => plusShape(rule, site, params, batch)),
    async prepare(p, batch) {
      for (let m = 0; m < sites.length; m++) {
        await matrixRun(p, batch, m);
        await actRun(p, batch, m);
      }
    },
    async context(p, batch) {
      const all: NdArray[] = [];
      for (let m = 0; m < sites.length; m++) {
        const identity = identityPlus(zeros([sites[m].size, sites[m].size], "float64"));
        const site = await siteAt(p, batch, m, identity);
        if (isRefusal(site)) return site;
        all.push(site.plus);
      }
      return all;
    },
    derivative(p, T, batch, plus) {
      const tangents = sites.map((site, m) => siteTangent(rule, site, p, T[m], batch, plus[m]));
      return mapTensors(p, (w, path) =>
        sumLike(
          tangents.flatMap((tangent) => (tangent[path] ? [tangent[path]] : [])),
          w,
        ),
      );
    },
    traceRefusal: outOfRange,
    trace: (p, T, batch) => traceSites(whole, p, T, batch),
    traceContext: (p, batch) => traceSiteContext(whole, p, batch),
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
      await executables.dispose();
      await inverses.dispose();
    },
  };
}

function sameArray(a: NdArray, b: NdArray): boolean {
  if (!sameShape(a.shape, b.shape)) return false;
  for (let i = 0; i < a.data.length; i++) if (a.data[i] !== b.data[i]) return false;
  return true;
}
