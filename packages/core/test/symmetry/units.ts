import type { Problem } from "isoloss-test-support/symmetry/support";
import { isNdArray, type NdArray } from "../../src/array.js";
import { grad } from "../../src/graph/autodiff.js";
import { trace } from "../../src/graph/trace.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { compile } from "../../src/runtime/compile.js";
import type { UnitSpace } from "../../src/symmetry/discrete/discrete-axes.js";
import { flatten, namedArrays } from "../../src/tree.js";

/** The hidden units of an mlp: rows and biases of a layer, columns of the next. */
export function hiddenUnits({ layers }: MlpParams): UnitSpace[] {
  return layers.slice(0, -1).map(({ weight, bias }, m) => ({
    size: weight.shape[0],
    axes: [
      { path: `layers.${m}.weight`, view: weight.shape, axis: 0 },
      ...(bias ? [{ path: `layers.${m}.bias`, view: bias.shape, axis: 0 }] : []),
      { path: `layers.${m + 1}.weight`, view: layers[m + 1].weight.shape, axis: 1 },
    ],
  }));
}

export const leavesOf = (tree: unknown): NdArray[] => flatten<NdArray>(tree, isNdArray).leaves;

export async function gradientOf({ loss, batch }: Problem, params: MlpParams): Promise<MlpParams> {
  const { graph } = trace(({ p, b }) => grad(loss)(p, b), { p: params, b: batch });
  const results = await (await compile(graph)).run(namedArrays({ p: params, b: batch }));
  return {
    layers: params.layers.map(({ bias }, m) => ({
      weight: results[`layers.${m}.weight`],
      ...(bias ? { bias: results[`layers.${m}.bias`] } : {}),
    })),
  };
}
