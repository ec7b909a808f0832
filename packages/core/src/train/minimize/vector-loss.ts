// The loss of a minimization and its gradient as functions of one vector: one array goes in, and one comes out.

import { astype, isNdArray, type NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { valueAndGrad } from "../../graph/autodiff.js";
import { checkLabels } from "../../graph/labels.js";
import { reshape } from "../../graph/ops/reshape.js";
import { concat, slice } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { spec, type TensorsOf, trace } from "../../graph/trace.js";
import { floatTypeOf, namedArrays } from "../../named-arrays.js";
import { type CompileOptions, compile } from "../../runtime/compile.js";
import { flatten, unflatten } from "../../tree.js";
import type { MinimizationProblem } from "./minimize-options.js";

/** A point, with its loss and gradient. */
export interface Place {
  readonly w: Float64Array;
  readonly value: number;
  readonly g: Float64Array;
}

export interface VectorLoss {
  evaluate(w: Float64Array): Promise<Place>;
  dispose(): Promise<void>;
}

export async function compileVectorLoss<P, B extends Batch>(
  { loss, start, batch = {} as B }: MinimizationProblem<P, B>,
  compileOptions: CompileOptions,
): Promise<VectorLoss> {
  const { leaves, def } = flatten<NdArray>(start, isNdArray);
  const dtype = floatTypeOf("minimizeByLineSearch", start);
  const size = leaves.reduce((sum, { data }) => sum + data.length, 0);
  const treeOf = (w: Tensor): TensorsOf<P> => {
    let end = 0;
    const parts = leaves.map(({ shape, data }) => {
      const starts = [end];
      end += data.length;
      return reshape(slice(w, { starts, ends: [end] }), shape);
    });
    return unflatten(def, parts) as TensorsOf<P>;
  };
  const { graph } = trace(
    ({ w, batch: b }) => {
      const [value, slopes] = valueAndGrad(loss)(treeOf(w), b);
      const g = flatten(slopes, isTensor).leaves.map((x) => reshape(x, [x.size]));
      return { loss: value, g: concat(g) };
    },
    { w: spec([size], dtype), batch },
  );
  const fixed = namedArrays({ batch });
  checkLabels(graph, fixed);
  const executable = await compile(graph, compileOptions);
  return {
    async evaluate(w) {
      const results = await executable.run({ w: astype({ shape: [size], data: w }, dtype), ...fixed });
      const g = astype(results.g, "float64").data as Float64Array;
      return { w, value: Number(results.loss.data[0]), g };
    },
    dispose: () => executable.dispose(),
  };
}
