import type { Batch, BatchLoss, BatchSpec } from "../../batch.js";
import { NumericalError } from "../../errors.js";
import { dotOf } from "../../math/dense.js";
import { createRng } from "../../math/rng.js";
import type { CompileOptions } from "../../runtime/compile.js";
import { createHessian, type Hessian, type LanczosOptions, lanczos } from "./hessian.js";

/** The curvature of the loss at a point, in particular along the gradient. */
export interface Curvature {
  /** The Hessian's largest eigenvalue, estimated by Lanczos steps. */
  readonly lambdaMax: number;
  /** J = ||g||^4 / (2 g'Hg): the decrease that the quadratic model allows along g; left out where g'Hg <= 0. */
  readonly modelDecrease?: number | undefined;
}

/** Measures the curvature at points. */
export interface CurvatureMeter<P> {
  /** Undefined if the Hessian is not finite. */
  measure(params: P, batch: Batch): Promise<Curvature | undefined>;
  dispose(): Promise<void>;
}

/** Share of the largest eigenvalue by which its estimate may still change at the last step. */
const settled = 1e-4;

/** Compiles a Hessian-vector product for measuring curvature with Lanczos steps, `steps` at most. */
export async function createCurvatureMeter<P>(
  loss: BatchLoss<P>,
  params: P,
  batch: BatchSpec,
  steps: number,
  compileOptions: CompileOptions,
): Promise<CurvatureMeter<P>> {
  const hessian = await createHessian(loss, params, batch, compileOptions);
  return {
    async measure(p, b) {
      try {
        const { g, hg, largest } = await spectrumAt(hessian, p, b, steps, { settled });
        const [gradNormSq, gHg] = [dotOf(g, g), dotOf(g, hg)];
        // In this order, the fourth power does not overflow.
        const modelDecrease = (gradNormSq / gHg) * (gradNormSq / 2);
        const isKnown = gHg > 0 && Number.isFinite(modelDecrease) && modelDecrease > 0;
        return { lambdaMax: largest, modelDecrease: isKnown ? modelDecrease : undefined };
      } catch (error) {
        if (error instanceof NumericalError) return undefined;
        throw error;
      }
    },
    dispose: () => hessian.dispose(),
  };
}

/** Gradient, H g and the ends of the Hessian's spectrum at a point, in at most `steps` + 1 products. */
export interface Spectrum {
  readonly g: Float64Array;
  readonly hg: Float64Array;
  readonly smallest: number;
  readonly largest: number;
}

/**
 * Lanczos steps from g / ||g|| + d / 2, with d a fixed random direction of length 1. The gradient has large
 * components along the leading eigenvectors, but after an optimal teleport it is a single eigenvector and
 * reveals no other.
 */
export async function spectrumAt<P>(
  hessian: Hessian<P>,
  params: P,
  batch: Batch,
  steps: number,
  options: LanczosOptions = {},
): Promise<Spectrum> {
  const rng = createRng(0).fork("spectrum");
  const d = unit(hessian.vectorOf(params).map(() => rng.normal()));
  const { g, hv: hd } = await hessian.times(params, batch, d);
  const { hv: he } = await hessian.times(params, batch, unit(g));
  const start = unit(g).map((x, i) => x + d[i] / 2);
  const [norm, length] = [lengthOf(g), lengthOf(start)];
  // The first product follows from the two above.
  let first: Float64Array | undefined = he.map((x, i) => (x + hd[i] / 2) / length);
  const apply = async (v: Float64Array) => {
    const known = first;
    first = undefined;
    return known ?? (await hessian.times(params, batch, v)).hv;
  };
  return { g, hg: he.map((x) => norm * x), ...(await lanczos(apply, start, steps, options)) };
}

const lengthOf = (v: Float64Array): number => Math.sqrt(dotOf(v, v));

/** v / ||v||; zero stays zero. */
const unit = (v: Float64Array): Float64Array => {
  const length = lengthOf(v);
  return length > 0 ? v.map((x) => x / length) : v;
};
