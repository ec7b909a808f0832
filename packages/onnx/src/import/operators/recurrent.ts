import type { Tensor } from "isoloss";
import { ownEntry } from "isoloss/internal";
import {
  abs,
  add,
  concat,
  div,
  elu,
  expandDims,
  fill,
  greater,
  leakyRelu,
  less,
  matmul,
  maximum,
  minimum,
  mul,
  relu,
  reshape,
  scan,
  sigmoid,
  softplus,
  sub,
  tanh,
  transpose,
  where,
} from "isoloss/ops";
import type { Call, Operator } from "../call.js";
import { along, integers, range } from "./reductions.js";

type Function = (x: Tensor) => Tensor;

interface Activation {
  /** How many of `alpha`, `beta` it takes, and what they are by default. */
  readonly defaults: readonly number[];
  of(x: Tensor, alpha: number, beta: number): Tensor;
}

export const activations: Readonly<Record<string, Activation>> = {
  affine: { defaults: [1, 0], of: (x, a, b) => add(mul(a, x), b) },
  elu: { defaults: [1], of: elu },
  hardsigmoid: { defaults: [0.2, 0.5], of: (x, a, b) => minimum(1, maximum(0, add(mul(a, x), b))) },
  leakyrelu: { defaults: [0.01], of: leakyRelu },
  relu: { defaults: [], of: relu },
  scaledtanh: { defaults: [1, 1], of: (x, a, b) => mul(a, tanh(mul(b, x))) },
  sigmoid: { defaults: [], of: sigmoid },
  softplus: { defaults: [], of: softplus },
  softsign: { defaults: [], of: (x) => div(x, add(1, abs(x))) },
  tanh: { defaults: [], of: tanh },
  thresholdedrelu: { defaults: [1], of: (x, a) => where(greater(x, a), x, 0) },
};

/**
 * The activations of all directions, in order; those of gates are applied to clipped values. (The standard says "the
 * input of activations"; that of an LSTM's cell is not clipped by ONNX Runtime.)
 *
 * @param gates how many of a direction are those of gates
 */
function activationsOf(call: Call, names: readonly string[], gates: number): Function[] {
  const all = Array.from({ length: call.listed(call.tensor(1).shape[0]) }, () => names).flat();
  const given = call.attribute("activations", "strings") ?? all;
  const numbers = ["activation_alpha", "activation_beta"].map((name) => [
    ...(call.attribute(name, "floats") ?? []),
  ]);
  const clip = call.attribute("clip", "float");
  return given.map((name, at) => {
    const activation =
      ownEntry(activations, name.toLowerCase()) ?? call.fail(`the activation ${name} is unknown`);
    // Each activation that takes a number takes the next of the list.
    const [alpha = 0, beta = 0] = activation.defaults.map((value, k) => numbers[k].shift() ?? value);
    const isClipped = clip !== undefined && at % names.length < gates;
    return (x) => activation.of(isClipped ? maximum(-clip, minimum(clip, x)) : x, alpha, beta);
  });
}

// The recurrent operators of ONNX: one step of each.

/** The parameters of one direction. */
interface Weights {
  /** [gates * H, H] */
  readonly recurrence: Tensor;
  /** [gates * H], added to the part of the hidden values. */
  readonly bias: Tensor;
  /** Of an LSTM, [3 * H]: from its cell to the gates i, o, f. */
  readonly peepholes?: Tensor | undefined;
}

interface Cell {
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

const rnnCell: Cell = {
  gates: 1,
  hasCell: false,
  step: (x, [h], weights, [f]) => [f(add(x, affine(h, weights)))],
};

/** Gates in the order i, o, f, c. */
const lstmCell = (couplesForget: boolean): Cell => ({
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
const gruCell = (resetsAfter: boolean): Cell => ({
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
