// A network's layers, statistics and model of noise, as minimizeQuantizationNoise prepares them.
import { type NdArray, namedArrays } from "isoloss";
import { createRng } from "isoloss/data";
import { isRefusal, scaling } from "isoloss/symmetry";
import {
  logNoise,
  type NoiseModel,
  type Rounding,
} from "../../../core/src/moves/quantization-noise/noise-model.js";
import { calibrationRequest, noiseModel } from "../../../core/src/moves/quantization-noise/noise-model-of.js";
import { descend } from "../../../core/src/moves/quantization-noise/proposals.js";
import { quantizedGraph } from "../../../core/src/moves/quantization-noise/quantized-graph.js";
import { compileCalibrator } from "../../../core/src/moves/quantization-noise/statistics.js";
import { namedGraph } from "../../../core/src/symmetry/symmetries-of.js";
import type { Network, Params } from "./networks.js";

export const bytesPerTensor: Rounding = { weightLevels: 127, granularity: "tensor", activationLevels: 255 };

export async function prepared(network: Network, rounding = bytesPerTensor, headRoom = 0) {
  const batches = network.batches(3);
  const traced = namedGraph(
    (p, b) => network.apply(p as never, b as never),
    network.params,
    batches[0] as { x: NdArray },
  );
  const quantized = quantizedGraph(traced, Object.keys(network.params), true);
  const { graph } = quantized;
  const named = batches.map((batch) => namedArrays({ batch }));
  const run = await compileCalibrator(graph, calibrationRequest(quantized), { runtime: "javascript" });
  const statistics = await run.measure(network.params, named);
  await run.dispose();
  const model = noiseModel(quantized, network.params, statistics, rounding, headRoom);
  return { graph, quantized, statistics, model, batches: named };
}

/** Normal numbers. */
export function randomPoint(size: number, seed: number, scale = 1): Float64Array {
  const rng = createRng(seed);
  return Float64Array.from({ length: size }, () => scale * rng.normal());
}

export const minimum = (
  model: NoiseModel,
  start: Float64Array = new Float64Array(model.size),
  steps = 2000,
) => descend((T) => logNoise(model, T), start, { limit: Math.log(1e4), steps, tolerance: 1e-12 });

/** Parameters moved by T. */
export async function moved(
  params: Params,
  { generators, offsets }: Awaited<ReturnType<typeof prepared>>["quantized"],
  T: Float64Array,
): Promise<Params> {
  const blocks = generators.map(({ size }, k) => {
    const offset = offsets[k] as number;
    return { shape: [size], data: T.slice(offset, offset + size) };
  });
  const result = await scaling<Params>(generators).act(params, blocks, {});
  if (isRefusal(result)) throw new Error(result.refused);
  return result;
}
