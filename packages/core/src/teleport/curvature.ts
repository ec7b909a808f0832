import type { TensorsOf } from "../graph/trace.js";
import type { CompileOptions } from "../runtime/compile.js";
import type { Batch, BatchSpec } from "../symmetry/symmetry.js";
import { createHessian, dotOf, lanczos } from "./hessian.js";
import type { BatchLoss } from "./objective/objective.js";

/** The curvature that a gradient meets. */
export interface Curvature {
  /** The Hessian's largest eigenvalue, as found by some Lanczos steps from the gradient. */
  readonly lambdaMax: number;
  /** J = ||g||^4 / (2 g'Hg): the decrease that the quadratic model allows along g; infinite where g'Hg <= 0. */
  readonly modelDecrease: number;
}

/** Measures the curvature at points. */
export interface CurvatureMeter<P> {
  measure(params: P, batch: Batch): Promise<Curvature>;
  dispose(): Promise<void>;
}

/** Compiles a Hessian-vector product for measuring curvature with a number of Lanczos steps. */
export async function createCurvatureMeter<P>(
  loss: BatchLoss<TensorsOf<P>>,
  params: P,
  batch: BatchSpec,
  steps: number,
  compileOptions: CompileOptions,
): Promise<CurvatureMeter<P>> {
  const hessian = await createHessian(loss, params, batch, compileOptions);
  return {
    async measure(p, b) {
      const { g } = await hessian.times(p, b, hessian.vectorOf(p));
      const gradNormSq = dotOf(g, g);
      // At a critical point any direction will do.
      const start = gradNormSq > 0 ? g : g.map((_, i) => Math.sin(i + 1));
      let gHg = 0;
      let isFirst = true;
      const apply = async (v: Float64Array) => {
        const { hv } = await hessian.times(p, b, v);
        if (isFirst) gHg = gradNormSq * dotOf(v, hv);
        isFirst = false;
        return hv;
      };
      const { largest } = await lanczos(apply, start, steps);
      return { lambdaMax: largest, modelDecrease: gHg > 0 ? gradNormSq ** 2 / (2 * gHg) : Infinity };
    },
    dispose: () => hessian.dispose(),
  };
}
