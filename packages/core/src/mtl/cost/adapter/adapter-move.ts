import { dtypeOf, isNdArray, type NdArray } from "../../../array.js";
import { OptionError } from "../../../errors.js";
import { createRng } from "../../../math/rng.js";
import { flatten } from "../../../tree.js";
import { type MoveProblem, type Mover, squareOf } from "../move.js";
import { createAdapter } from "./adapter.js";
import { compileInnerLoop } from "./inner-loop.js";

/** A mover that trains an adapter. */
export async function adapterMove(problem: MoveProblem): Promise<Mover> {
  const adapter = createAdapter(problem.parts.shared, problem.adapter, problem.trained);
  const loop = await compileInnerLoop({ ...problem, adapter });
  return {
    async propose(start) {
      const { displacement, first, last } = await loop.run(start);
      const { shared } = start.parts;
      return {
        name: "adapter",
        divisible: true,
        at: (fraction) => adapter.mergeArrays(shared, displacement, fraction),
        ...(first && last ? { first, last } : {}),
      };
    },
    dispose: loop.dispose,
  };
}

/**
 * A mover for the control experiment: at every site of the adapter a displacement in a random direction, with
 * the maximum length that the trust region allows.
 *
 * @throws OptionError without a trust region
 */
export async function randomMove(problem: MoveProblem): Promise<Mover> {
  const { trust } = problem;
  const adapter = createAdapter(problem.parts.shared, problem.adapter, problem.trained);
  if (trust === false) {
    throw new OptionError(
      "COST: a random move has the trust region's length; give one, such as relative 0.1.",
    );
  }
  return {
    async propose({ parts: { shared }, seed }) {
      const { leaves } = flatten<NdArray>(shared, isNdArray);
      const rng = createRng(seed).fork("random move");
      const displacement = adapter.sites.map(({ leaf, shape }): NdArray => {
        const numbers = Float64Array.from({ length: leaves[leaf].data.length }, () => rng.normal());
        const size = Math.sqrt(squareOf(leaves[leaf].data as Float64Array));
        const radius = trust.kind === "relative" ? trust.value * size : trust.value;
        const factor = radius / Math.sqrt(squareOf(numbers));
        const data = numbers.map((v) => factor * v);
        return { shape, data: dtypeOf(leaves[leaf]) === "float64" ? data : Float32Array.from(data) };
      });
      return {
        name: "random",
        divisible: true,
        at: (fraction) => adapter.mergeArrays(shared, displacement, fraction),
      };
    },
    dispose: async () => {},
  };
}
