import {
  array,
  astype,
  booth,
  flattenTree,
  isNdArray,
  type MlpRegressionOptions,
  mlpRegression,
  type NdArray,
  type Problem,
  quadratic,
  rosenbrock,
  rosenbrock2n,
  unflattenTree,
} from "isoloss";
import { z } from "zod";
import { count, type Entry, makeNamed, type Named, namedSchema, positive } from "./named.js";

/** Parameters of whatever problem or model. */
export type Tree = object;

export interface ProblemInput {
  readonly seed: number;
  readonly dtype: "float32" | "float64";
}

/** A problem, and what is known of its parameters. */
export interface MadeProblem {
  readonly problem: Problem<Tree>;
  /** A, centre and constant, where the loss is 1/2 (w - w*)' A (w - w*). */
  readonly quadratic?: { readonly matrix: NdArray; readonly centre: readonly number[] };
  /** Slope of its leakyRelu, where it is a network with one. */
  readonly slope?: number;
}

const pair = z.tuple([z.number(), z.number()]);
const made = <P>(problem: Problem<P>, rest: Omit<MadeProblem, "problem"> = {}): MadeProblem => ({
  problem: problem as unknown as Problem<Tree>,
  ...rest,
});
const matrixOf = (rows: readonly (readonly number[])[]): NdArray => array(rows as number[][], "float64");

/** Problems by name. The seed is that of a run. */
export const problemRegistry: Readonly<Record<string, Entry<ProblemInput, MadeProblem>>> = {
  quadratic: {
    summary: "L = 1/2 w' A w; by default A = diag(1, 10) from (3, 0.5)",
    options: z.strictObject({
      matrix: z.array(z.array(z.number()).min(2)).min(2).optional(),
      start: z.array(z.number()).min(2).optional(),
    }),
    make: (o) => {
      const rows = (o.matrix as number[][] | undefined) ?? [
        [1, 0],
        [0, 10],
      ];
      const matrix = matrixOf(rows);
      const { start } = o as { readonly start?: number[] };
      return made(quadratic({ matrix, ...(start ? { start } : {}) }), {
        quadratic: { matrix, centre: rows.map(() => 0) },
      });
    },
  },
  booth: {
    summary: "Booth's function of two variables from (5, -5)",
    options: z.strictObject({ start: pair.optional() }),
    make: (o) =>
      made(booth(o as never), {
        quadratic: {
          matrix: matrixOf([
            [10, 8],
            [8, 10],
          ]),
          centre: [1, 3],
        },
      }),
  },
  rosenbrock: {
    summary: "Rosenbrock's function of two variables from (-1, -1)",
    options: z.strictObject({ start: pair.optional() }),
    make: (o) => made(rosenbrock(o as never)),
  },
  rosenbrock2n: {
    summary: "the sum of Rosenbrock's functions of N pairs",
    options: z.strictObject({ pairs: count.optional(), start: z.array(z.number()).optional() }),
    make: (o) => made(rosenbrock2n(o as never)),
  },
  mlpRegression: {
    summary: "a small network without biases fitted to random data; the seed draws both",
    options: z.strictObject({
      sizes: z.array(count).min(2).optional(),
      samples: count.optional(),
      slope: positive.optional(),
    }),
    make: (o, { seed, dtype }) => {
      const options = o as MlpRegressionOptions;
      return made(mlpRegression({ ...options, seed, dtype }), { slope: options.slope ?? 0.1 });
    },
  },
};

export const problemSchema = namedSchema("problem", problemRegistry);

/** The problem of a config, with its parameters in the precision of the run. */
export function makeProblem(named: Named, input: ProblemInput): MadeProblem {
  const result = makeNamed(problemRegistry, named, input);
  const { problem } = result;
  const { leaves, def } = flattenTree<NdArray>(problem.start, isNdArray);
  const start = unflattenTree(
    def,
    leaves.map((leaf) => astype(leaf, input.dtype)),
  ) as Tree;
  return { ...result, problem: { ...problem, start } };
}
