import fc from "fast-check";
import { array } from "../../src/array.js";
import { leakyRelu, relu, sigmoid, softplus } from "../../src/graph/ops/activation.js";
import { add, cast, div, maximum, minimum, mul, neg, sub } from "../../src/graph/ops/arithmetic.js";
import { broadcastShapes, broadcastTo } from "../../src/graph/ops/broadcast.js";
import { greater, where } from "../../src/graph/ops/compare.js";
import { abs, cos, exp, sin, square, tanh } from "../../src/graph/ops/elementary.js";
import { cumsum, gather } from "../../src/graph/ops/gather.js";
import { constant, fill } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { max, mean, sum, variance } from "../../src/graph/ops/reduce.js";
import { expandDims, reshape, transpose } from "../../src/graph/ops/reshape.js";
import { scatterAdd } from "../../src/graph/ops/scatter.js";
import { concat, pad, slice } from "../../src/graph/ops/slice.js";
import { softmax } from "../../src/graph/ops/softmax.js";
import { alias, stopGradient } from "../../src/graph/ops/stop-gradient.js";
import type { Tensor } from "../../src/graph/tensor.js";

/** One line of a random program: which operation, on which of the values so far, with which options. */
export interface Instruction {
  readonly op: number;
  readonly first: number;
  readonly second: number;
  readonly choice: number;
}

const small = fc.nat({ max: 1000 });

/** Random programs. The operations' numbers are spread over whatever list {@link interpret} is given. */
export const programs = (length: number): fc.Arbitrary<Instruction[]> =>
  fc.array(fc.record({ op: small, first: small, second: small, choice: small }), {
    minLength: length / 2,
    maxLength: length,
  });

type Step = (a: Tensor, b: Tensor, choice: number) => Tensor | undefined;

const pick = <T>(list: readonly T[], choice: number): T => list[choice % list.length];

const axisOf = (x: Tensor, choice: number): number | undefined =>
  x.rank === 0 ? undefined : choice % x.rank;

/** Only where the operands fit and the result stays small. */
const broadcasting =
  (f: (a: Tensor, b: Tensor) => Tensor): Step =>
  (a, b) => {
    try {
      broadcastShapes(a.shape, b.shape, "program");
    } catch {
      return undefined;
    }
    return f(a, b);
  };

const matrices: Step = (a, b, choice) => {
  if (a.rank < 2 || b.rank < 2) return undefined;
  const options = { transposeA: choice % 2 === 1, transposeB: choice % 4 > 1 };
  const inner = a.shape[a.rank - (options.transposeA ? 2 : 1)];
  if (inner !== b.shape[b.rank - (options.transposeB ? 1 : 2)]) return undefined;
  if (a.rank !== b.rank || a.rank > 2) return undefined;
  return matmul(a, b, options);
};

const onAxis =
  (f: (x: Tensor, axis: number, b: Tensor, choice: number) => Tensor | undefined): Step =>
  (a, b, choice) => {
    const axis = axisOf(a, choice);
    return axis === undefined ? undefined : f(a, axis, b, choice);
  };

const indices = constant(array([1, 0, 1], "int64"));

