import {
  type Batch,
  digitQuestions,
  fashionDigits,
  type MultiTaskProblem,
  type MultiTaskTrainerOptions,
  multiFashion,
  OptionError,
  type TaskMetrics,
  twoTaskToy,
} from "isoloss";
import { loadIdxDataset } from "isoloss/node";
import { z } from "zod";
import {
  count,
  type Entry,
  fromZero,
  makeNamed,
  type Named,
  namedSchema,
  positive,
  smoothing,
} from "./named.js";
import type { Tree } from "./problems.js";

/** Where a function of two parameters has its optima, and what it is. */
export interface Plane {
  readonly start: readonly [number, number];
  distanceToFront(params: Tree): number;
  /** Whether a run ends where it comes to the Pareto front. */
  readonly untilFront: boolean;
  readonly toy: ReturnType<typeof twoTaskToy>;
}

/** Tasks as a run has them. */
export interface MadeTasks
  extends Pick<MultiTaskTrainerOptions<Tree>, "losses" | "params" | "representation" | "tasks"> {
  readonly tasks: readonly string[];
  readonly metrics?: TaskMetrics<Tree>;
  readonly train?: Batch;
  readonly test?: Batch;
  /** Of the toy. */
  readonly plane?: Plane;
  /** Each task by a model of its own. */
  alone(): MadeTasks;
}

const images = {
  /** Of the choice of partners and of splits: the same for all seeds of a run. */
  dataSeed: fromZero.optional(),
  trainCount: count.optional(),
  testCount: count.optional(),
  dropout: smoothing.optional(),
};

let loading: ReturnType<typeof loadIdxDataset> | undefined;

/** Fashion-MNIST, unpacked once for all runs of a thread: that takes as long as a short run. */
function fashionMnist(): ReturnType<typeof loadIdxDataset> {
  loading ??= loadIdxDataset("fashion-mnist");
  return loading;
}

type TaskEntry = Entry<{ readonly seed: number }, Promise<MadeTasks>>;

/** Problems of several tasks by name. */
export const multiTaskProblemRegistry: Readonly<Record<string, TaskEntry>> = {
  toy: {
    summary: "two losses of two variables; the seed chooses one of five starts",
    options: z.strictObject({
      scale: positive.optional(),
      /** Ends a run on the Pareto front; otherwise it goes on there. */
      untilFront: z.boolean().optional(),
      start: z.union([z.int().min(0).max(4), z.tuple([z.number(), z.number()])]).optional(),
    }),
    make: async (o, { seed }) => {
      const {
        scale,
        start,
        untilFront = false,
      } = o as {
        readonly scale?: number;
        readonly start?: number | [number, number];
        readonly untilFront?: boolean;
      };
      const toy = twoTaskToy(scale === undefined ? {} : { scale });
      const at = typeof start === "object" ? start : toy.starts[(start ?? seed) % toy.starts.length];
      return {
        tasks: toy.tasks,
        losses: toy.losses as unknown as MadeTasks["losses"],
        params: toy.at(at),
        plane: { start: at, toy, untilFront, distanceToFront: (p) => toy.distanceToFront(p as never) },
        alone() {
          throw new OptionError(
            "alone is for tasks with models; the toy's variables are all there is to train.",
          );
        },
      };
    },
  },
  multiFashion: {
    summary:
      "two items of clothing in one image, each of 10 classes; or imbalanced: isoloss data fetch fashionMnist",
    options: z.strictObject({ ...images, imbalanced: z.boolean().optional() }),
    make: async (o) => fromData(multiFashion(await fashionMnist(), withSeed(o))),
  },
  fashionDigits: {
    summary: "an item of clothing and a digit in one image: isoloss data fetch fashionMnist",
    options: z.strictObject(images),
    make: async (o) => fromData(fashionDigits(await fashionMnist(), withSeed(o))),
  },
  digitQuestions: {
    summary: "eight questions about each of the digits that come with the package",
    options: z.strictObject({ dataSeed: fromZero.optional(), hidden: z.array(count).min(1).optional() }),
    make: async (o) => fromData(digitQuestions(withSeed(o))),
  },
};

const withSeed = ({ dataSeed, ...rest }: Readonly<Record<string, unknown>>): object => ({
  ...rest,
  ...(dataSeed === undefined ? {} : { seed: dataSeed }),
});

function fromData<P>(problem: MultiTaskProblem<P>): MadeTasks {
  const { tasks, losses, metrics, params, represent, train, test } = problem;
  return {
    tasks,
    losses,
    metrics,
    params,
    representation: represent,
    train,
    test,
    alone: () => aloneOf(problem as unknown as MultiTaskProblem<Tree>),
  } as unknown as MadeTasks;
}

/** Networks by the names of their tasks. */
interface Networks {
  readonly networks: Readonly<Record<string, Tree>>;
}

/**
 * A network for each task in one tree of parameters. The sum of the losses has the gradient of each loss in that task's
 * network, and an optimiser that looks at each parameter by itself trains every network as if it were alone.
 */
function aloneOf(problem: MultiTaskProblem<Tree>): MadeTasks {
  const { tasks, train, test } = problem;
  const single = tasks.map((task) => problem.only(task));
  const networkOf = (params: unknown, k: number) => (params as Networks).networks[tasks[k]] as never;
  return {
    tasks,
    train,
    test,
    params: (rng, options) => ({
      networks: Object.fromEntries(single.map(({ params }, k) => [tasks[k], params(rng, options)])),
    }),
    losses: (params, batch, context) =>
      single.flatMap(({ losses }, k) => losses(networkOf(params, k), batch, context)),
    metrics: (params, batch, context) =>
      Object.assign({}, ...single.map(({ metrics }, k) => metrics(networkOf(params, k), batch, context))),
    alone() {
      return this;
    },
  };
}

export const multiTaskProblemSchema = namedSchema("problem of several tasks", multiTaskProblemRegistry);

export const makeTasks = (named: Named, seed: number): Promise<MadeTasks> =>
  makeNamed(multiTaskProblemRegistry, named, { seed });
