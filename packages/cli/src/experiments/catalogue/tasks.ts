import { type MultiTaskTrainerOptions, OptionError, type OptionTableData } from "isoloss";
import type { LossContext, MultiTaskData, TaskMetricSets, TaskMetrics, TaskOutputs } from "isoloss/mtl";
import {
  digitQuestions,
  fashionAttributes,
  fashionDigits,
  type MultiTaskProblem,
  multiFashion,
  multiTaskProblems,
  twoTaskToy,
} from "isoloss/problems";
import type { BenchmarkTasks } from "isoloss-benchmarks";
import { z } from "zod";
import { benchmarkEntries } from "./benchmarks.js";
import { fashionMnist } from "./kept-last.js";
import { type Entry, fromZero, makeNamed, type Named, namedSchema } from "./named.js";
import { type ColumnsConfig, columnsData, columnsOptions, columnsOwn, columnsTasks } from "./own/tasks.js";
import type { Tree } from "./problems.js";
import type { RunData, TestFold } from "./run-data.js";

/** A function of two parameters and its optima. */
export interface Plane {
  readonly start: readonly [number, number];
  distanceToFront(params: Tree): number;
  /** Whether a run ends where it reaches the Pareto front. */
  readonly untilFront: boolean;
  readonly toy: ReturnType<typeof twoTaskToy>;
}

/** Tasks as a run has them. */
export interface MadeTasks
  extends Pick<
    MultiTaskTrainerOptions<Tree>,
    "losses" | "params" | "representation" | "tasks" | "state" | "outputs"
  > {
  readonly tasks: readonly string[];
  readonly metrics?: TaskMetrics<Tree>;
  /** Of benchmarks: the published metrics by task and name, instead of accuracies. */
  readonly measures?: TaskMetricSets;
  /** Of data of the user's own, among the results of a run. */
  readonly dataMetrics?: RunData["metrics"];
  readonly train?: MultiTaskData;
  readonly validation?: MultiTaskData;
  readonly test?: MultiTaskData;
  /** Of the toy. */
  readonly plane?: Plane;
  /** Of columns. */
  readonly table?: RunData;
  /** Each task by a model of its own. */
  alone(): MadeTasks;
}

/** A run's seed is that of its training: the data have one of their own. */
const dataSeed = {
  dataSeed: {
    schema: fromZero,
    range: "an integer >= 0",
    otherwise: "0",
    summary:
      "Another name of `seed`: of the choice of partners and of splits, the same for all seeds of a run.",
  },
};

interface TaskContext {
  readonly seed: number;
  /** Of `columns`: which part of the test data judges the run. */
  readonly fold?: TestFold | undefined;
  /** Of `columns`: its data, where they are there already. */
  readonly table?: RunData | undefined;
}

interface TaskEntry extends Entry<TaskContext, Promise<MadeTasks>> {
  /** The data set that it is made from, where that is files. */
  readonly reads?: "fashionMnist";
}

/** The options of benchmarks are the command line's own. */
const none: OptionTableData = { name: "benchmark", rows: {} };

