// Batch norms: S. Ioffe and C. Szegedy, "Batch normalization", ICML 2015. The norm of filters: K. He et al., "Delving
// deep into rectifiers", ICCV 2015, eq. 10.
import { isNdArray, type NdArray, OptionError, type RuntimeName, type Tensor } from "isoloss";
import {
  describeValue,
  float,
  inCode,
  isFunction,
  isPlainObject,
  type OptionsOf,
  oneOf,
  optionTable,
  positive,
  reduce,
} from "isoloss/internal";
import type { NamedValues } from "../compare/random-inputs.js";
import { outputsOf } from "../compare/run-model.js";
import { canHold } from "../edit/float-data.js";
import { GraphEditor } from "../edit/graph-editor.js";
import { imported, OnnxFile } from "../edit/onnx-file.js";
import { changeLayer } from "./change-layer.js";
import { isReason, type LinearLayer, layerEnds, linearLayer } from "./linear-layer.js";
import { encoded, type Outcome, type Preparation, type PreparedFile, rowOf } from "./preparation.js";
import { layouts } from "./value-layout.js";

export interface RestoreBatchNormOptions extends OptionsOf<typeof restoreBatchNormOptions> {}

const restoreBatchNormOptions = optionTable("restoreBatchNorm", {
  /** The small number under the root of a batch norm; default 1e-5. */
  epsilon: positive.default(1e-5),
  /** Which layers get a batch norm, by the name of their result; default: those that an activation follows. */
  layers: inCode<(result: string) => boolean>(
    "a function of the name of a layer's result",
    isFunction,
  ).otherwise("those that an activation follows, perhaps after an addition"),
  /** Which stored weights may be scaled, by their names in the file: a layer with another one is left; default all. */
  weights: inCode<(name: string) => boolean>(
    "a function of the name of a stored weight",
    isFunction,
  ).otherwise("all"),
  /** Where the model runs on the calibration batch: `javascript`, `onnx`, or `auto` (default). */
  runtime: oneOf<RuntimeName>(["auto", "javascript", "onnx"]).default("auto"),
});

type Calibration = Readonly<Record<string, NdArray>>;

/**
 * Puts batch norms into a model that was exported with them folded, without a change of the function: before
 * fine-tuning, so that training sees normalized channels again.
 *
 * With mu_c and sd_c the mean and standard deviation of the value y = W x + b of a layer on the calibration batch, over
 * batch and places, and n_c such that W_c / n_c has He's norm sqrt(2) (n_c = 1 for a filter of zeros):
 *
 *     y = gamma (W x / n - mean) / sqrt(var + eps) + beta
 *     mean = (mu - b) / n,    var = max((sd / n)^2 - eps, 0),    gamma = n sqrt(var + eps),    beta = mu
 *
 * In training mode the norm has statistics of the batch in the place of mean and var, which are the same on the calibration
 * batch. A channel that is constant there (sd = 0) gets var = 1. `foldBatchNorm` is the way back before export.
 *
 * Layers are Conv, ConvTranspose, Gemm and MatMul with stored weights of their own, of which an activation reads the
 * result, perhaps after an addition; `layers` chooses others.
 *
 * @param bytes the bytes of an `.onnx` file, its data inside, that `fromOnnx` reads
 * @param calibration arrays for the model's inputs by name, some hundred examples; or a list of such batches
 * @returns the new file, and a row for each layer
 * @throws OptionError for a calibration that is no batch; what `fromOnnx` throws for a file that it cannot read or a batch
 *   that does not fit
 *
 * @example
 * const { bytes: folded } = foldBatchNorm(before);
 * const { bytes: restored } = await restoreBatchNorm(folded, { x: images });
 * (await compareModels(folded, restored)).largest < 1e-4; // true
 */
export async function restoreBatchNorm(
  bytes: Uint8Array,
  calibration: Calibration | readonly Calibration[],
  options: RestoreBatchNormOptions = {},
): Promise<Preparation> {
  const settings = restoreBatchNormOptions.read(options);
  const batches = batchesOf(calibration);
  return encoded(await restoreBatchNormIn(OnnxFile.decode("restoreBatchNorm", bytes), batches, settings));
}

