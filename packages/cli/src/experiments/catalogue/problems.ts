import {
  array,
  astype,
  flattenTree,
  isNdArray,
  type NdArray,
  OptionError,
  type OptionTableData,
  type Problem,
  unflattenTree,
} from "isoloss";
import { imageProblems, type MlpRegressionOptions, problems, type SplitImages } from "isoloss/problems";
import { fashionMnist } from "./kept-last.js";
import { type Entry, makeNamed, type Named, namedSchema } from "./named.js";

/** Parameters of any problem or model. */
export type Tree = object;

export interface ProblemInput {
  readonly seed: number;
  readonly dtype: "float32" | "float64";
  /** Of a problem that reads some. */
  readonly images?: SplitImages;
}

/** A problem, and what is known of its parameters. */
export interface MadeProblem {
  readonly problem: Problem<Tree>;
  /** A, center and constant, where the loss is 1/2 (w - w*)' A (w - w*). */
  readonly quadratic?: { readonly matrix: NdArray; readonly center: readonly number[] };
  /** Whether it has a symmetry of its own; default true. */
  readonly hasSymmetry?: boolean;
  /** Slope of its leakyRelu, where it is a network with one. */
  readonly slope?: number;
}

type Known = Omit<MadeProblem, "problem">;

const matrixOf = (rows: readonly (readonly number[])[]): NdArray => array(rows as number[][], "float64");

/** What is known of the problems beside their loss, by the options that they are made with. */
const known: { readonly [K in keyof typeof problems]?: (problem: Problem<never>, options: object) => Known } =
  {
    quadratic(
      _,
      {
        matrix = [
          [1, 0],
          [0, 10],
        ],
      }: { matrix?: readonly (readonly number[])[] },
    ) {
      return { quadratic: { matrix: matrixOf(matrix), center: matrix.map(() => 0) } };
    },
    booth: () => ({
      quadratic: {
        matrix: matrixOf([
          [10, 8],
          [8, 10],
        ]),
        center: [1, 3],
      },
    }),
    mlpRegression: (_, { slope = 0.1 }: MlpRegressionOptions) => ({ slope }),
  };

/** Options whose defaults are those of the run. */
const ofRun = new Set(["seed", "dtype"]);

interface ProblemEntry extends Entry<ProblemInput, MadeProblem> {
  /** The data set that it is made from, where that is files. */
  readonly reads?: "fashionMnist";
  /** Whether it can be in either precision. */
  readonly anyDtype: boolean;
}

/** Problems by name, all those that the library has. The seed is that of a run. */
export const problemRegistry: Readonly<Record<string, ProblemEntry>> = Object.fromEntries(
  Object.entries({ ...problems, ...imageProblems }).map(([name, { make, options, summary }]) => {
    const rows: OptionTableData["rows"] = options.rows;
    const fromRun = Object.keys(rows).filter((option) => ofRun.has(option)) as (keyof ProblemInput)[];
    const theRuns = fromRun.map((option) => [
      option,
      rows[option].kind.otherwise("the run's", rows[option].summary),
    ]);
    return [
      name,
      {
        summary,
        ...(name in imageProblems ? { reads: "fashionMnist" as const } : {}),
        anyDtype: "dtype" in rows,
        options: { ...options, rows: { ...rows, ...Object.fromEntries(theRuns) } },
        make(given: object, input: ProblemInput) {
          const chosen = {
            ...Object.fromEntries(fromRun.map((option) => [option, input[option]])),
            ...given,
          };
          const data = input.images ? [input.images.train] : [];
          const problem = (make as (...args: object[]) => unknown)(...data, chosen) as Problem<Tree>;
          return { problem, ...known[name as keyof typeof problems]?.(problem as never, chosen) };
        },
      },
    ];
  }),
);

export const problemSchema = namedSchema("problem", problemRegistry);

/** The problem of a config, with its parameters in the precision of the run. */
export async function makeProblem(
  named: Named,
  input: Pick<ProblemInput, "seed" | "dtype">,
): Promise<MadeProblem> {
  const { reads, anyDtype } = problemRegistry[named.name];
  if (input.dtype === "float32" && !anyDtype) {
    throw new OptionError(`The problem ${named.name} is in float64: leave dtype out.`);
  }
  const images = reads && (await fashionMnist());
  const result = makeNamed(problemRegistry, named, { ...input, ...(images ? { images } : {}) });
  const { problem } = result;
  const { leaves, def } = flattenTree<NdArray>(problem.start, isNdArray);
  const start = unflattenTree(
    def,
    leaves.map((leaf) => astype(leaf, input.dtype)),
  ) as Tree;
  return { ...result, problem: { ...problem, start } };
}
