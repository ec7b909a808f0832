// The point of an orbit of scalings where quantization makes least noise.
import type { NdArray } from "../../array.js";
import type { Batch, BatchSpec } from "../../batch.js";
import { describeValue } from "../../describe.js";
import { OptionError } from "../../errors.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { namedArrays } from "../../named-arrays.js";
import { compile, pickCompileOptions } from "../../runtime/compile.js";
import { scaling } from "../../symmetry/scaling.js";
import { namedGraph } from "../../symmetry/symmetries-of.js";
import { isRefusal } from "../../symmetry/symmetry.js";
import type { Tree } from "../../tree.js";
import { calibrationShare } from "./calibration-share.js";
import { compareCandidates, type QuantizationCandidate } from "./compare-candidates.js";
import type { Rounding } from "./noise-model.js";
import { measuredOf, noiseModel } from "./noise-model-of.js";
import {
  isBatches,
  type MinimizeQuantizationNoiseOptions,
  minimizeQuantizationNoiseOptions,
  type WeightRounding,
} from "./options.js";
import { type CandidateName, type Proposal, proposals } from "./proposals.js";
import { type QuantizedGraph, quantizedGraph } from "./quantized-graph.js";
import { simulator } from "./simulation.js";
import { calibrator } from "./statistics.js";

/** The point that is kept, and the comparison that decided. */
export interface QuantizationNoise<P> {
  /** Parameters of the kept candidate. */
  readonly params: P;
  readonly kept: CandidateName;
  /** Why it is kept, in a sentence. */
  readonly why: string;
  readonly candidates: readonly QuantizationCandidate<P>[];
  /** Weights of the convolutions and products that are quantized, in the graph's order. */
  readonly layers: readonly string[];
  /** Weights of which the noise is not modelled, as factors vary along their window or places. */
  readonly left: readonly string[];
  /** Number of bounds at fixed numbers whose damage is weighed. */
  readonly clips: number;
  /** By how much of themselves activation ranges are widened. */
  readonly headRoom: number;
}

/** Largest relative change of float outputs that rounding explains. */
const rounding = 1e-4;

type Values = Readonly<Record<string, NdArray>>;

/**
 * Moves a network along its scalings to where quantization makes least noise. Weights and layers' inputs that are rounded
 * to steps of their range R / levels carry uniform noise of variance (R / levels)^2 / 12, so the relative noise of all
 * layers y = W x is
 *
 * J(T) = sum over layers (N_w + N_a) / E[y^2]
 * N_w = (R_w / levels)^2 / 12 mean_i [e^-2 o_i K sum_j E[x_j^2] e^2 a_j],  R_w = max |W_ij| e^(o_i - a_j)
 * N_a = (R_a / levels)^2 / 12 mean_i sum_jk W_ijk^2 e^-2 a_j,  R_a = max_j high_j e^a_j + max_j low_j e^a_j
 *
 * where a_j and o_i, linear in T, are the logarithms of the factors of channels of x and y, and K is the size of the
 * window. With smooth maxima it is convex; L-BFGS finds its minimum. Clips at fixed numbers such as ReLU6 add the
 * squared error of an early or late bound, from histograms of what they take in.
 *
 * Calibration overfits, so what is kept is what measures best on held-out data: the parameters as they are, with ranges of weights
 * equalized, with least noise of the weights alone, or with least noise of both. The function stays the same to
 * rounding, but for the damage of clips.
 *
 * @param outputs what must be kept: a function of parameters and batch that returns a tensor or a tree of tensors. Traced
 * @param params of the network, batch norms folded: their running statistics are no weights
 * @param calibration batches of equal shapes, without labels
 * @param options bits, held-out batches, what becomes of clips, head room
 * @returns the parameters to quantize, and all candidates with predicted and measured ratios of signal to noise
 * @throws OptionError for unknown options, without a held-out batch, or where no product with a weight is found; ShapeError,
 *   DTypeError when parameters and batches do not fit
 *
 * @example
 * const batches = [0, 1, 2, 3].map((seed) => ({ x: torchRand(torchGenerator(seed), [4, 784]) }));
 * const apply = (p, { x }) => model.apply(p, x).output;
 * const { params: moved, kept, candidates } = await minimizeQuantizationNoise(apply, params, batches);
 * const gain = candidates.find(({ name }) => name === kept).measured - candidates[0].measured; // dB, 0 or more
 */
