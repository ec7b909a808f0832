import {
  array,
  createPredictor,
  dtypeOf,
  type Model,
  type NdArray,
  OptionError,
  type Tensor,
  torchGenerator,
} from "isoloss";
import { decodeMultiTaskCheckpoint } from "isoloss/mtl";
import { add, mul } from "isoloss/ops";
import { fileMetadata, fileNames, networkFile } from "../../catalogue/changes/file.js";
import { readNewRows } from "../../catalogue/own/new-rows.js";
import { type ColumnsConfig, columnsData } from "../../catalogue/own/tasks.js";
import type { Tree } from "../../catalogue/problems.js";
import { withoutExamples } from "../../catalogue/run-data.js";
import { inUnitsOfData } from "../../catalogue/standardized.js";
import { makeTasks } from "../../catalogue/tasks.js";
import type { NewExamples, Predictions, TrainedRun } from "../../kind.js";
import { storedTrees } from "../../records/points.js";
import { predictionRecords } from "../predictions.js";
import type { MultiTaskSettings } from "./settings.js";

type TasksModel = Model<Tree, Tree, Readonly<Record<string, Tensor>>>;

/** The network of a run on columns of a table, which takes and gives numbers as they are in the table: an output for each task. */
async function trainedTasks({ settings, seed, checkpoint, data: form }: TrainedRun) {
  const { problem, testFold: fold, alone, dtype } = settings as unknown as MultiTaskSettings;
  if (problem.name !== "columns") {
    throw new OptionError(
      `A run of several tasks has a model for new rows where its problem is columns, a table of your own; this one is of ${problem.name}.`,
    );
  }
  const table = form
    ? withoutExamples(form)
    : await columnsData({ ...(problem as unknown as ColumnsConfig), fold });
  const { tasks = [], inputScale, targetScale, gaps } = table;
  const whole = await makeTasks(problem, { seed, table });
  const { params: init, state: fresh = {}, outputs } = alone ? whole.alone() : whole;
  const names = tasks.map(({ name }) => (name === fileNames.input ? `${name}.output` : name));
  const model: TasksModel = {
    init: (rng, options) => ({ params: (init as Init)(rng, options), state: fresh as Tree }),
    apply(params, x, { state }) {
      const results = (outputs as Outputs)(params, { x }, { training: false, state });
      const inUnits = tasks.map(({ name, classes }, k) => {
        const { output } = results[name];
        return classes || !targetScale ? output : add(mul(output, targetScale.stds[k]), targetScale.means[k]);
      });
      return { output: Object.fromEntries(inUnits.map((output, k) => [names[k], output])), state };
    },
  };
  const { tensors, rest } = decodeMultiTaskCheckpoint(checkpoint);
  return {
    network: {
      model: inUnitsOfData(model as never, { inputScale, gaps }) as unknown as TasksModel,
      ...storedTrees(tensors, model.init(torchGenerator(0), { dtype })),
    },
    table,
    tasks,
    names,
    step: rest.step,
  };
}

type Init = (...args: Parameters<TasksModel["init"]>) => Tree;
type Outputs = (
  params: unknown,
  batch: unknown,
  context: object,
) => Readonly<Record<string, { readonly output: Tensor }>>;

/** The trained network as an ONNX file with the input x and an output for each task, under its name. */
export async function tasksOnnx(run: TrainedRun, batch: number | undefined): Promise<Uint8Array> {
  const { network, table, step } = await trainedTasks(run);
  return networkFile(network, table, { batch, metadata: fileMetadata(run, step, table) });
}

/** Predictions of a run on columns of a table, with the outputs of the tasks side by side. */
export async function taskPredictions(run: TrainedRun, examples: NewExamples): Promise<Predictions> {
  const { problem, runtime } = run.settings as unknown as MultiTaskSettings;
  const { network, table, tasks, names, step } = await trainedTasks(run);
  const { inputs, unknown } = await readNewRows(examples, (problem as unknown as ColumnsConfig).data, table);
  const predictor = await createPredictor(network.model, network, runtime === undefined ? {} : { runtime });
  const outputs = await predictor.predict(inputs).finally(() => predictor.dispose());
  const values = names.map((name): NdArray => outputs[name]);
  return {
    step,
    unknown,
    outputs: sideBySide(values),
    records: () =>
      predictionRecords(
        tasks.map(({ name, classes }, k) => ({
          names: [name],
          classes,
          values: values[k],
          isClass: classes !== undefined,
        })),
        undefined,
      ),
  };
}

/** Arrays [n, columns] as one. */
function sideBySide(arrays: readonly NdArray[]): NdArray {
  const rows = Array.from({ length: arrays[0].shape[0] }, (_, i) =>
    arrays.flatMap(({ shape: [, width], data }) =>
      Array.from(data.slice(i * width, (i + 1) * width), Number),
    ),
  );
  return array(rows, dtypeOf(arrays[0]));
}
