// B. Liu et al., "Conflict-averse gradient descent for multi-task learning", NeurIPS 2021, appendix B: two losses of two
// parameters; with a factor of the first loss as in A. Navon et al., "Multi-task learning as a bargaining
// game", ICML 2022.

import { add, div, mul, neg, sub } from "../graph/ops/arithmetic.js";
import { greaterEqual, where } from "../graph/ops/compare.js";
import { abs, log, square, tanh } from "../graph/ops/elementary.js";
import { reshape } from "../graph/ops/reshape.js";
import { slice } from "../graph/ops/slice.js";
import type { Tensor } from "../graph/tensor.js";
import type { TaskLosses } from "../mtl/train/task-losses.js";
import { type OptionsOf, optionTable, positive } from "../options.js";
import type { VectorParams } from "../symmetry/rotation/quadratic-rotation.js";
import { vector } from "./problem.js";

/** Parameters of the toy: x = (x1, x2), all of it shared. */
export interface ToyParams {
  readonly shared: VectorParams;
}

/** Two losses of two parameters, and their known properties. */
export interface TwoTaskToy {
  readonly name: string;
  readonly tasks: readonly ["first", "second"];
  readonly losses: TaskLosses<ToyParams>;
  /** The five starts of the published figures. */
  readonly starts: readonly (readonly [number, number])[];
  /** Parameters at a point. */
  at(x: readonly [number, number]): ToyParams;
  /** Distance in x to the Pareto front, measured at the front's nearest x1. */
  distanceToFront(params: ToyParams): number;
  /** Losses at a Pareto optimal point; t = 0 is the best for the first task and t = 1 for the second. */
  front(t: number): { readonly x: readonly [number, number]; readonly losses: readonly [number, number] };
}

/** Half of the length of the front in x1, between the minima of the two losses. */
const frontEnd = 7;

/**
 * x2 of the Pareto optimal point at x1. It minimizes c2 times the quadratics, weighted (1 + m) / 2 and (1 -
 * m) / 2 for
 * m = x1 / 7; by bisection. -8.355 at x1 = 0, slightly lower toward the ends.
 */
function frontHeight(x1: number): number {
  const m = x1 / frontEnd;
  const slope = (x2: number): number => {
    const c = Math.tanh(-x2 / 2);
    const bowls = 4.9 * (1 - m * m) + 0.01 * (x2 + 8) ** 2 - 20;
    return 0.02 * (x2 + 8) * c - (bowls * (1 - c * c)) / 2;
  };
  let [low, high] = [-9, -8];
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** max(x, limit) with derivative 1 at x = limit, where the derivative of `maximum` is 1/2. */
const atLeast = (x: Tensor, limit: number): Tensor => where(greaterEqual(x, limit), x, limit);

const scalar = (w: Tensor, at: number): Tensor => reshape(slice(w, { starts: [at], ends: [at + 1] }), []);

export interface TwoTaskToyOptions extends OptionsOf<typeof twoTaskToyOptions> {}

export const twoTaskToyOptions = optionTable("twoTaskToy", {
  /** Factor of the first loss: 1 (CAGrad) or 0.1 (Nash-MTL, FAMO, FairGrad); default 1. */
  scale: positive.default(1),
});

/**
 * The 2-D toy: valleys with steep walls above x2 = 0, two quadratics below, and a plane between them where both vanish.
 *
 * a = (-x1 - 7) / 2 + tanh x2;  b = (-x1 + 3) / 2 - tanh x2 + 2
 * f1 = log max(|a|, 5e-6) + 6;  f2 = log max(|b|, 5e-6) + 6
 * q1 = ((-x1 + 7)^2 + .1 (-x2 - 8)^2) / 10 - 20;  q2 = ((-x1 - 7)^2 + .1 (-x2 - 8)^2) / 10 - 20
 * c1 = max(tanh(x2 / 2), 0);  c2 = max(tanh(-x2 / 2), 0)
 * L1 = scale (f1 c1 + q1 c2);  L2 = f2 c1 + q2 c2
 *
 * The Pareto front is x1 in [-7, 7] at x2 = -8.355 in the middle, slightly lower toward its ends. At x2 = 0
 * the derivative of c passes through the maximum, as in PyTorch.
 *
 * @throws OptionError unless scale > 0
 *
 * @example
 * const toy = twoTaskToy({ scale: 0.1 });
 * const trainer = await createMultiTaskTrainer({
 *   losses: toy.losses, params: toy.at([9, 9]), tasks: toy.tasks, method: linearScalarization(), optimizer: adam(),
 *   learningRate: 1e-3,
 * });
 * await trainer.run({ steps: 50_000 });
 * toy.distanceToFront(trainer.current.params); // 12.3: it stays on the ridge
 */
export function twoTaskToy(options: TwoTaskToyOptions = {}): TwoTaskToy {
  const { scale } = twoTaskToyOptions.read(options);
  return {
    name: "toy",
    tasks: ["first", "second"],
    starts: [
      [-8.5, 7.5],
      [0, 0],
      [9, 9],
      [-7.5, -0.5],
      [9, -1],
    ],
    losses({ shared: { w } }) {
      const [x1, x2] = [scalar(w, 0), scalar(w, 1)];
      const a = add(mul(0.5, sub(neg(x1), 7)), tanh(x2));
      const b = add(sub(mul(0.5, add(neg(x1), 3)), tanh(x2)), 2);
      const c1 = atLeast(tanh(mul(x2, 0.5)), 0);
      const c2 = atLeast(tanh(mul(x2, -0.5)), 0);
      const steep = (x: Tensor) => add(log(atLeast(abs(x), 5e-6)), 6);
      const bowl = (center: number) => {
        const along = square(add(neg(x1), center));
        const across = square(sub(neg(x2), 8));
        return sub(div(add(along, mul(0.1, across)), 10), 20);
      };
      const first = add(mul(steep(a), c1), mul(bowl(frontEnd), c2));
      return [mul(scale, first), add(mul(steep(b), c1), mul(bowl(-frontEnd), c2))];
    },
    at: (x) => ({ shared: vector(x) }),
    distanceToFront({ shared: { w } }) {
      const [x1, x2] = [Number(w.data[0]), Number(w.data[1])];
      const nearest = Math.max(-frontEnd, Math.min(frontEnd, x1));
      return Math.hypot(x1 - nearest, x2 - frontHeight(nearest));
    },
    front(t) {
      const x1 = frontEnd * (1 - 2 * t);
      const x2 = frontHeight(x1);
      const value = (center: number) =>
        Math.tanh(-x2 / 2) * (((center - x1) ** 2 + 0.1 * (-x2 - 8) ** 2) / 10 - 20);
      return { x: [x1, x2], losses: [scale * value(frontEnd), value(-frontEnd)] };
    },
  };
}
