import { OptionError } from "isoloss";
import { decodeMultiTaskCheckpoint } from "isoloss/mtl";
import { z } from "zod";
import { costSchema } from "../../catalogue/cost.js";
import { methodSchema } from "../../catalogue/methods.js";
import { count, fromZero, nonNegative, positive } from "../../catalogue/named.js";
import { learningRateSchema, optimizerSchema } from "../../catalogue/optimizers.js";
import { testFoldSchema } from "../../catalogue/run-data.js";
import { multiTaskProblemSchema } from "../../catalogue/tasks.js";
import type { Kind } from "../../kind.js";
import { trainerForm } from "../../records/stored-form.js";
import { epochSettings } from "../training-loop.js";
import { multiTaskComparison } from "./comparison.js";
import { taskPoints } from "./diagnose.js";
import { taskPredictions, tasksOnnx } from "./export.js";
import { plateauSchema } from "./plateau.js";
import { checkProtocol, protocolSchema } from "./protocol.js";
import { multiTaskRun } from "./run.js";
import type { MultiTaskSettings } from "./settings.js";

/** Training on several tasks at once, by any method, with or without COST. */
export const multiTaskKind: Kind = {
  summary: "several tasks at once, by a multi-task method, with or without COST",
  stoppable: true,
  pauseMetrics: ["loss", "validation.loss", "test.loss", "test.accuracy"],
  settings: {
    problem: multiTaskProblemSchema,
    /** Of the problem columns: which of n parts of the test data judges the run, [i, n] with i from 0. */
    testFold: testFoldSchema.optional(),
    method: methodSchema,
    cost: costSchema.optional(),
    /** Each task by a model of its own: the baseline of Delta_m. */
    alone: z.boolean().optional(),
    optimizer: optimizerSchema,
    learningRate: learningRateSchema,
    batchSize: count.optional(),
    epochs: positive.optional(),
    steps: fromZero.optional(),
    /** Epochs between evaluations on the validation and test data. */
    evaluateEvery: positive.optional(),
    ...epochSettings,
    /** Steps between records; default 1. */
    recordEvery: count.optional(),
    dtype: z.enum(["float32", "float64"]).optional(),
    runtime: z.enum(["auto", "javascript", "onnx"]).meta({ title: "runtime" }).optional(),
    /** Of one run; several runs at a time each have as many. */
    threads: count.optional(),
    clipNorm: nonNegative.optional(),
    headGradient: z.enum(["weighted", "unweighted"]).optional(),
    strategy: z.enum(["auto", "keep", "recompute"]).optional(),
    recordGradients: z.boolean().optional(),
    representation: z.boolean().optional(),
    protocol: protocolSchema.optional(),
    plateau: plateauSchema.optional(),
  },
  export: { onnx: tasksOnnx, predict: taskPredictions },
  comparison: multiTaskComparison,
  stored: { ...trainerForm, tensorsOf: (checkpoint) => decodeMultiTaskCheckpoint(checkpoint).tensors },
  plot: () => ["paths", "front", "loss", "conflicts", "test", "gains"],
  diagnose: taskPoints,
  run(settings, context) {
    const given = settings as unknown as MultiTaskSettings;
    checkSettings(given);
    return multiTaskRun(given, context);
  },
};

function checkSettings({
  epochs,
  steps,
  alone,
  method,
  cost,
  problem,
  protocol,
  testFold,
}: MultiTaskSettings): void {
  if (protocol) checkProtocol(protocol);
  if ((epochs === undefined) === (steps === undefined)) {
    throw new OptionError("A run of kind multi-task needs either epochs or steps.");
  }
  if (testFold && problem.name !== "columns") {
    throw new OptionError("testFold is of the problem columns alone: its table is what can be divided.");
  }
  if (problem.name === "toy" && epochs !== undefined) {
    throw new OptionError("The toy has no data and therefore no epochs: give steps instead.");
  }
  if (alone && (method.name !== "linearScalarization" || cost !== undefined)) {
    throw new OptionError(
      "With alone each task has a model of its own: nothing is combined. Take the method linearScalarization without cost.",
    );
  }
}
