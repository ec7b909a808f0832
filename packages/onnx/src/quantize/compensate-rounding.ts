import type { NdArray } from "isoloss";
import type { OnnxNode, OnnxTensor } from "isoloss/internal";
import type { OnnxModel } from "isoloss/onnx";
import type { NamedValues } from "../model-file/compare/random-inputs.js";
import type { OnnxFile } from "../model-file/edit/onnx-file.js";
import { smallBatches } from "./examples.js";
import type { RunSettings } from "./inner-values.js";
import type { Moments, WeightUnits } from "./layer-rounding.js";
import { OperandMoments, unitsOf } from "./operand-moments.js";
import { LayerWalk, Pieces } from "./piece.js";
import type { QuantizedWeight } from "./quantized-weight.js";
import type { WrittenFile } from "./report.js";
import { openRounder } from "./rounder.js";
import { groupOf } from "./weight-grid.js";
import type { WrittenWeight } from "./write-weights.js";

/**
 * The weights of a written file, rounded anew so that each error is made up for by the weights behind it (GPTQ), layer after
 * layer, by what each multiplies on examples in the file with the earlier layers rounded so. A unit keeps the nearest integers
 * where these have the smaller error on the examples.
 *
 * Left with the nearest integers are transposed convolutions, and weights that several layers share.
 *
 * @returns the integers and scales by the names of the weights
 */
export async function compensatedWeights(
  file: OnnxFile,
  written: WrittenFile,
  calibration: readonly NamedValues[],
  settings: RunSettings,
): Promise<ReadonlyMap<string, QuantizedWeight>> {
  // Floats for which the stored weights stand; those of a layer change when it is rounded.
  const floats = new Map(written.weights.map((weight) => [weight, floatsOf(weight, weight.stored)]));
  const model = withFloats(written, floats);
  const pieces = new Pieces(model);
  const layers = layersOf(model, written.weights);
  const batches = smallBatches(file, calibration);
  // A quarter of the batches choose; of few, the last one.
  const isOther = batches.map((_, i) =>
    batches.length < 4 ? i > 0 && i === batches.length - 1 : i % 4 === 3,
  );
  const operands = layers.map(({ node }) => node.inputs[0]);
  const results = layers.map(({ node }) => node.outputs[0]);
  const walk = new LayerWalk(pieces, operands, results, batches, settings);
  const rounded = new Map<string, QuantizedWeight>();
  const rounder = await openRounder();
  try {
    for (const [k, layer] of layers.entries()) {
      const { weight } = layer;
      const moments = await momentsOf(await walk.at(k), isOther, layer, settings);
      const stored = moments === undefined ? weight.stored : await rounder.round({ ...layer, moments });
      rounded.set(weight.key, stored);
      floats.get(weight)?.set(floatsOf(weight, stored));
    }
  } finally {
    await rounder.end();
  }
  return rounded;
}

/** A layer whose weight alone it reads. */
interface Layer {
  readonly weight: WrittenWeight;
  readonly node: OnnxNode;
  readonly units: WeightUnits;
}

/** In the order of the graph. */
function layersOf({ graph }: OnnxModel, weights: readonly WrittenWeight[]): readonly Layer[] {
  return graph.nodes.flatMap((node) => {
    const weight = weights.find(({ dequantized }) => dequantized === node.inputs[1]);
    const isAlone = graph.nodes.filter(({ inputs }) => inputs.includes(node.inputs[1])).length === 1;
    // What multiplies a stored operand needs no examples: it keeps the nearest integers.
    const isStored = graph.initializers.some(({ name }) => name === node.inputs[0]);
    if (weight === undefined || !isAlone || isStored) return [];
    const { grid, layer } = weight;
    const units = unitsOf(node, layer.shape, layer.outAxis, grid.per === "block" ? grid.blockSize : 1);
    return units === undefined ? [] : [{ weight, node, units }];
  });
}

/** A written model with floats in the place of the weights. */
function withFloats(
  { file, weights }: WrittenFile,
  floats: ReadonlyMap<WrittenWeight, Float32Array>,
): OnnxModel {
  const { graph, ...model } = file.model;
  const names = new Set(weights.map(({ dequantized }) => dequantized));
  const nodes = graph.nodes.filter(({ outputs }) => !names.has(outputs[0]));
  const tensors = [...floats].map(
    ([
      {
        dequantized: name,
        floats: { shape },
      },
      data,
    ]): OnnxTensor => {
      return { name, dtype: "float32", shape, data };
    },
  );
  return { ...model, graph: { ...graph, nodes, initializers: [...graph.initializers, ...tensors] } };
}

function floatsOf(
  { grid, type: { zero } }: WrittenWeight,
  { integers, scales }: QuantizedWeight,
): Float32Array<ArrayBuffer> {
  const data = new Float32Array(integers.length);
  for (let e = 0; e < data.length; e++) data[e] = (integers[e] - zero) * scales[groupOf(grid, e)];
  return data;
}

/** Undefined where all operands are 0. */
async function momentsOf(
  operands: readonly NdArray[],
  isOther: readonly boolean[],
  { weight, node, units }: Layer,
  { runtime }: RunSettings,
): Promise<Moments | undefined> {
  const moments = new OperandMoments(node, weight.layer.shape, units, operands.length, runtime);
  const mean = async (is: boolean) => {
    for (const [i, x] of operands.entries()) if (isOther[i] === is) await moments.add(x);
    return moments.take();
  };
  try {
    const { means: some, count } = await mean(false);
    if (!isOther.includes(true)) return some.some(isNonZero) ? { all: some, some, others: some } : undefined;
    const rest = await mean(true);
    const total = count + rest.count;
    const all = some.map((value, i) => (count * value + rest.count * rest.means[i]) / total);
    return all.some(isNonZero) ? { all, some, others: rest.means } : undefined;
  } finally {
    await moments.dispose();
  }
}

const isNonZero = (value: number): boolean => value !== 0;