/** The same of a file that is decoded. */
export async function restoreBatchNormIn(
  file: OnnxFile,
  batches: readonly Calibration[],
  options: RestoreBatchNormOptions,
): Promise<PreparedFile> {
  const { epsilon, layers: isWanted, weights, runtime } = restoreBatchNormOptions.read(options);
  const editor = new GraphEditor("restoreBatchNorm", file);
  const layoutOf = layouts(editor);
  const candidates = layerEnds(editor).map((end) => {
    const reason = whyNot(editor, end.outputs[0], isWanted);
    const layer = reason === undefined ? linearLayer(editor, layoutOf, end) : { reason };
    return {
      end,
      layer: isReason(layer) || mayScale(layer, weights) ? layer : { reason: "its weights must stay" },
    };
  });
  const layers = candidates.flatMap(({ layer }) => (isReason(layer) ? [] : [layer]));
  const values = layers.map(({ end }) => end.outputs[0]);
  const statistics = await channelStatistics(file, values, batches, runtime);
  const report = candidates.map(({ end, layer }) => {
    const isLeft = isReason(layer);
    return rowOf(end, isLeft ? layer : restore(editor, layer, statistics[layers.indexOf(layer)], epsilon));
  });
  return { file: editor.finish(), report };
}

function batchesOf(calibration: Calibration | readonly Calibration[]): readonly Calibration[] {
  const batches: readonly unknown[] = Array.isArray(calibration) ? calibration : [calibration];
  const wrong = batches.find((batch) => !isPlainObject(batch) || !Object.values(batch).every(isNdArray));
  if (wrong === undefined && batches.length > 0) return batches as readonly Calibration[];
  throw new OptionError(
    `restoreBatchNorm: calibration must hold arrays by the names of the model's inputs, such as { x: images }, or be a ` +
      `list of such batches; got ${batches.length === 0 ? "an empty list" : describeValue(wrong)}.`,
  );
}

function whyNot(
  editor: GraphEditor,
  value: string,
  isWanted: RestoreBatchNormOptions["layers"],
): string | undefined {
  if (isWanted !== undefined) return isWanted(value) ? undefined : "it is not among the chosen layers";
  if (isActivated(editor, value)) return undefined;
  const isNormalized = editor.uses.readers(value).some(({ opType }) => opType === "BatchNormalization");
  return isNormalized ? "it has a batch norm" : "no activation reads its result";
}

/** Whether a layer's weight and bias may change. */
const mayScale = (
  { weight, end, biasIndex }: LinearLayer,
  isAllowed: RestoreBatchNormOptions["weights"],
): boolean => {
  const bias = end.inputs[biasIndex] ?? "";
  return isAllowed === undefined || (isAllowed(weight) && (bias === "" || isAllowed(bias)));
};

const activations = new Set([
  ..."Celu Clip Elu Erf Gelu HardSigmoid HardSwish LeakyRelu Max Min Mish PRelu Relu Selu".split(" "),
  ..."Sigmoid Softplus Softsign Tanh ThresholdedRelu".split(" "),
]);

/** Whether an activation reads a value, or a sum that it is part of. */
function isActivated(editor: GraphEditor, value: string, mayAdd = true): boolean {
  return editor.uses
    .readers(value)
    .some(
      ({ opType, outputs: [result] }) =>
        activations.has(opType) || (mayAdd && opType === "Add" && isActivated(editor, result, false)),
    );
}

