import { mapValues } from "es-toolkit";
import { type NdArray, OptionError } from "isoloss";
import { scaledParams } from "isoloss/internal";
import { balanced, pruned } from "isoloss/moves";
import { torchGenerator, torchRandn } from "isoloss/nn";
import { decodeModel } from "isoloss/onnx";
import type { ScalingGenerator } from "isoloss/symmetry";
import { foldBatchNorm, restoreBatchNorm } from "isoloss-onnx";
import { z } from "zod";
import {
  countOption,
  flagOption,
  makeNamed,
  type Named,
  namedSchema,
  ownOption,
  positive,
  type Registry,
} from "../named.js";
import { fileNames, fileOf, networkOf } from "./file.js";
import { type Change, firstExamples, type Network, networkSymmetries } from "./network.js";
import { minimizeNoise, type QuantizeFileOptions, quantize, quantizeFile } from "./quantize.js";

/** Folds batch norms into the layers before them, as exporters do. */
const fold: Change = {
  isMove: false,
  apply: (network, { data }) => networkOf(foldBatchNorm(fileOf(network, data, "foldBatchNorm")).bytes),
};

/** Puts batch norms after all convolutions, with the same function. */
const restore = (examples: number): Change => ({
  isMove: true,
  async apply(network, { data }) {
    const file = fileOf(network, data, "restoreBatchNorm");
    const { x } = firstExamples(data, examples);
    const { bytes } = await restoreBatchNorm(
      file,
      { [fileNames.input]: x },
      { layers: convolutionsOf(file) },
    );
    return networkOf(bytes);
  },
});

/** Which values of a file are results of convolutions: pooling may stand between them and their activation. */
function convolutionsOf(file: Uint8Array): (result: string) => boolean {
  const { nodes } = decodeModel(file).graph;
  const results = new Set(nodes.flatMap(({ opType, outputs }) => (opType === "Conv" ? outputs : [])));
  const sums = nodes.filter(
    ({ opType, inputs }) => opType === "Add" && inputs.some((name) => results.has(name)),
  );
  return (result) => results.has(result) || sums.some(({ outputs }) => outputs.includes(result));
}

/** Every second hidden layer times a factor, and the layer after it divided by that. */
const scaleLayers = (factor: number): Change =>
  rescaled((generators) =>
    generators.map(({ size }, k) => filled(size, () => (k % 2 === 0 ? Math.log(factor) : 0))),
  );

/** Each hidden channel times a factor of its own whose logarithm is normal, and what reads it divided by that. */
const scaleChannels = (sigma: number): Change =>
  rescaled((generators, seed) => {
    const rng = torchGenerator(seed);
    return generators.map(({ size }) => {
      const { data } = torchRandn(rng, [size], { dtype: "float64" });
      return filled(size, (i) => sigma * data[i]);
    });
  });

const filled = (size: number, value: (i: number) => number): NdArray => ({
  shape: [size],
  data: Float64Array.from({ length: size }, (_, i) => value(i)),
});

type ScalesOf = (generators: readonly ScalingGenerator[], seed: number) => readonly NdArray[];

/** A change along the network's own exact scalings, whose elements are logarithms of factors. */
const rescaled = (scalesOf: ScalesOf): Change => ({
  isMove: false,
  async apply(network, { data, seed }): Promise<Network> {
    const generators = networkSymmetries(network, data).found.scalings.filter(({ exact }) => exact);
    if (generators.length === 0) {
      throw new OptionError(
        "start: this network has no layers whose scales can be changed without its function.",
      );
    }
    return { ...network, params: scaledParams(network.params, generators, scalesOf(generators, seed)) };
  },
});

/** The same function with balanced weights. */
const balance = (by: "norm" | "range"): Change => ({
  isMove: true,
  async apply(network, { data }) {
    const { found } = networkSymmetries(network, data);
    return { ...network, params: await balanced(network.params, found, { by }) };
  },
});

interface PruneOptions {
  readonly fraction: number;
  readonly by: "magnitude" | "lamp";
}

