import type { NdArray } from "../../array.js";
import { cosines, gramianOf, rowNorms } from "../kernels/gramian.js";
import { checkedMethod, type MultiTaskMethod, type TaskInput } from "../method.js";

/**
 * Any method on the gradients' directions: what it sees does not depend on the losses' scales.
 *
 * u_k = g_k / ||g_k||; d = sum_k w_k u_k with the w of the method for the u
 *
 * Zero rows stay zero, and w_k is then the weight of the task's head, which would never move otherwise. For methods of losses
 * alone it divides each gradient all the same, as d says. Further samples of a step are divided by their own norms. The rest is as
 * in the method inside.
 *
 * @param method any
 *
 * @example
 * normalized(upGrad()).name; // normalized(upGrad)
 */
export function normalized<S>(method: MultiTaskMethod<S>): MultiTaskMethod<S> {
  return checkedMethod<S>({
    ...method,
    name: `normalized(${method.name})`,
    needs: method.needs === "losses" ? "gramian" : method.needs,
    combine(input, state) {
      const { norms, unit } = unitInput(input);
      const combination = method.combine(unit, state);
      const { weights } = combination;
      if (!weights) return combination;
      return { ...combination, weights: weights.map((w, k) => (norms[k] === 0 ? w : w / norms[k])) };
    },
  });
}

/** A step's input with gradients of length 1, and the lengths that they had. */
function unitInput(input: TaskInput): { readonly unit: TaskInput; readonly norms: Float64Array } {
  const { jacobian, samples } = input;
  if (!jacobian) {
    const G = gramianOf(input);
    const norms = rowNorms(G);
    return { norms, unit: { ...input, gramian: cosines(G, norms) } };
  }
  const { rows, norms } = unitRows(jacobian);
  const gramian = input.gramian && cosines(gramianOf(input));
  return {
    norms,
    unit: { ...input, jacobian: rows, gramian, samples: samples?.map((sample) => unitRows(sample).rows) },
  };
}

function unitRows({ data, shape }: NdArray<Float64Array>): {
  readonly rows: NdArray<Float64Array>;
  readonly norms: Float64Array;
} {
  const [tasks, width] = shape;
  const norms = new Float64Array(tasks);
  const rows = data.slice();
  for (let k = 0; k < tasks; k++) {
    const row = rows.subarray(k * width, (k + 1) * width);
    // In units of the largest element, so that squares neither overflow nor vanish.
    const unit = row.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
    if (unit === 0) continue;
    norms[k] = unit * Math.sqrt(row.reduce((sum, x) => sum + (x / unit) ** 2, 0));
    for (let p = 0; p < width; p++) row[p] /= norms[k];
  }
  return { rows: { shape, data: rows }, norms };
}
