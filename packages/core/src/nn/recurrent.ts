// Recurrent layers: the cells of recurrent-cells.ts along sequences. Several layers, and both directions, are calls of these.
import { DTypeError, ShapeError } from "../errors.js";
import { scan } from "../graph/control/scan.js";
import { less, where } from "../graph/ops/compare.js";
import { constant, fill } from "../graph/ops/leaf.js";
import { reshape, transpose } from "../graph/ops/reshape.js";
import { formatShape, formatType, requireTensor, sameShape, type Tensor } from "../graph/tensor.js";
import type { TensorsOf } from "../graph/trace.js";
import { requireFlags, requireKnown } from "../options.js";
import { requireParams } from "./params.js";
import { type CellParams, gateInputs, gruStep, type LstmState, lstmStep } from "./recurrent-cells.js";

export interface RecurrentOptions {
  /** Whether to read the sequence from its end to its beginning; default false. */
  readonly reverse?: boolean | undefined;
  /** int64 [batch]: a sequence keeps its state after so many elements, and has results of zero; default: all are whole. */
  readonly lengths?: Tensor | undefined;
  /**
   * For derivatives: states are kept once in this many elements, and computed again between; default: all are kept, and
   * beside them products with the weights, as far as these are no larger than the states and the gates' inputs.
   */
  readonly recompute?: number | undefined;
}

const recurrentOptions = ["reverse", "lengths", "recompute"] as const;

/**
 * A gated recurrent unit along a sequence, as `torch.nn.GRU` of one layer and direction with `batch_first`. Parameters are
 * those of `initGruCell`, and several of them, drawn one after the other, are those of a stack in PyTorch.
 *
 * @param x sequences [batch, length, inputs]
 * @param options `h`: [batch, width] before the first element; default zeros
 * @returns `output` [batch, length, width], h after each element, and the last `h` [batch, width]
 * @throws ShapeError, DTypeError when inputs do not fit
 *
 * @example
 * const params = initGruCell(torchGenerator(0), 16, 32);
 * const f = (p, s) => gru(s, p).output;
 * trace(f, [params, spec([8, 20, 16])]).graph.outputs[0].tensor.shape; // [8, 20, 32]
 */
export function gru(
  x: Tensor,
  params: TensorsOf<CellParams>,
  options: RecurrentOptions & { readonly h?: Tensor | undefined } = {},
): { readonly output: Tensor; readonly h: Tensor } {
  requireKnown("gru", options, [...recurrentOptions, "h"], "gru(x, params, { reverse: true })");
  const { h, ...rest } = options;
  const [output, last] = along("gru", x, params, { h }, rest, (inputs, state) => ({
    h: gruStep(inputs, state.h, params),
  }));
  return { output, h: last.h };
}

/**
 * Long short-term memory along a sequence, as `torch.nn.LSTM` of one layer and direction with `batch_first`. Parameters are
 * those of `initLstmCell`.
 *
 * @param x sequences [batch, length, inputs]
 * @param options `h` and `c`: [batch, width] before the first element; default zeros
 * @returns `output` [batch, length, width], h after each element, and the last `h` and `c` [batch, width]
 * @throws ShapeError, DTypeError when inputs do not fit
 *
 * @example
 * const params = initLstmCell(torchGenerator(0), 16, 32);
 * const f = (p, s) => lstm(s, p, { reverse: true }).h;
 * trace(f, [params, spec([8, 20, 16])]).graph.outputs[0].tensor.shape; // [8, 32]
 */
export function lstm(
  x: Tensor,
  params: TensorsOf<CellParams>,
  options: RecurrentOptions & { readonly h?: Tensor | undefined; readonly c?: Tensor | undefined } = {},
): LstmState & { readonly output: Tensor } {
  requireKnown("lstm", options, [...recurrentOptions, "h", "c"], "lstm(x, params, { reverse: true })");
  const { h, c, ...rest } = options;
  const [output, last] = along<LstmState>("lstm", x, params, { h, c }, rest, (inputs, state) =>
    lstmStep(inputs, state, params),
  );
  return { output, ...last };
}

/** States before the first element; undefined: zeros. */
type Initial<S> = { readonly [K in keyof S]: Tensor | undefined };

/** [h after each element, the last state]. What the inputs add to the gates needs no loop. */
function along<S extends { readonly h: Tensor }>(
  op: "gru" | "lstm",
  x: Tensor,
  params: TensorsOf<CellParams>,
  initial: Initial<S>,
  options: RecurrentOptions,
  step: (inputs: Tensor, state: S) => S,
): [Tensor, S] {
  const names = Object.keys(initial) as (string & keyof S)[];
  const { reverse = false, lengths, recompute } = options;
  requireFlags(op, { reverse });
  requireTensor(op, x);
  requireParams(op, params, ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]);
  if (x.rank !== 3)
    throw new ShapeError(`${op} takes sequences [batch, length, inputs]; got ${formatShape(x.shape)}.`);
  const [batch, length] = x.shape;
  const shape = [batch, params.weight_hh.shape[1]];
  for (const name of names) requireState(op, name, initial[name], shape);
  requireLengths(op, lengths, batch);

  const start = Object.fromEntries(
    names.map((name) => [name, initial[name] ?? fill(shape, 0, x.dtype)]),
  ) as unknown as S;
  const ends = lengths && reshape(lengths, [batch, 1]);
  const [last, output] = scan(
    (state: S, { t, inputs }: { readonly t: Tensor; readonly inputs: Tensor }): [S, Tensor] => {
      const next = step(inputs, state);
      if (!ends) return [next, next.h];
      const isInside = less(t, ends);
      const kept = names.map((name) => [name, where(isInside, next[name] as Tensor, state[name] as Tensor)]);
      return [Object.fromEntries(kept) as S, where(isInside, next.h, 0)];
    },
    start,
    {
      t: constant({ shape: [length], data: BigInt64Array.from({ length }, (_, t) => BigInt(t)) }),
      inputs: gateInputs(transpose(x, [1, 0, 2]), params),
    },
    { reverse, recompute },
  );
  return [transpose(output, [1, 0, 2]), last];
}

function requireState(op: string, name: string, state: Tensor | undefined, shape: readonly number[]): void {
  if (state === undefined || sameShape(state.shape, shape)) return;
  throw new ShapeError(
    `${op}: ${name} must be [batch, width], ${formatShape(shape)}; got ${formatShape(state.shape)}.`,
  );
}

function requireLengths(op: string, lengths: Tensor | undefined, batch: number): void {
  if (lengths === undefined || (lengths.dtype === "int64" && sameShape(lengths.shape, [batch]))) return;
  throw new DTypeError(
    `${op}: lengths must be int64 [${batch}], one a sequence; got ${formatType(lengths)}.`,
  );
}
