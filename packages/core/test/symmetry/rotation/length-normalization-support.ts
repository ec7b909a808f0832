import type { NdArray } from "../../../src/array.js";
import { simplify } from "../../../src/graph/simplify.js";
import type { Tensor } from "../../../src/graph/tensor.js";
import { trace } from "../../../src/graph/trace.js";
import { compileJavaScript } from "../../../src/runtime/javascript/executable.js";
import { namedArrays } from "../../../src/tree.js";

export type Params = Readonly<Record<string, NdArray>>;

export type Tensors = Readonly<Record<string, Tensor>>;

export type Loss = (p: Tensors, d: Tensors) => Tensor;

export const ids = { shape: [2, 3], data: BigInt64Array.from([0n, 3n, 1n, 1n, 2n, 0n]) };

export function lossAt(loss: Loss, params: Params): number {
  const { graph } = trace(({ p, d }) => loss(p, d), { p: params, d: { ids } });
  return Number(
    compileJavaScript(simplify(graph)).runSync(namedArrays({ p: params, d: { ids } })).result.data[0],
  );
}
