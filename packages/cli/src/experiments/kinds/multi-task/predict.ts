import { array, astype, dtypeOf, jit, type NdArray, OptionError, resume } from "isoloss";
import { standardize } from "isoloss/data";
import { decodeMultiTaskCheckpoint } from "isoloss/mtl";
import { readNewRows } from "../../catalogue/own/new-rows.js";
import { type ColumnsConfig, columnsBatch, columnsData } from "../../catalogue/own/tasks.js";
import type { Predictions, TrainedRun } from "../../kind.js";
import { predictionRecords } from "../predictions.js";
import { sessionOf } from "./run.js";
import type { MultiTaskSettings } from "./settings.js";

/** Predictions of a run on columns of a table, with the outputs of the tasks side by side. */
export async function taskPredictions(
  { settings, seed, checkpoint }: TrainedRun,
  path: string,
): Promise<Predictions> {
  const { problem, dtype = "float32" } = settings as unknown as MultiTaskSettings;
  if (problem.name !== "columns") {
    throw new OptionError(
      `A run of several tasks predicts new rows of the problem columns, on a table of your own; this one is of ${problem.name}.`,
    );
  }
  const config = problem as unknown as ColumnsConfig;
  const data = await columnsData(config);
  const { tasks = [], inputScale, targetScale, gaps } = data;
  const { inputs, unknown } = await readNewRows(path, config.data, data);
  const session = await sessionOf(settings as unknown as MultiTaskSettings, seed);
  try {
    const { made, trainer } = session;
    resume(trainer, decodeMultiTaskCheckpoint(checkpoint));
    const [n] = inputs.shape;
    // The labels are part of a batch, and no output depends on them.
    const labels = { shape: [n, tasks.length], data: new Float32Array(n * tasks.length) };
    const given = { inputs, labels };
    const scaled = inputScale ? standardize(given, { inputs: inputScale, gaps }) : given;
    const batch = columnsBatch({ ...scaled, inputs: astype(scaled.inputs, dtype) }, tasks);
    const { params, state, step } = trainer.current;
    const evaluate = await jit(
      (at) => {
        const outputs =
          made.outputs?.(at.params, at.batch, { training: false, state: at.state as never }) ?? {};
        return tasks.map(({ name }) => outputs[name].output);
      },
      { params, state, batch },
    );
    const results = await evaluate({ params, state, batch }).finally(() => evaluate.dispose());
    const values = results.map(({ shape, data: numbers }, k): NdArray => {
      const [scale = 1, shift = 0] = [targetScale?.stds[k], targetScale?.means[k]];
      return astype(
        { shape, data: Float64Array.from(numbers as Float64Array, (v) => scale * v + shift) },
        dtype,
      );
    });
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
  } finally {
    await session.dispose();
  }
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