/** Problems of several tasks by name. */
export const multiTaskProblemRegistry: Readonly<Record<string, TaskEntry>> = {
  toy: {
    ...multiTaskProblems.toy,
    own: {
      untilFront: {
        schema: z.boolean(),
        range: "true or false",
        otherwise: "false",
        summary: "Ends a run when it reaches the Pareto front.",
      },
      start: {
        schema: z.union([z.int().min(0).max(4), z.tuple([z.number(), z.number()])]),
        range: "0 to 4, or two numbers",
        otherwise: "one of five, by the run's seed",
        summary: "One of the five usual starts, or another.",
      },
    },
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
        plane: {
          start: at,
          toy,
          untilFront,
          distanceToFront: (p) => toy.distanceToFront(p as ReturnType<typeof toy.at>),
        },
        alone() {
          throw new OptionError(
            "alone is for tasks with models; the toy's variables are all there is to train.",
          );
        },
      };
    },
  },
  multiFashion: {
    ...multiTaskProblems.multiFashion,
    own: dataSeed,
    reads: "fashionMnist",
    make: async (o) => fromData(multiFashion(await fashionMnist(), withSeed(o))),
  },
  fashionDigits: {
    ...multiTaskProblems.fashionDigits,
    own: dataSeed,
    reads: "fashionMnist",
    make: async (o) => fromData(fashionDigits(await fashionMnist(), withSeed(o))),
  },
  fashionAttributes: {
    ...multiTaskProblems.fashionAttributes,
    own: dataSeed,
    reads: "fashionMnist",
    make: async (o) => fromData(fashionAttributes(await fashionMnist(), withSeed(o))),
  },
  digitQuestions: {
    ...multiTaskProblems.digitQuestions,
    own: dataSeed,
    make: async (o) => fromData(digitQuestions(withSeed(o))),
  },
  columns: {
    summary: "columns of a table of your own, each a task: { data: { csv: FILE, label: [COLUMN, ...] } }",
    options: columnsOptions,
    own: columnsOwn,
    make: async (o, { fold, table: given }) => {
      const config = o as unknown as ColumnsConfig;
      const table = given ?? (await columnsData({ ...config, fold }));
      return { ...fromBenchmark(columnsTasks(table, config)), table, dataMetrics: table.metrics };
    },
  },
  ...Object.fromEntries(
    benchmarkEntries.map(({ name, summary, own, make }) => [
      name,
      { summary, options: none, own, make: async (o) => fromBenchmark(await make(o)) } satisfies TaskEntry,
    ]),
  ),
};

const withSeed = ({ dataSeed: seed, ...rest }: Readonly<Record<string, unknown>>): object => ({
  seed,
  ...rest,
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

type AnyTasks = BenchmarkTasks<never, Tree>;

/** Tasks of a network that may have a state, and the parts of their data. */
interface TasksOnParts {
  readonly tasks: unknown;
  readonly parts: Pick<MadeTasks, "train" | "validation" | "test">;
}

function fromBenchmark({ tasks: given, parts: { train, validation, test } }: TasksOnParts): MadeTasks {
  const { tasks, losses, params, state, represent, outputs, measures } = given as AnyTasks;
  const data = { train, ...(validation && { validation }), ...(test && { test }) };
  return {
    tasks,
    losses,
    params,
    state,
    outputs,
    measures,
    ...data,
    representation: represent,
    alone: () => ({ ...aloneBenchmark(given as AnyTasks), ...data }),
  } as unknown as MadeTasks;
}

/** As {@link aloneOf}, of networks with a state. */
function aloneBenchmark({ tasks, only, measures }: AnyTasks): MadeTasks {
  const single = tasks.map((task) => only(task));
  const networkOf = (params: unknown, k: number) => (params as Networks).networks[tasks[k]] as never;
  /** The context of a task, whose next state goes into its own place. */
  const contexts = ({ state, keepState, ...context }: LossContext): LossContext[] => {
    const states = state as Readonly<Record<string, never>>;
    const next: Record<string, unknown> = { ...states };
    return tasks.map((task) => ({
      ...context,
      state: states[task],
      ...(keepState && {
        keepState(kept: unknown) {
          next[task] = kept;
          keepState({ ...next } as never);
        },
      }),
    }));
  };
  const made: Omit<MadeTasks, "alone"> = {
    tasks,
    measures,
    params: (rng, options) => ({
      networks: Object.fromEntries(single.map(({ params }, k) => [tasks[k], params(rng, options)])),
    }),
    state: Object.fromEntries(single.map(({ state }, k) => [tasks[k], state])),
    losses: (params, batch, context) => {
      const own = contexts(context);
      return single.flatMap(({ losses }, k) => losses(networkOf(params, k), batch, own[k] as never));
    },
    outputs: ((params, batch, context) => {
      const own = contexts(context);
      return Object.assign(
        {},
        ...single.map(({ outputs }, k) => outputs(networkOf(params, k), batch, own[k] as never)),
      );
    }) as TaskOutputs<Tree>,
  };
  return {
    ...made,
    alone() {
      return this;
    },
  };
}

/** Networks by the names of their tasks. */
interface Networks {
  readonly networks: Readonly<Record<string, Tree>>;
}

/**
 * A network for each task in one tree of parameters. The sum of the losses has the gradient of each loss in that task's
 * network, and an optimizer that looks at each parameter by itself trains every network as if it were alone.
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

export const makeTasks = (named: Named, context: TaskContext): Promise<MadeTasks> =>
  makeNamed(multiTaskProblemRegistry, named, context);
