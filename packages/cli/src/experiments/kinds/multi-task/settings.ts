import { z } from "zod";
import { costSchema } from "../../catalogue/cost.js";
import { methodSchema } from "../../catalogue/methods.js";
import { count, nonNegative } from "../../catalogue/named.js";
import { learningRateSchema, optimizerSchema } from "../../catalogue/optimizers.js";
import { testFoldSchema } from "../../catalogue/run-data.js";
import { multiTaskProblemSchema } from "../../catalogue/tasks.js";
import { computeSettings, epochSettings } from "../training-loop.js";
import { plateauSchema } from "./plateau.js";
import { protocolSchema } from "./protocol.js";

export const multiTaskSettings = {
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
  ...epochSettings,
  /** Steps between records; default 1. */
  recordEvery: count.optional(),
  dtype: z.enum(["float32", "float64"]).optional(),
  ...computeSettings,
  clipNorm: nonNegative.optional(),
  headGradient: z.enum(["weighted", "unweighted"]).optional(),
  strategy: z.enum(["auto", "keep", "recompute"]).optional(),
  recordGradients: z.boolean().optional(),
  representation: z.boolean().optional(),
  protocol: protocolSchema.optional(),
  plateau: plateauSchema.optional(),
};

export type MultiTaskSettings = z.output<z.ZodObject<typeof multiTaskSettings>>;
