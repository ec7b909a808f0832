// The recurrent operators of ONNX: one step of each.

import type { Tensor } from "isoloss";
import { add, matmul, mul, sub } from "isoloss/ops";
import { along } from "../axes.js";

/** The parameters of one direction. */
export interface Weights {
  /** [gates * H, H] */
  readonly recurrence: Tensor;
  /** [gates * H], added to the part of the hidden values. */
  readonly bias: Tensor;
  /** Of an LSTM, [3 * H]: from its cell to the gates i, o, f. */
  readonly peepholes?: Tensor | undefined;
}

export interface Cell {
  readonly gates: number;
  /** Whether it carries a cell besides the hidden values. */
  readonly hasCell: boolean;
  /**
   * The next hidden values and cell, [B, H]. `x`: what the input adds to the gates, [B, gates * H]; `f`: the
   * activations, after clipping.
   */
  step(
    x: Tensor,
    state: readonly Tensor[],
    weights: Weights,
    f: readonly ((x: Tensor) => Tensor)[],
  ): Tensor[];
}

const transposed = { transposeB: true };

/** Gate k of [B, gates * H] or [gates * H]. */
function gate(x: Tensor, k: number, size: number): Tensor {
  return along(x, x.rank - 1, k * size, (k + 1) * size);
}

const affine = (h: Tensor, { recurrence, bias }: Weights): Tensor =>
  add(matmul(h, recurrence, transposed), bias);

export const rnnCell: Cell = {
  gates: 1,
  hasCell: false,
  step: (x, [h], weights, [f]) => [f(add(x, affine(h, weights)))],
};

/** Gates in the order i, o, f, c. */
export const lstmCell = (couplesForget: boolean): Cell => ({
  gates: 4,
  hasCell: true,
  step(x, [h, c], weights, [f, g, hidden]) {
    const size = h.shape[1];
    const sums = add(x, affine(h, weights));
    const seen = (k: number, cell: Tensor) =>
      weights.peepholes
        ? add(gate(sums, k, size), mul(cell, gate(weights.peepholes, k, size)))
        : gate(sums, k, size);
    const i = f(seen(0, c));
    const forget = couplesForget ? sub(1, i) : f(seen(2, c));
    const next = add(mul(forget, c), mul(i, g(gate(sums, 3, size))));
    return [mul(f(seen(1, next)), hidden(next)), next];
  },
});

/** Gates in the order z, r, h. */
export const gruCell = (resetsAfter: boolean): Cell => ({
  gates: 3,
  hasCell: false,
  step(x, [h], { recurrence, bias }, [f, g]) {
    const size = h.shape[1];
    const part = (k: number): Weights => ({
      recurrence: along(recurrence, 0, k * size, (k + 1) * size),
      bias: gate(bias, k, size),
    });
    const sums = affine(h, {
      recurrence: along(recurrence, 0, 0, 2 * size),
      bias: along(bias, 0, 0, 2 * size),
    });
    const [z, r] = [0, 1].map((k) => f(add(gate(x, k, size), gate(sums, k, size))));
    const memory = resetsAfter ? mul(r, affine(h, part(2))) : affine(mul(r, h), part(2));
    const candidate = g(add(gate(x, 2, size), memory));
    return [add(mul(sub(1, z), candidate), mul(z, h))];
  },
});
