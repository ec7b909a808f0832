// Several tasks on the user's own data: columns of a table, and a network with a head for each.
import { type Batch, crossEntropy, type Dataset } from "isoloss";
import { rmse, topK } from "isoloss/metrics";
import { models, mseLoss, multiMlp } from "isoloss/nn";
import { type BenchmarkTask, benchmarkTasks } from "isoloss-benchmarks";
import { z } from "zod";
import { countsOption, ownOption } from "../named.js";
import type { ColumnTask, RunData, TestFold } from "../run-data.js";
import type { OwnOptions } from "../schema-of.js";
import { loadOwnData, type OwnData, ownTableSchema } from "./data.js";

export const columnsOptions = {
  ...models.mlp.options,
  rows: { activation: models.mlp.options.rows.activation },
};

/** Options of the problem `columns` beside those. */
export const columnsOwn: OwnOptions = {
  data: ownOption(
    ownTableSchema,
    "a table: { csv: FILE, label: [COLUMN, ...] }",
  )("The data; each column of the labels is a task: text is classes, others are numbers."),
  classes: ownOption(z.array(z.string()), "a list of labels")(
    "Labels that are integers and classes.",
    "none",
  ),
  hidden: countsOption("Widths of the layers that the tasks share.", "[64, 32]"),
};

export interface ColumnsConfig {
  readonly data: OwnData;
  readonly classes?: readonly string[];
  readonly hidden?: readonly number[];
  readonly activation?: Parameters<typeof multiMlp>[0]["activation"];
}

/** The data of a problem `columns`. @param fold which part of the test data judges the run */
export const columnsData = ({
  data,
  classes = [],
  fold,
}: Pick<ColumnsConfig, "data" | "classes"> & { readonly fold?: TestFold | undefined }): Promise<RunData> =>
  loadOwnData(data, { tasks: { asClasses: classes }, fold });

/** The network, the losses of its tasks, and the parts of the data. Batches: `x` [n, inputs], and the labels of task k as `yk`. */
export function columnsTasks(
  { train, validation, test, tasks = [], targetScale }: RunData,
  { hidden = [64, 32], activation }: Pick<ColumnsConfig, "hidden" | "activation">,
) {
  const part = (data: Dataset | undefined) => data && columnsBatch(data, tasks);
  const heads = new Map(tasks.map(({ name, classes }) => [name, classes?.length ?? 1]));
  const made = benchmarkTasks("columns", {
    tasks: Object.fromEntries(
      tasks.map((task, k) => [task.name, taskOf(task, labelOf(k), targetScale?.stds[k])]),
    ),
    make(names) {
      const model = multiMlp({
        sizes: [train.inputs.shape[1], ...hidden],
        heads: Object.fromEntries(names.map((name) => [name, heads.get(name) as number])),
        activation,
      });
      return {
        init: (rng, options) => ({ params: model.init(rng, options), state: {} }),
        trunk: (shared, { x }) => ({ output: [model.trunk(shared, x)], state: {} }),
        readOut: (own, [representation]) =>
          // The trunk is not read again.
          model.apply({ heads: own } as never, representation, { representation }),
      };
    },
  });
  return {
    tasks: made,
    parts: { train: columnsBatch(train, tasks), validation: part(validation), test: part(test) },
  };
}

const labelOf = (k: number): string => `y${k}`;

function taskOf({ classes }: ColumnTask, label: string, scale = 1): BenchmarkTask {
  return {
    loss: (output, { [label]: labels }) => (classes ? crossEntropy(output, labels) : mseLoss(output, labels)),
    output: (output, { [label]: labels }) => ({ output, labels }),
    measures: classes ? { accuracy: topK({ k: 1 }) } : { rmse: rmse({ scale }) },
  };
}

/** A part of the data as the tasks take it. */
function columnsBatch({ inputs, labels }: Dataset, tasks: readonly ColumnTask[]): Batch {
  const { shape, data } = labels;
  const [n, width] = shape;
  const column = (k: number) => Array.from({ length: n }, (_, i) => Number(data[i * width + k]));
  const own = tasks.map(({ classes }, k) => [
    labelOf(k),
    classes
      ? { shape: [n], data: BigInt64Array.from(column(k), BigInt) }
      : { shape: [n, 1], data: Float32Array.from(column(k)) },
  ]);
  return { x: inputs, ...Object.fromEntries(own) };
}
