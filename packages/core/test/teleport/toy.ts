import type { NdArray } from "../../src/array.js";
import type { Batch, BatchLoss } from "../../src/batch.js";
import { add, div, mul, neg, sub } from "../../src/graph/ops/arithmetic.js";
import { equal, where } from "../../src/graph/ops/compare.js";
import { exp, square } from "../../src/graph/ops/elementary.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import type { SearchFactory } from "../../src/teleport/search/search.js";

/** Two scalars a, b: the smallest network, y = a b x. */
export interface Toy {
  readonly a: NdArray;
  readonly b: NdArray;
}

const scalar = (v: number): NdArray => ({ shape: [1], data: Float64Array.of(v) });

export const toy = (a: number, b: number): Toy => ({ a: scalar(a), b: scalar(b) });

export const numbersOf = ({ a, b }: Toy): [number, number] => [Number(a.data[0]), Number(b.data[0])];

/** L = (a b x - y)^2: kept by a -> e^t a, b -> e^-t b. */
export const productLoss: BatchLoss<Toy> = ({ a, b }, { x, y }) => sum(square(sub(mul(mul(a, b), x), y)));

export const batchOf = (x: number, y: number): Batch => ({ x: scalar(x), y: scalar(y) });

/** The scaling symmetry of {@link productLoss}; `overrides` make it lie in one respect. */
export function toyScaling(overrides: Partial<Symmetry<Toy>> = {}): Symmetry<Toy> {
  return {
    name: "toy scaling",
    paths: ["a", "b"],
    exact: "everywhere",
    algebra: [[1]],
    bound: { kind: "element", value: 0.5 },
    derivative: ({ a, b }, [t]) => ({ a: mul(a, t), b: neg(mul(b, t)) }),
    act: async ({ a, b }, [{ data }]) => {
      const factor = Math.exp(Number(data[0]));
      return toy(Number(a.data[0]) * factor, Number(b.data[0]) / factor);
    },
    trace: ({ a, b }, [t]) => ({ a: mul(a, exp(t)), b: div(b, exp(t)) }),
    ...overrides,
  };
}

/** Its first-order approximation a (1 + t), b (1 - t), under which the loss drifts by about t^2. */
export const linearized: Pick<Symmetry<Toy>, "act" | "trace"> = {
  act: async ({ a, b }, [{ data }]) =>
    toy(Number(a.data[0]) * (1 + Number(data[0])), Number(b.data[0]) * (1 - Number(data[0]))),
  trace: ({ a, b }, [t]) => ({ a: mul(a, add(1, t)), b: mul(b, sub(1, t)) }),
};

/** An action that is not possible anywhere. */
export const refusing: Pick<Symmetry<Toy>, "act" | "trace" | "traceRefusal"> = {
  act: async () => ({ refused: "no action here" }),
  trace: ({ a, b }, [t]) => ({ a: where(equal(t, 0), a, Number.NaN), b }),
  traceRefusal: "no action here",
};

/** L = x (a b - 1)^2 + (1 - x) a^2: on data with x = 1 scaling keeps it, on data with x = 0 it does not. */
export const switchedLoss: BatchLoss<Toy> = ({ a, b }, { x }) =>
  sum(add(mul(x, square(sub(mul(a, b), 1))), mul(sub(1, x), square(a))));

/** A search whose program asks the host at each candidate, and is no part of a larger one. */
export const stepByStep =
  <P>(search: SearchFactory<P>): SearchFactory<P> =>
  async (problem) => {
    const made = await search(problem);
    return {
      ...made,
      tracedWalk: undefined,
      races: false,
      run: (start, setting, limits, how) =>
        made.run(start, setting, limits, { whyNot: async () => undefined, ...how }),
    };
  };
