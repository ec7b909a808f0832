import type { NdArray } from "../../../array.js";
import { namedArrays } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import { isRefusal, type Symmetry } from "../../../symmetry/symmetry.js";
import type { SearchProblem, Setting, Stop } from "../search.js";
import { traceAscent } from "./ascent-graph.js";
import { normOf, scaledBlock } from "./trust-region.js";

/** Why there is no direction of ascent. */
export const whyNoAscent = {
  infinite: "the gradient is not finite",
  stationary: "the objective is stationary along the orbit: there is nowhere to move",
};

/** The steepest ascent of an objective in a group's algebra. */
export interface AscentDirection<P> {
  /** The gradient in T at the identity, divided by its norm unless disabled, or why there is none. */
  at(params: P, setting: Setting<P>): Promise<NdArray<Float64Array>[] | Stop>;
  /** Also disposes the symmetry. */
  dispose(): Promise<void>;
}

/** Compiles {@link traceAscent} and what the symmetry needs. */
export async function compileDirection<P>(
  symmetry: Symmetry<P>,
  problem: SearchProblem<P>,
  { normalized = true }: { readonly normalized?: boolean | undefined } = {},
): Promise<AscentDirection<P>> {
  const graph = traceAscent(symmetry, problem.objective, problem);
  await symmetry.prepare?.(problem.params, problem.batch);
  const gradient = await compile(graph, problem.compileOptions);
  return {
    async at(params, { batch, memory }) {
      const context = (await symmetry.context?.(params, batch)) ?? [];
      if (isRefusal(context)) return { stopped: context.refused };
      const results = await gradient.run(namedArrays({ params, batch, memory, context }));
      const T = symmetry.algebra.map((_, i) => results[`T.${i}`]);
      const norm = normOf(T.map(({ data }) => data as Float64Array));
      if (!Number.isFinite(norm)) return { stopped: whyNoAscent.infinite };
      if (norm === 0) {
        return { stopped: whyNoAscent.stationary };
      }
      const factor = normalized ? 1 / norm : 1;
      return T.map((block) => scaledBlock(block, factor));
    },
    async dispose() {
      await gradient.dispose();
      await symmetry.dispose?.();
    },
  };
}
