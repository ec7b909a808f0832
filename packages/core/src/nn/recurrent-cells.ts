// K. Cho et al., "Learning phrase representations using RNN encoder-decoder", EMNLP 2014 (GRU); S. Hochreiter, J. Schmidhuber,
// "Long short-term memory", Neural Computation 9, 1997. Rows of weights in PyTorch's order.
import type { NdArray } from "../array.js";
import { sigmoid } from "../graph/ops/activation.js";
import { add, mul, sub } from "../graph/ops/arithmetic.js";
import { tanh } from "../graph/ops/elementary.js";
import { slice } from "../graph/ops/slice.js";
import type { Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import type { Mt19937 } from "../math/mt19937.js";
import { requireKnown } from "../options.js";
import { uniform } from "./initializers.js";
import { linear } from "./linear.js";
import type { InitOptions } from "./model.js";

/** A cell with g gates: `weight_ih` [g width, inputs], `weight_hh` [g width, width], two biases [g width]. */
export interface CellParams {
  readonly weight_ih: NdArray;
  readonly weight_hh: NdArray;
  readonly bias_ih: NdArray;
  readonly bias_hh: NdArray;
}

function initCell(
  op: string,
  rng: Mt19937,
  gates: number,
  [inputs, width]: readonly [number, number],
  options: InitOptions,
): CellParams {
  requireKnown(op, options, ["dtype"], `${op}(rng, 8, 16, { dtype: "float64" })`);
  const { dtype } = options;
  const rows = gates * width;
  const bound = 1 / Math.sqrt(width);
  const draw = (shape: readonly number[]) => uniform(rng, shape, { from: -bound, to: bound, dtype });
  return {
    weight_ih: draw([rows, inputs]),
    weight_hh: draw([rows, width]),
    bias_ih: draw([rows]),
    bias_hh: draw([rows]),
  };
}

/** Parameters of `torch.nn.GRUCell(inputs, width)`, bit for bit: rows r, z, n. */
export const initGruCell = (
  rng: Mt19937,
  inputs: number,
  width: number,
  options: InitOptions = {},
): CellParams => initCell("initGruCell", rng, 3, [inputs, width], options);

/** Parameters of `torch.nn.LSTMCell(inputs, width)`, bit for bit: rows i, f, g, o. */
export const initLstmCell = (
  rng: Mt19937,
  inputs: number,
  width: number,
  options: InitOptions = {},
): CellParams => initCell("initLstmCell", rng, 4, [inputs, width], options);

/** The gates' parts of the last axis. */
const gatesOf = (x: Tensor, width: number): Tensor[] =>
  Array.from({ length: (x.shape.at(-1) as number) / width }, (_, k) => {
    const starts = x.shape.map((_n, d) => (d === x.rank - 1 ? k * width : 0));
    const ends = x.shape.map((n, d) => (d === x.rank - 1 ? (k + 1) * width : n));
    return slice(x, { starts, ends });
  });

/** What an input adds to the gates of a cell, [..., g width]. */
export const gateInputs = (x: Tensor, params: TensorsOf<CellParams>): Tensor =>
  linear(x, { weight: params.weight_ih, bias: params.bias_ih });

const gateStates = (h: Tensor, params: TensorsOf<CellParams>): Tensor =>
  linear(h, { weight: params.weight_hh, bias: params.bias_hh });

/** The next h of a GRU, given what the input adds to its gates. */
export function gruStep(inputs: Tensor, h: Tensor, params: TensorsOf<CellParams>): Tensor {
  const width = h.shape.at(-1) as number;
  const [ir, iz, inner] = gatesOf(inputs, width);
  const [hr, hz, hn] = gatesOf(gateStates(h, params), width);
  const r = sigmoid(add(ir, hr));
  const z = sigmoid(add(iz, hz));
  const n = tanh(add(inner, mul(r, hn)));
  return add(n, mul(z, sub(h, n)));
}

/** Hidden values and cell of an LSTM. */
export interface LstmState {
  readonly h: Tensor;
  readonly c: Tensor;
}

/** The next state of an LSTM, given what the input adds to its gates. */
export function lstmStep(inputs: Tensor, state: LstmState, params: TensorsOf<CellParams>): LstmState {
  const width = state.h.shape.at(-1) as number;
  const [i, f, g, o] = gatesOf(add(inputs, gateStates(state.h, params)), width);
  const c = add(mul(sigmoid(f), state.c), mul(sigmoid(i), tanh(g)));
  return { h: mul(sigmoid(o), tanh(c)), c };
}

/**
 * A step of a gated recurrent unit.
 *
 * r = s(W_ir x + b_ir + W_hr h + b_hr), z likewise; n = tanh(W_in x + b_in + r (W_hn h + b_hn)); h' = (1 - z) n + z h
 *
 * @param x [..., inputs]
 * @param h [..., width]
 * @returns h' [..., width]
 *
 * @example
 * const next = gruCell(x, h, params); // [8, 16], [8, 32] -> [8, 32]
 */
export function gruCell(x: Tensor, h: Tensor, params: TensorsOf<CellParams>): Tensor {
  return gruStep(gateInputs(x, params), h, params);
}

/**
 * A step of long short-term memory.
 *
 * i, f, o = s(W x + b + U h + d) of their rows, g = tanh of its own; c' = f c + i g; h' = o tanh(c')
 *
 * @param x [..., inputs]
 * @param state h and c [..., width]
 * @returns h' and c' [..., width]
 *
 * @example
 * const params = initLstmCell(torchGenerator(0), 16, 32);
 * const { graph } = trace((p, y, s) => lstmCell(y, s, p), [params, spec([8, 16]), { h: spec([8, 32]), c: spec([8, 32]) }]);
 */
export function lstmCell(x: Tensor, state: LstmState, params: TensorsOf<CellParams>): LstmState {
  return lstmStep(gateInputs(x, params), state, params);
}