/** Sets a fraction of all weights to zero, those of the least scores over all layers, for good. */
const prune = (options: PruneOptions): Change => ({
  isMove: false,
  apply(network) {
    const { params, mask } = pruned(network.params, options);
    return { ...network, params, mask };
  },
});

type MakeRow = ReturnType<typeof ownOption>;

/** Options of a change: the kind of each, its default and its summary. */
type Rows<O> = { readonly [K in keyof O]: readonly [kind: MakeRow, otherwise: O[K], summary: string] };

const row = <O extends object>(
  name: string,
  summary: string,
  rows: Rows<O>,
  make: (options: O) => Change,
): Registry<undefined, Change> => ({
  [name]: {
    summary,
    options: { name, rows: {} },
    own: mapValues(rows as Rows<Record<string, unknown>>, ([kind, otherwise, what]) =>
      kind(what, `${otherwise}`),
    ),
    make: (options) => make({ ...mapValues(rows, ([, otherwise]) => otherwise), ...options } as O),
  },
});

const choice = (values: readonly [string, ...string[]], title: string): MakeRow =>
  ownOption(z.enum(values).meta({ title }), values.join(", "));
const bits = (most: number): MakeRow => ownOption(z.int().min(2).max(most), `an integer in 2..${most}`);
const above0 = ownOption(positive, "a number > 0");
const granularity = choice(["tensor", "channel"], "granularity");
const examples = [countOption, 256, "Of the calibration."] as const;

/** What may happen to a network between two trainings, by name. */
export const changeRegistry: Registry<undefined, Change> = {
  ...row<{ factor: number }>(
    "scaleLayers",
    "every second hidden layer times a factor, and the next one divided by it: the same function, scaled badly",
    { factor: [above0, 30, "Of the weights."] },
    ({ factor }) => scaleLayers(factor),
  ),
  ...row<{ sigma: number }>(
    "scaleChannels",
    "each hidden channel times a random factor, and what reads it divided by that: the same function",
    { sigma: [above0, 2, "Standard deviation of the factors' logarithms."] },
    ({ sigma }) => scaleChannels(sigma),
  ),
  ...row<{ by: "norm" | "range" }>(
    "balance",
    "a move: the same function with balanced weights",
    { by: [choice(["norm", "range"], "balance"), "norm", "What is made even."] },
    ({ by }) => balance(by),
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
    { examples },
    (options) => restore(options.examples),
  ),
  ...row<{ bits: number; examples: number }>(
    "minimizeNoise",
    "a move: to where quantization of whole tensors makes the least noise; clips at fixed numbers may change",
    { bits: [bits(16), 8, "Of a weight."], examples },
    (options) => minimizeNoise(options.bits, options.examples),
  ),
  ...row<{ fraction: number; by: "magnitude" | "lamp" }>(
    "prune",
    "the weights of the least scores over all layers are zero from here on",
    {
      fraction: [ownOption(z.number().min(0).lt(1), "a number >= 0 and < 1"), 0.8, "Of all weights."],
      by: [choice(["magnitude", "lamp"], "score"), "magnitude", "The score of a weight."],
    },
    prune,
  ),
  ...row<{ bits: number; granularity: "tensor" | "channel" }>(
    "quantize",
    "weights as integers of few bits from here on, rounded in every step with straight-through gradients",
    {
      bits: [bits(8), 8, "Of a weight."],
      granularity: [granularity, "tensor", "What has a scale of its own."],
    },
    quantize,
  ),
  ...row<QuantizeFileOptions>(
    "quantizeFile",
    "weights and activations as integers of eight bits, as in a quantized file; for runs of 0 steps",
    {
      granularity: [granularity, "tensor", "What has a scale of weights."],
      biasCorrection: [
        flagOption,
        false,
        "Whether corrected biases are tried, too; they are kept where the error is surely less.",
      ],
      examples,
    },
    quantizeFile,
  ),
};

export const changeSchema = namedSchema("change", changeRegistry);

export const makeChange = (named: Named): Change => makeNamed(changeRegistry, named, undefined);