export async function minimizeQuantizationNoise<P, B extends Batch>(
  outputs: (params: TensorsOf<P>, batch: TensorsOf<B>) => Tree<Tensor>,
  params: P,
  calibration: readonly B[],
  options: MinimizeQuantizationNoiseOptions = {},
): Promise<QuantizationNoise<P>> {
  const settings = minimizeQuantizationNoiseOptions.read(options);
  const data = splitOf(calibration, settings.heldOut);
  const f = outputs as (p: TensorsOf<P>, b: TensorsOf<BatchSpec>) => Tree<Tensor>;
  const values = namedArrays(params);
  const traced = namedGraph(f, params, calibration[0]);
  const quantized = quantizedGraph(traced, Object.keys(values), settings.clips === "expected");
  requireLayers(quantized);
  const levels = roundingOf(settings);
  const { headRoom = 1 / Math.sqrt(examplesOf(data.calibration)) } = settings;
  const compiling = pickCompileOptions(settings);
  const statistics = await calibrator(quantized.graph, measuredOf(quantized), compiling);
  const simulated = await simulator(quantized, levels, compiling);
  const float = await compile(quantized.graph, compiling);
  try {
    const measured = await statistics.measure(values, data.calibration);
    const model = noiseModel(quantized, values, measured, levels, headRoom);
    const proposed = proposals(quantized, values, model, settings.steps);
    const moved = [];
    for (const proposal of proposed) {
      const own = await movedBy(proposal, params, quantized);
      moved.push({ proposal, params: own, values: namedArrays(own) });
    }
    const candidates = await compareCandidates(moved, {
      ...{ model, simulator: simulated, float, heldOut: data.heldOut },
    });
    return { ...chosen(candidates, quantized), ...summaryOf(quantized), headRoom };
  } finally {
    await Promise.all([statistics, simulated, float].map((run) => run.dispose()));
  }
}

interface Data {
  readonly calibration: readonly Values[];
  readonly heldOut: readonly Values[];
}

/** The batches under the names of the graph's inputs: those to calibrate with, and those to compare on. */
function splitOf(calibration: readonly Batch[], heldOut: readonly Batch[] | undefined): Data {
  if (!isBatches(calibration)) {
    throw new OptionError(
      `minimizeQuantizationNoise takes a list of calibration batches, such as [{ x: images }]; got ${describeValue(calibration)}.`,
    );
  }
  if (heldOut === undefined && calibration.length < 2) {
    throw new OptionError(
      "minimizeQuantizationNoise compares on held-out data: give two calibration batches or more, of which the last quarter is held out, or heldOut: [batch].",
    );
  }
  const named = (batches: readonly Batch[]) => batches.map((batch) => namedArrays({ batch }));
  if (heldOut !== undefined) return { calibration: named(calibration), heldOut: named(heldOut) };
  const end = calibrationShare(calibration.length);
  return { calibration: named(calibration.slice(0, end)), heldOut: named(calibration.slice(end)) };
}

function requireLayers({ layers, left }: QuantizedGraph): void {
  if (layers.length > 0) return;
  throw new OptionError(
    "minimizeQuantizationNoise: the function has no convolution or product with a parameter as its weight" +
      `${left.length > 0 ? ` but ${left.join(", ")}, whose channels are scaled in ways that are not modelled` : ""}.`,
  );
}

function roundingOf({
  weights,
  activations,
}: {
  readonly weights: number | WeightRounding;
  readonly activations: number | "none";
}): Rounding {
  const { bits, granularity } =
    typeof weights === "number" ? { bits: weights, granularity: "tensor" as const } : weights;
  return {
    weightLevels: 2 ** (bits - 1) - 1,
    granularity,
    activationLevels: activations === "none" ? undefined : 2 ** activations - 1,
  };
}

/** Number of examples of some batches, by the first axis of their first arrays. */
const examplesOf = (batches: readonly Values[]): number =>
  batches.reduce((sum, batch) => sum + (Object.values(batch)[0]?.shape[0] ?? 1), 0);

async function movedBy<P>({ name, T }: Proposal, params: P, quantized: QuantizedGraph): Promise<P> {
  if (name === "as it is") return params;
  const { generators, offsets } = quantized;
  const blocks = generators.map(({ size }, k) => ({
    shape: [size],
    data: T.slice(offsets[k], offsets[k] + size),
  }));
  const moved = await scaling<P>(generators).act(params, blocks, {});
  if (isRefusal(moved)) throw new OptionError(`minimizeQuantizationNoise: ${moved.refused}.`);
  return moved;
}

/** The candidate that measures best among those whose floats are kept, or weighed against clips. */
function chosen<P>(candidates: readonly QuantizationCandidate<P>[], { clips }: QuantizedGraph) {
  const [still] = candidates;
  const eligible = candidates.filter(({ drift }) => clips.length > 0 || drift <= rounding);
  const best = eligible.reduce((a, b) => (b.measured > a.measured ? b : a), still);
  const shown = (value: number) => `${value.toFixed(1)} dB`;
  const why =
    candidates.length === 1
      ? "The function has no scalings: the parameters stay as they are."
      : best === still
        ? `No move measures better on held-out data than the parameters as they are, ${shown(still.measured)}.`
        : `On held-out data "${best.name}" has ${shown(best.measured)}, the parameters as they are ${shown(still.measured)}.`;
  return { params: best.params, kept: best.name, why, candidates };
}

const summaryOf = ({ layers, left, clips }: QuantizedGraph) => ({
  layers: [...new Set(layers.map(({ weight }) => weight.path))],
  left,
  clips: clips.length,
});