/** Operations whose first and second derivatives are continuous. */
export const smoothSteps: readonly Step[] = [
  broadcasting(add),
  broadcasting(add),
  broadcasting(sub),
  broadcasting(sub),
  broadcasting(mul),
  broadcasting(mul),
  broadcasting((a, b) => div(a, add(1, square(b)))),
  (a) => neg(a),
  (a) => tanh(a),
  (a) => sin(a),
  (a) => cos(a),
  (a) => exp(tanh(a)),
  (a) => sigmoid(a),
  (a) => softplus(a),
  (a) => square(tanh(a)),
  matrices,
  matrices,
  matrices,
  onAxis((a, axis, _b, choice) => sum(a, { axes: axis, keepDims: choice % 3 === 0 })),
  onAxis((a, axis, _b, choice) => mean(a, { axes: axis, keepDims: choice % 3 === 0 })),
  onAxis((a, axis) => variance(a, { axes: axis, keepDims: true })),
  (a) => sum(a),
  (a) => reshape(a, [-1]),
  (a) => reshape(a, [1, ...a.shape]),
  (a, _b, choice) =>
    a.size % 2 === 0
      ? reshape(
          a,
          pick(
            [
              [2, -1],
              [-1, 2],
            ],
            choice,
          ),
        )
      : undefined,
  (a) => transpose(a),
  (a) =>
    a.rank < 2
      ? undefined
      : transpose(
          a,
          [...a.shape.keys()].map((d) => (d + 1) % a.rank),
        ),
  (a) => (a.rank < 3 ? undefined : transpose(a, [1, 0, ...[...a.shape.keys()].slice(2)])),
  onAxis((a, axis) => expandDims(a, axis)),
  (a) => (a.size > 12 ? undefined : broadcastTo(a, [2, ...a.shape])),
  onAxis((a, axis) => slice(a, { starts: a.shape.map((n, d) => (d === axis && n > 1 ? 1 : 0)) })),
  onAxis((a, axis) => slice(a, { steps: a.shape.map((_, d) => (d === axis ? 2 : 1)) })),
  onAxis((a, axis, _b, choice) =>
    pad(
      a,
      a.shape.map((_, d) => (d === axis ? [choice % 2, 1] : [0, 0])),
      pick([0, 0, 1], choice),
    ),
  ),
  onAxis((a, axis, b) =>
    b.rank === a.rank && b.shape.every((n, d) => d === axis || n === a.shape[d])
      ? concat([a, b], { axis })
      : undefined,
  ),
  onAxis((a, axis) => (a.shape[axis] > 1 ? gather(a, indices, { axis }) : undefined)),
  onAxis((a, axis) => (a.shape[axis] === 3 ? scatterAdd(a, indices, { axis, size: 2 }) : undefined)),
  onAxis((a, axis, _b, choice) =>
    cumsum(a, { axis, exclusive: choice % 2 === 0, reverse: choice % 3 === 0 }),
  ),
  onAxis((a, axis) => softmax(tanh(a), { axis })),
  (a) => alias(a),
  (a, _b, choice) => fill(a.shape, pick([0, 0, 0, 1, -1, 2], choice), "float64"),
  (_a, _b, choice) => constant(pick([0, 0, 1, -1, 2], choice), "float64"),
  (a, _b, choice) => mul(a, pick([0, 1, -1, 2], choice)),
  (a, _b, choice) => add(a, pick([0, 0, 1], choice)),
];

/** All operations that a program may hold; kinks are met where values tie. */
export const allSteps: readonly Step[] = [
  ...smoothSteps,
  (a) => relu(a),
  (a) => leakyRelu(a, 0.1),
  (a) => abs(a),
  broadcasting(maximum),
  broadcasting(minimum),
  (a) => max(a),
  onAxis((a, axis) => max(a, { axes: axis })),
  (a) => stopGradient(a),
  // The condition is exact: 0 and 1 are far from 1/2.
  broadcasting((a, b) => where(greater(fill(a.shape, a.size % 2, "float64"), 0.5), a, b)),
  (a) => mul(a, cast(cast(fill(a.shape, 2, "float64"), "int64"), "float64")),
];

/** Every value that a program computes from the given ones, those first. Instructions that do not fit are passed over. */
export function interpret(
  program: readonly Instruction[],
  inputs: readonly Tensor[],
  steps: readonly Step[],
): Tensor[] {
  const values = [...inputs];
  for (const { op, first, second, choice } of program) {
    const result = pick(steps, op)(pick(values, first), pick(values, second), choice);
    if (result && result.size <= 48 && result.rank <= 4) values.push(result);
  }
  return values;
}
