import { pick } from "es-toolkit";
import { type MultiTaskTrainerOptions, OptionError, type OptionTableData } from "isoloss";
import type { LossContext, MultiTaskData, TaskMetricSets, TaskMetrics } from "isoloss/mtl";
import { torchGenerator, torchUniform } from "isoloss/nn";
import {
  digitQuestions,
  fashionAttributes,
  fashionDigits,
  multiFashion,
  multiTaskProblems,
  twoTaskToy,
} from "isoloss/problems";
import { z } from "zod";
import { benchmarkEntries } from "./benchmarks.js";
import { dataFiles } from "./datasets.js";
import { fashionMnist } from "./kept-last.js";
import { type Entry, flagOption, makeNamed, type Named, namedSchema, ownOption } from "./named.js";
import { type ColumnsConfig, columnsData, columnsOptions, columnsOwn, columnsTasks } from "./own/tasks.js";
import { problemRegistry, type Tree } from "./problems.js";
import type { RunData, TestFold } from "./run-data.js";

/** A function of two parameters and its optima. */
export interface Plane {
  readonly start: readonly [number, number];
  distanceToFront(params: Tree): number;
  /** Whether a run ends where it reaches the Pareto front. */
  readonly untilFront: boolean;
  readonly toy: ReturnType<typeof twoTaskToy>;
}

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

/** In the square of the published figures, to two digits. */
function randomStart(seed: number): readonly [number, number] {
  const [x1, x2] = Array.from(
    torchUniform(torchGenerator(seed), [2], -10, 10).data,
    (x) => Math.round(100 * x) / 100,
  );
  return [x1, x2];
}

/** The options of benchmarks are the command line's own. */
const none: OptionTableData = { name: "benchmark", rows: {} };

/** Problems of several tasks by name. */
export const multiTaskProblemRegistry: Readonly<Record<string, TaskEntry>> = {
  toy: {
    ...multiTaskProblems.toy,
    own: {
      untilFront: flagOption("Ends a run when it reaches the Pareto front.", "false"),
      start: ownOption(
        z.union([z.int().min(0).max(4), z.tuple([z.number(), z.number()])]),
        "0 to 4, or two numbers",
      )(
        "One of the five published starts, or another.",
        "by the run's seed: 0 to 4 the published, others random",
      ),
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
      const at = typeof start === "object" ? start : (toy.starts[start ?? seed] ?? randomStart(seed));
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
  ...Object.fromEntries(
    Object.entries({ multiFashion, fashionDigits, fashionAttributes }).map(
      ([name, problem]): [string, TaskEntry] => [
        name,
        {
          ...multiTaskProblems[name as "multiFashion"],
          reads: "fashionMnist",
          make: async (o) => madeTasks({ tasks: problem(await fashionMnist(), o) }),
        },
      ],
    ),
  ),
  digitQuestions: {
    ...multiTaskProblems.digitQuestions,
    make: async (o) => madeTasks({ tasks: digitQuestions(o) }),
  },
  columns: {
    summary: "columns of a table of your own, each a task: { data: { csv: FILE, label: [COLUMN, ...] } }",
    options: columnsOptions,
    own: columnsOwn,
    make: async (o, { fold, table: given }) => {
      const config = o as unknown as ColumnsConfig;
      const table = given ?? (await columnsData({ ...config, fold }));
      return { ...madeTasks(columnsTasks(table, config)), table, dataMetrics: table.metrics };
    },
  },
  ...Object.fromEntries(
    benchmarkEntries.map(({ name, summary, own, make }) => [
      name,
      { summary, options: none, own, make: async (o) => madeTasks(await make(o)) } satisfies TaskEntry,
    ]),
  ),
};

/** Tasks of one network, which may have a state. */
interface JointTasks
  extends Pick<MadeTasks, "tasks" | "losses" | "params" | "state" | "metrics" | "outputs" | "measures"> {
  readonly represent?: MadeTasks["representation"];
  /** The network of one task alone. */
  only(task: string): Pick<MadeTasks, "losses" | "params" | "state" | "metrics" | "outputs">;
}

interface Given {
  readonly tasks: object;
  /** Of the data; left out: those of the tasks themselves. */
  readonly parts?: Pick<MadeTasks, "train" | "validation" | "test">;
}

function madeTasks({ tasks: given, parts = given }: Given): MadeTasks {
  const whole = given as JointTasks;
  const { tasks, measures, represent: representation } = whole;
  const common = { tasks, measures, ...pick(parts as MadeTasks, ["train", "validation", "test"]) };
  return {
    ...common,
    ...pick(whole, ["losses", "params", "state", "metrics", "outputs"]),
    representation,
    alone: () => ({ ...aloneOf(tasks, (task) => whole.only(task)), ...common }),
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
function aloneOf(tasks: readonly string[], only: JointTasks["only"]): MadeTasks {
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
  type Part = (...given: readonly never[]) => unknown;
  /** What a part of each network gives. */
  const ofEach =
    (name: "losses" | "metrics" | "outputs") => (params: unknown, batch: unknown, context: LossContext) => {
      const own = contexts(context);
      return single.map((one, k) =>
        (one[name] as Part)(networkOf(params, k), batch as never, own[k] as never),
      );
    };
  const joined = (name: "metrics" | "outputs") => {
    const all = ofEach(name);
    return single[0][name] && ((...given: Parameters<typeof all>) => Object.assign({}, ...all(...given)));
  };
  const byTask = (part: (one: (typeof single)[number]) => unknown) => ({
    networks: Object.fromEntries(single.map((one, k) => [tasks[k], part(one)])),
  });
  return {
    tasks,
    params: (...given: readonly never[]) => byTask(({ params }) => (params as Part)(...given)),
    state: single[0].state && byTask(({ state }) => state).networks,
    losses: (...given: Parameters<ReturnType<typeof ofEach>>) => ofEach("losses")(...given).flat(),
    metrics: joined("metrics"),
    outputs: joined("outputs"),
    alone() {
      return this;
    },
  } as MadeTasks;
}

export const multiTaskProblemSchema = namedSchema("problem of several tasks", multiTaskProblemRegistry);

export const makeTasks = (named: Named, context: TaskContext): Promise<MadeTasks> =>
  makeNamed(multiTaskProblemRegistry, named, context);

/** Names of the data sets that a run reads, by its settings, but for those that are part of the package. */
export function needsOf(settings: Readonly<Record<string, unknown>>): string[] {
  const { data, problem } = settings as { readonly data?: Partial<Named>; readonly problem?: Partial<Named> };
  const reads =
    problem?.name !== undefined &&
    (multiTaskProblemRegistry[problem.name] ?? problemRegistry[problem.name])?.reads;
  return [data?.name, reads].flatMap((name) => (name && Object.hasOwn(dataFiles, name) ? [name] : []));
}