function restore(
  editor: GraphEditor,
  layer: LinearLayer,
  { mean, variance }: ChannelStatistics,
  epsilon: number,
): Outcome {
  if (![...mean, ...variance].every(Number.isFinite)) return { reason: "its statistics are not finite" };
  const { bias, end, weight } = layer;
  const [value] = end.outputs;
  const dtype = editor.floatType(weight)?.dtype ?? "float32";
  const n = normsOf(editor, layer);
  // The attribute is stored as float32.
  const eps = Math.fround(epsilon);
  const runningVar = variance.map((v, c) => (v === 0 ? 1 : Math.max(v / n[c] ** 2 - eps, 0)));
  const norm = {
    weight: n.map((norm, c) => norm * Math.sqrt(runningVar[c] + eps)),
    bias: mean,
    mean: mean.map((mu, c) => (mu - bias[c]) / n[c]),
    var: runningVar,
  };
  const lost = Object.values(norm).some((data) => !canHold(dtype, data));
  if (lost) return { reason: `its batch norm would be beyond the range of ${dtype}` };
  const output = editor.freshName(`${value}_linear`);
  const own = changeLayer(editor, layer, { factors: n.map((norm) => 1 / norm), bias: undefined, output });
  if (isReason(own)) return own;
  const names = Object.entries(norm).map(([what, data]) =>
    editor.add(`${value}_norm_${what}`, { dtype, shape: [data.length], data }),
  );
  editor.replace(own, own, {
    opType: "BatchNormalization",
    inputs: [output, ...names],
    outputs: [value],
    attributes: { epsilon: float(eps) },
  });
  const dead = variance.filter((v) => v === 0).length;
  return { note: dead === 0 ? "normalized" : `normalized, with ${dead} constant channels` };
}

/** What each channel's filter is divided by to have He's norm. */
function normsOf(editor: GraphEditor, { weight, channels, channelOf }: LinearLayer): Float64Array {
  const squares = new Float64Array(channels);
  editor.floats(weight)?.data.forEach((w, e) => {
    squares[channelOf(e)] += w * w;
  });
  return squares.map((square) => (square === 0 ? 1 : Math.sqrt(square / 2)));
}

/** Mean and variance of a value's channels over batch and places. */
interface ChannelStatistics {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

/** Statistics of values inside a model with channels on axis 1, over batches whose examples have the same shapes. */
async function channelStatistics(
  file: OnnxFile,
  values: readonly string[],
  batches: readonly NamedValues[],
  runtime: RuntimeName,
): Promise<readonly ChannelStatistics[]> {
  if (values.length === 0) return [];
  const editor = new GraphEditor("restoreBatchNorm", file);
  for (const value of values) editor.addOutput(value);
  const model = imported(editor.finish(), { outputs: values });
  const after = (results: Readonly<Record<string, Tensor>>) =>
    Object.fromEntries(
      values.flatMap((value, k) => {
        const axes = results[value].shape.flatMap((_, d) => (d === 1 ? [] : [d]));
        return [
          [`mean${k}`, reduce.mean(results[value], { axes })],
          [`variance${k}`, reduce.variance(results[value], { axes })],
        ];
      }),
    );
  const runs = await outputsOf(model, batches, { runtime, after });
  const counts = batches.map((batch) => batch[model.inputs[0].name].shape[0] ?? 1);
  const total = counts.reduce((a, b) => a + b, 0);
  return values.map((_, k) =>
    pooled(
      runs.map((run, i) => ({
        mean: run[`mean${k}`].data,
        variance: run[`variance${k}`].data,
        share: counts[i] / total,
      })),
    ),
  );
}

type Numbers = NamedValues[string]["data"];

/** Mean and variance over parts: var = E[var + mean^2] - E[mean]^2, about the first mean for accuracy. */
function pooled(
  parts: readonly { readonly mean: Numbers; readonly variance: Numbers; readonly share: number }[],
): ChannelStatistics {
  const [{ mean: origin }] = parts;
  const mean = new Float64Array(origin.length);
  const variance = new Float64Array(origin.length);
  for (let c = 0; c < origin.length; c++) {
    let [first, second] = [0, 0];
    for (const part of parts) {
      const offset = Number(part.mean[c]) - Number(origin[c]);
      first += offset * part.share;
      second += (offset ** 2 + Number(part.variance[c])) * part.share;
    }
    mean[c] = Number(origin[c]) + first;
    variance[c] = Math.max(second - first ** 2, 0);
  }
  return { mean, variance };
}
