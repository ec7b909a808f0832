// Means and variances of values inside a model, from those that batch norms store or that were measured.
import { dtypeOf, type NdArray } from "isoloss";
import { erf, float64Of, isFloat, type OnnxNode } from "isoloss/internal";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import { GraphEditor } from "../model-file/edit/graph-editor.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { float, int, isStandard } from "../model-file/prepare/attributes.js";
import { boundsOf, isBound } from "../model-file/prepare/bounds.js";
import { isReason } from "../model-file/prepare/linear-layer.js";
import { ChannelMeans, layersOf, meansFor, resultOf } from "./correct-bias.js";
import { smallBatches } from "./examples.js";
import { type RunSettings, visitValues } from "./inner-values.js";

/** Mean and variance of each channel of a value. */
interface ValueMoments {
  readonly mean: Float64Array;
  readonly variance: Float64Array;
}

export type MomentsByValue = ReadonlyMap<string, ValueMoments>;

/** What the batch norms of a model give their results: mean beta and variance gamma^2 var / (var + eps), by the names of these. */
export function batchNormMoments(file: OnnxFile): MomentsByValue {
  const editor = new GraphEditor("quantizeModel", file);
  return new Map(
    editor.nodes.flatMap((node): [string, ValueMoments][] => {
      const isFixed = int(node, "training_mode", 0) === 0 && int(node, "spatial", 1) === 1;
      if (node.opType !== "BatchNormalization" || !isStandard(node) || !isFixed) return [];
      const [gamma, beta, , variance] = node.inputs.slice(1).map((name) => editor.floats(name)?.data);
      if (!gamma || !beta || !variance) return [];
      const epsilon = float(node, "epsilon", 1e-5);
      const own = gamma.map((g, c) => (g ** 2 * variance[c]) / (variance[c] + epsilon));
      return [[node.outputs[0], { mean: beta, variance: own }]];
    }),
  );
}

/** Measures the moments of a model's inputs and layers in float; those of layers that are known are not measured. */
export async function measuredMoments(
  file: OnnxFile,
  known: MomentsByValue,
  batches: readonly NamedValues[],
  settings: RunSettings,
): Promise<MomentsByValue> {
  const editor = new GraphEditor("quantizeModel", file);
  const sums = new Map<string, { readonly first: ChannelMeans; readonly second: ChannelMeans }>();
  const layers = layersOf(editor);
  for (const layer of layers) {
    if (!known.has(resultOf(layer))) {
      sums.set(resultOf(layer), { first: meansFor(layer), second: meansFor(layer) });
    }
  }
  for (const name of editor.freeInputs) {
    const value = batches[0][name];
    if (value.shape.length < 2 || !isFloat(dtypeOf(value))) continue;
    // A product reads channels along the last axis.
    const axis = layers.some(({ node }) => node.opType === "MatMul" && node.inputs[0] === name) ? -1 : 1;
    const channels = value.shape.at(axis) as number;
    sums.set(name, { first: new ChannelMeans(channels, axis), second: new ChannelMeans(channels, axis) });
  }
  const add = (results: NamedValues) => {
    for (const [name, { first, second }] of sums) {
      first.add(results[name]);
      second.add(squared(results[name]));
    }
  };
  await visitValues(file, [...sums.keys()], smallBatches(file, batches), add, settings);
  const measured = [...sums].map(([name, { first, second }]): [string, ValueMoments] => {
    const mean = first.means();
    return [name, { mean, variance: second.means().map((square, c) => Math.max(0, square - mean[c] ** 2)) }];
  });
  return new Map([...known, ...measured]);
}

const squared = ({ shape, data }: NdArray): NdArray => ({
  shape,
  data: float64Of(data).map((x) => x ** 2),
});

/** Operators that keep the means of channels. */
const keeping = new Set(["AveragePool", "Dropout", "Flatten", "GlobalAveragePool", "Identity", "Squeeze"]);

/**
 * The moments of all values that those of some decide: normal numbers are clipped by Relu and bounds, and sums are of independent
 * numbers. Averages over places keep the variance, which is then an upper bound.
 */
export function propagatedMoments(editor: GraphEditor, given: MomentsByValue): MomentsByValue {
  const known = new Map(given);
  for (const node of editor.nodes) {
    const [result] = node.outputs;
    const moments = known.has(result) || !isStandard(node) ? undefined : through(editor, node, known);
    if (moments) known.set(result, moments);
  }
  return known;
}

function through(editor: GraphEditor, node: OnnxNode, known: MomentsByValue): ValueMoments | undefined {
  const { opType, inputs } = node;
  if (keeping.has(opType)) return known.get(inputs[0]);
  if (opType === "Relu") return clipped(known.get(inputs[0]), 0, undefined);
  if (isBound(editor, node)) {
    const bounds = boundsOf(editor, node);
    return isReason(bounds) ? undefined : clipped(known.get(bounds.x), bounds.low, bounds.high);
  }
  const [a, b] = inputs.map((name) => known.get(name));
  if (opType !== "Add" || !a || !b || a.mean.length !== b.mean.length) return undefined;
  const sum = (x: Float64Array, y: Float64Array) => x.map((v, c) => v + y[c]);
  return { mean: sum(a.mean, b.mean), variance: sum(a.variance, b.variance) };
}

function clipped(
  moments: ValueMoments | undefined,
  low: number | undefined,
  high: number | undefined,
): ValueMoments | undefined {
  if (moments === undefined) return undefined;
  const { mean, variance } = moments;
  const all = Array.from(mean, (m, c) => clippedNormal({ mean: m, variance: variance[c] }, low, high));
  return {
    mean: Float64Array.from(all, (own) => own.mean),
    variance: Float64Array.from(all, (own) => own.variance),
  };
}

// Moments of a clipped normal number: M. Nagel et al., "Data-free quantization through weight equalization and bias correction",
// ICCV 2019, appendix C.

/** Mean and variance of a number. */
interface Moments {
  readonly mean: number;
  readonly variance: number;
}

/** The density of the standard normal distribution. */
const density = (x: number): number => Math.exp(-(x ** 2) / 2) / Math.sqrt(2 * Math.PI);

/** The share of the standard normal distribution below x. */
const below = (x: number): number => (1 + erf(x / Math.SQRT2)) / 2;

/**
 * Mean and variance of min(max(z, low), high) for a normal z with mean m and deviation s: with a = (low - m) / s,
 * b = (high - m) / s, the share p = Phi(b) - Phi(a) between the bounds, and d = phi(a) - phi(b),
 *
 * mean = low Phi(a) + high (1 - Phi(b)) + m p + s d
 */
export function clippedNormal({ mean, variance }: Moments, low = -Infinity, high = Infinity): Moments {
  if (!(variance > 0)) return { mean: Math.min(Math.max(mean, low), high), variance: 0 };
  const s = Math.sqrt(variance);
  const [a, b] = [(low - mean) / s, (high - mean) / s];
  const [under, over] = [below(a), below(-b)];
  const inside = Math.max(0, 1 - under - over);
  const [da, db] = [density(a), density(b)];
  const edge = (bound: number, value: number) => (Number.isFinite(bound) ? value : 0);
  // Moments of (x - m) / s between the bounds: its square has a phi(a) - b phi(b) besides the share.
  const first = edge(low, a * under) + edge(high, b * over) + (da - db);
  const second =
    edge(low, a ** 2 * under) + edge(high, b ** 2 * over) + inside + edge(low, a * da) - edge(high, b * db);
  return { mean: mean + s * first, variance: Math.max(0, variance * (second - first ** 2)) };
}
