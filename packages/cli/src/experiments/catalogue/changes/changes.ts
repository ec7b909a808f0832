import { z } from "zod";
import { count, makeNamed, type Named, namedSchema, positive, type Registry } from "../named.js";
import type { OwnOption } from "../schema-of.js";
import { fold, restore } from "./batch-norm.js";
import type { Change } from "./network.js";
import { minimizeNoise, type QuantizeFileOptions, quantize, quantizeFile } from "./quantize.js";
import { balance, prune, scaleChannels, scaleLayers } from "./weights.js";

const choice = (values: readonly [string, ...string[]], title: string, summary: string): OwnOption => ({
  schema: z.enum(values).meta({ title }),
  range: values.join(", "),
  otherwise: values[0],
  summary,
});

const row = <O>(
  name: string,
  summary: string,
  own: { readonly [K in keyof O]: OwnOption },
  make: (options: O) => Change,
  defaults: Partial<O> = {},
): Registry<undefined, Change> => ({
  [name]: {
    summary,
    options: { name, rows: {} },
    own,
    make: (options) => make({ ...defaults, ...options } as O),
  },
});

/** What may happen to a network between two trainings, by name. */
export const changeRegistry: Registry<undefined, Change> = {
  ...row<{ factor: number }>(
    "scaleLayers",
    "every second hidden layer times a factor, and the next one divided by it: the same function, scaled badly",
    { factor: { schema: positive, range: "a number > 0", otherwise: "30", summary: "Of the weights." } },
    ({ factor }) => scaleLayers(factor),
    { factor: 30 },
  ),
  ...row<{ sigma: number }>(
    "scaleChannels",
    "each hidden channel times a random factor, and what reads it divided by that: the same function",
    {
      sigma: {
        schema: positive,
        range: "a number > 0",
        otherwise: "2",
        summary: "Standard deviation of the factors' logarithms.",
      },
    },
    ({ sigma }) => scaleChannels(sigma),
    { sigma: 2 },
  ),
  ...row<{ by: "norm" | "range" }>(
    "balance",
    "a move: the same function with balanced weights",
    { by: choice(["norm", "range"], "balance", "What is made even.") },
    ({ by }) => balance(by),
    { by: "norm" },
  ),
  ...row<object>(
    "foldBatchNorm",
    "batch norms become parts of the layers before them, as in exported files",
    {},
    () => fold,
  ),
  ...row<{ examples: number }>(
    "restoreBatchNorm",
    "a move: the same function with batch norms after all convolutions",
    {
      examples: { schema: count, range: "an integer >= 1", otherwise: "256", summary: "Of the calibration." },
    },
    ({ examples }) => restore(examples),
    { examples: 256 },
  ),
  ...row<{ bits: number; examples: number }>(
    "minimizeNoise",
    "a move: to where quantization of whole tensors makes the least noise; clips at fixed numbers may change",
    {
      bits: {
        schema: z.int().min(2).max(16),
        range: "an integer in 2..16",
        otherwise: "8",
        summary: "Of a weight.",
      },
      examples: { schema: count, range: "an integer >= 1", otherwise: "256", summary: "Of the calibration." },
    },
    ({ bits, examples }) => minimizeNoise(bits, examples),
    { bits: 8, examples: 256 },
  ),
  ...row<{ fraction: number; by: "magnitude" | "lamp" }>(
    "prune",
    "the weights of the least scores over all layers are zero from here on",
    {
      fraction: {
        schema: z.number().min(0).lt(1),
        range: "a number >= 0 and < 1",
        otherwise: "0.8",
        summary: "Of all weights.",
      },
      by: choice(["magnitude", "lamp"], "score", "The score of a weight."),
    },
    prune,
    { fraction: 0.8, by: "magnitude" },
  ),
  ...row<{ bits: number; granularity: "tensor" | "channel" }>(
    "quantize",
    "weights as integers of few bits from here on, rounded in every step with straight-through gradients",
    {
      bits: {
        schema: z.int().min(2).max(8),
        range: "an integer in 2..8",
        otherwise: "8",
        summary: "Of a weight.",
      },
      granularity: choice(["tensor", "channel"], "granularity", "What has a scale of its own."),
    },
    quantize,
    { bits: 8, granularity: "tensor" },
  ),
  ...row<QuantizeFileOptions>(
    "quantizeFile",
    "weights and activations as integers of eight bits, as in a quantized file; for runs of 0 steps",
    {
      granularity: choice(["tensor", "channel"], "granularity", "What has a scale of weights."),
      biasCorrection: {
        schema: z.boolean(),
        range: "true or false",
        otherwise: "false",
        summary: "Whether corrected biases are tried, too; they are kept where the error is surely less.",
      },
      examples: { schema: count, range: "an integer >= 1", otherwise: "256", summary: "Of the calibration." },
    },
    quantizeFile,
    { granularity: "tensor", biasCorrection: false, examples: 256 },
  ),
};

export const changeSchema = namedSchema("change", changeRegistry);

export const makeChange = (named: Named): Change => makeNamed(changeRegistry, named, undefined);
