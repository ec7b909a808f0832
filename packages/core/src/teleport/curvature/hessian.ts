import type { Batch, BatchLoss, BatchSpec } from "../../batch.js";
import { grad, hvp } from "../../graph/autodiff.js";
import { trace } from "../../graph/trace.js";
import { accumulate, dotOf } from "../../math/dense.js";
import { eigenSymmetric } from "../../math/linalg.js";
import { nonNegative, type OptionsOf, optionTable } from "../../options.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { Lifetime } from "../../runtime/lifetime.js";
import { namedArrays } from "../../tree.js";
import { parameterVector } from "../parameter-vector.js";

/** Products with a loss's Hessian, on vectors of all parameters, concatenated. */
export interface Hessian<P> {
  /** g = grad L(w), and H v. */
  times(
    params: P,
    batch: Batch,
    v: Float64Array,
  ): Promise<{ readonly g: Float64Array; readonly hv: Float64Array }>;
  /** All parameters as one vector. */
  vectorOf(params: P): Float64Array;
  dispose(): Promise<void>;
}

/**
 * Compiles the gradient and the Hessian-vector product as one graph.
 *
 * @example
 * const hessian = await createHessian((w) => loss(w), params, {});
 * const { g } = await hessian.times(params, {}, hessian.vectorOf(params));
 */
export async function createHessian<P, B extends BatchSpec = BatchSpec>(
  loss: BatchLoss<P, B>,
  params: P,
  batch: B,
  compileOptions: CompileOptions = {},
): Promise<Hessian<P>> {
  const space = parameterVector(params);
  const { graph } = trace(({ params: p, batch: b, v }) => ({ g: grad(loss)(p, b), hv: hvp(loss)(p, v, b) }), {
    params,
    batch,
    v: params,
  });
  const run = await compile(graph, compileOptions);
  const lifetime = new Lifetime("Hessian", "createHessian");
  return {
    vectorOf: space.vectorOf,
    async times(p, b, v) {
      lifetime.requireOpen();
      const results = await run.run(namedArrays({ params: p, batch: b, v: space.treeOf(v) }));
      return { g: space.collect(results, "g"), hv: space.collect(results, "hv") };
    },
    dispose: () => lifetime.end(() => run.dispose()),
  };
}

/** The smallest and the largest Ritz value. */
interface Ritz {
  readonly smallest: number;
  readonly largest: number;
}

export interface LanczosOptions extends OptionsOf<typeof lanczosOptions> {}

const lanczosOptions = optionTable("lanczos", {
  /** Ends as soon as a step changes the largest Ritz value by no more than this share of it; default 0, all steps. */
  settled: nonNegative.default(0),
});

/**
 * Smallest and largest Ritz value of a symmetric operator after a number of Lanczos steps. They bound the
 * spectrum from inside and are usually tight at both ends after ten steps. Each vector is orthogonalized
 * against all previous ones.
 *
 * Source: Golub & Van Loan, Matrix Computations, 4th ed., section 10.1.
 *
 * @param apply maps v to A v
 * @param start any nonzero vector
 * @param steps at most; fewer where a space is found that the operator does not leave
 * @throws OptionError
 *
 * @example
 * const hessian = await createHessian(loss, params, batch);
 * const apply = async (v: Float64Array) => (await hessian.times(params, batch, v)).hv;
 * const { largest } = await lanczos(apply, Float64Array.of(1, 2), 20);
 */
export async function lanczos(
  apply: (v: Float64Array) => Promise<Float64Array>,
  start: Float64Array,
  steps: number,
  options: LanczosOptions = {},
): Promise<Ritz> {
  const { settled } = lanczosOptions.read(options);
  const basis: Float64Array[] = [];
  const [alphas, betas]: number[][] = [[], []];
  let norm = Math.sqrt(dotOf(start, start));
  let next = start;
  let scale = 0;
  let found: Ritz = { smallest: Infinity, largest: -Infinity };
  for (let k = 0; k < Math.min(steps, start.length); k++) {
    const factor = 1 / norm;
    const v = next.map((x) => x * factor);
    basis.push(v);
    const w = (await apply(v)).slice();
    alphas.push(dotOf(v, w));
    scale = Math.max(scale, Math.sqrt(dotOf(w, w)));
    for (let pass = 0; pass < 2; pass++) {
      // In a function of its own: a loop in this one, which waits at each step, stays interpreted.
      for (const u of basis) accumulate(w, -dotOf(u, w), u);
    }
    const { largest } = found;
    found = ritzOf(alphas, betas);
    norm = Math.sqrt(dotOf(w, w));
    // An invariant space is found: the Ritz values are eigenvalues.
    if (!(norm > 1e-10 * scale)) break;
    if (settled > 0 && Math.abs(found.largest - largest) <= settled * Math.abs(found.largest)) break;
    betas.push(norm);
    next = w;
  }
  return found;
}

/** The ends of the spectrum of a symmetric tridiagonal matrix. */
function ritzOf(diagonal: readonly number[], beside: readonly number[]): Ritz {
  const n = diagonal.length;
  const data = new Float64Array(n * n);
  diagonal.forEach((alpha, i) => {
    data[i * n + i] = alpha;
    if (i + 1 < n) {
      data[i * n + i + 1] = beside[i];
      data[(i + 1) * n + i] = beside[i];
    }
  });
  const { data: values } = eigenSymmetric({ shape: [n, n], data }).values;
  return { smallest: values[0], largest: values[n - 1] };
}
