import type { Tensor } from "isoloss";
import { add, concat, expandDims, fill, less, matmul, reshape, scan, transpose, where } from "isoloss/ops";
import type { Call, Operator } from "../../call.js";
import { along, integers, range } from "../axes.js";
import { activationsOf } from "./activations.js";
import { type Cell, gruCell, lstmCell, rnnCell } from "./cells.js";

/** Row k of the first axis. */
const row = (x: Tensor, k: number): Tensor => reshape(along(x, 0, k, k + 1), x.shape.slice(1));

const swapped = (x: Tensor): Tensor => transpose(x, [1, 0, ...range(x.rank).slice(2)]);

const stacked = (rows: readonly Tensor[]): Tensor =>
  concat(
    rows.map((x) => expandDims(x, 0)),
    { axis: 0 },
  );

/**
 * A recurrent operator on sequences [T, B, I]: for each direction a scan that carries the hidden values [B, H]. The
 * results are all hidden values [T, D, B, H], the last ones and the last cells [D, B, H].
 */
function recurrent(call: Call, cell: Cell, names: readonly string[]): Tensor[] {
  const batchFirst = call.int("layout", 0) === 1;
  const x = batchFirst ? swapped(call.tensor(0)) : call.tensor(0);
  const directions = call.tensor(1).shape[0];
  const isReverse = call.text("direction", "forward") === "reverse";
  const functions = activationsOf(call, names, 2);
  const initial = [5, 6].slice(0, cell.hasCell ? 2 : 1).map((k) => {
    if (!call.has(k)) return undefined;
    return batchFirst ? swapped(call.tensor(k)) : call.tensor(k);
  });
  const runs = range(directions).map((d) =>
    direction(call, cell, {
      x,
      d,
      reverse: isReverse || d === 1,
      initial: initial.map((state) => state && row(state, d)),
      functions: functions.slice(d * names.length, (d + 1) * names.length),
    }),
  );
  const all = transpose(stacked(runs.map(({ hidden }) => hidden)), [1, 0, 2, 3]);
  const last = runs[0].last.map((_, k) => stacked(runs.map((run) => run.last[k])));
  return batchFirst ? [transpose(all, [2, 0, 1, 3]), ...last.map(swapped)] : [all, ...last];
}

interface Direction {
  readonly x: Tensor;
  /** Which of the directions. */
  readonly d: number;
  readonly reverse: boolean;
  /** Hidden values and cell before the first step; undefined: zeros. */
  readonly initial: readonly (Tensor | undefined)[];
  readonly functions: readonly ((x: Tensor) => Tensor)[];
}

function direction(call: Call, cell: Cell, { x, d, reverse, initial, functions }: Direction) {
  const [length, batch, inputs] = x.shape;
  const [weight, recurrence] = [row(call.tensor(1), d), row(call.tensor(2), d)];
  const rows = weight.shape[0];
  const size = rows / cell.gates;
  const biases = call.has(3) ? row(call.tensor(3), d) : fill([2 * rows], 0, x.dtype);
  const weights = {
    recurrence,
    bias: along(biases, 0, rows, 2 * rows),
    peepholes: call.has(7) ? row(call.tensor(7), d) : undefined,
  };
  // What the inputs add to the gates needs no loop.
  const sums = matmul(reshape(x, [length * batch, inputs]), weight, { transposeB: true });
  const rest = reshape(add(sums, along(biases, 0, 0, rows)), [length, batch, rows]);
  const lengths = call.has(4) ? reshape(call.tensor(4), [batch, 1]) : undefined;
  const start = initial.map((state) => state ?? fill([batch, size], 0, x.dtype));
  const [last, hidden] = scan(
    (
      state: readonly Tensor[],
      { t, part }: { readonly t: Tensor; readonly part: Tensor },
    ): [Tensor[], Tensor] => {
      const next = cell.step(part, state, weights, functions);
      if (!lengths) return [next, next[0]];
      // After its end a sequence keeps its state, and has results of zero.
      const isInside = less(t, lengths);
      return [next.map((after, k) => where(isInside, after, state[k])), where(isInside, next[0], 0)];
    },
    start,
    { t: integers(range(length)), part: rest },
    { reverse },
  );
  return { last, hidden };
}

export const recurrents: Readonly<Record<string, Operator>> = {
  GRU: (call) => recurrent(call, gruCell(call.int("linear_before_reset", 0) === 1), ["Sigmoid", "Tanh"]),
  LSTM: (call) => recurrent(call, lstmCell(call.int("input_forget", 0) === 1), ["Sigmoid", "Tanh", "Tanh"]),
  RNN: (call) => recurrent(call, rnnCell, ["Tanh"]),
};
