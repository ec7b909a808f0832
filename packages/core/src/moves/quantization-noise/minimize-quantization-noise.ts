// The point of an orbit of scalings where quantization makes least noise.

import { isNdArray } from "../../array.js";
import type { Batch, BatchSpec } from "../../batch.js";
import { describeValue, isPlainObject, NumericalError, OptionError } from "../../errors.js";
import type { Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type TensorsOf } from "../../graph/trace.js";
import { compile, pickCompileOptions } from "../../runtime/compile.js";
import { namedGraph } from "../../symmetry/symmetries-of.js";
import { namedArrays, type Tree } from "../../tree.js";
import { scaledParams } from "../balance/scales.js";
import {
  calibrationShare,
  compareCandidates,
  compareWeights,
  lossOutput,
  type Moved,
  type QuantizationCandidate,
} from "./compare-candidates.js";
import { predictedNoise, type Rounding } from "./noise-model.js";
import { calibrationRequest, noiseModel } from "./noise-model-of.js";
import {
  isBatches,
  type MinimizeQuantizationNoiseOptions,
  minimizeQuantizationNoiseOptions,
} from "./options.js";
import { blocksOf, type CandidateName, type Proposal, proposals } from "./proposals.js";
import { type QuantizedGraph, quantizedGraph } from "./quantized-graph.js";
import { simulator } from "./simulation.js";
import { compileCalibrator, type Values } from "./statistics.js";

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
  /** The head room of the ranges; undefined without data. */
  readonly headRoom: number | undefined;
}

/** Largest relative change of float outputs that rounding explains. */
const rounding = 1e-4;

/**
 * Moves a network along its scalings to where quantization makes least noise. Weights and values that are rounded to steps
 * of their range R / levels carry uniform noise of variance (R / levels)^2 / 12, so the relative noise of all layers
 * y = W x, and of the results of convolutions that no layer reads, is
 *
 * J(T) = sum over layers (N_w + N_a) / E[y^2] + sum over results N_y / E[y^2]
 * N_w = (R_w / levels)^2 / 12 mean_i [e^-2 o_i K sum_j E[x_j^2] e^2 a_j],  R_w = max |W_ij| e^(o_i - a_j)
 * N_a = (R_a / levels)^2 / 12 mean_i sum_jk W_ijk^2 e^-2 a_j,  R_a = max_j high_j e^a_j + max_j low_j e^a_j
 * N_y = (R_y / levels)^2 / 12 mean_i e^-2 o_i
 *
 * where a_j and o_i, linear in T, are the logarithms of the factors of channels of x and y, and K is the size of the
 * window. With smooth maxima it is convex; L-BFGS finds its minimum. Clips at fixed numbers such as ReLU6 add the
 * squared error of an early or late bound, from histograms of what they take in. With a loss L, the squares of dL/dy_i weigh the noise
 * of each channel in the place of 1 / E[y^2].
 *
 * Calibration overfits, so what is kept is what measures best on held-out data: the parameters as they are, with ranges of weights
 * equalized, with least noise of the weights alone, or with least noise of both. Values are rounded there to the ranges that calibration
 * has seen. The function stays the same to rounding, but for the damage of clips.
 *
 * Without data, the ranges of the weights alone are made small, sum over layers log R_w, and what rounds the weights best is kept.
 * Clips then stay exact.
 *
 * @param outputs what must be kept: a function of parameters and batch that returns a tensor or a tree of tensors. Traced
 * @param params of the network, batch norms folded: their running statistics are no weights
 * @param calibration batches of equal shapes, with labels only for a loss; without data the shapes of one
 * @param options bits, held-out batches, what becomes of clips, head room, a loss, powers of two
 * @returns the parameters to quantize, and all candidates with predicted and measured ratios of signal to noise
 * @throws OptionError for unknown options, without a held-out batch, where no product with a weight is found, or for what needs data
 *   without them; ShapeError, DTypeError when parameters and batches do not fit; NumericalError where weights, or values on the
 *   data, are not finite
 *
 * @example
 * const batches = [0, 1, 2, 3].map((seed) => ({ x: torchRand(torchGenerator(seed), [4, 784]) }));
 * const apply = (p, { x }) => model.apply(p, x).output;
 * const { params: moved, kept, candidates } = await minimizeQuantizationNoise(apply, params, batches);
 * const gain = candidates.find(({ name }) => name === kept).measured - candidates[0].measured; // dB, 0 or more
 */
export async function minimizeQuantizationNoise<P, B extends BatchSpec>(
  outputs: (params: TensorsOf<P>, batch: TensorsOf<B>) => Tree<Tensor>,
  params: P,
  calibration: readonly B[] | B,
  options: MinimizeQuantizationNoiseOptions = {},
): Promise<QuantizationNoise<P>> {
  const settings = minimizeQuantizationNoiseOptions.read(options);
  const { example, data } = dataOf(calibration as readonly Batch[] | BatchSpec, settings.heldOut);
  const levels = roundingOf(settings);
  if (data === undefined) requireNoData(settings, levels);
  const f = outputs as (p: TensorsOf<P>, b: TensorsOf<BatchSpec>) => Tree<Tensor>;
  const loss = settings.loss as ((y: Tree<Tensor>, b: TensorsOf<BatchSpec>) => Tensor) | undefined;
  const withLoss = (p: TensorsOf<P>, b: TensorsOf<BatchSpec>) => {
    const y = f(p, b);
    return loss ? { outputs: y, [lossOutput]: loss(y, b) } : { outputs: y };
  };
  const values = namedArrays(params);
  const isRelaxed = data !== undefined && settings.clips === "expected";
  const quantized = quantizedGraph(namedGraph(withLoss, params, example), Object.keys(values), isRelaxed);
  requireLayers(quantized);
  const movedBy = (proposed: readonly Proposal[]) =>
    proposed.map((proposal): Moved<P> => {
      const own = actedOn(params, proposal, quantized);
      return { proposal, params: own, values: namedArrays(own) };
    });
  if (data === undefined) {
    const moved = movedBy(proposals(quantized, values, undefined, settings));
    return resultOf(compareWeights(moved, quantized, levels.weightLevels), quantized, undefined);
  }
  const { headRoom = 1 / Math.sqrt(examplesOf(data.calibration)) } = settings;
  const compiling = pickCompileOptions(settings);
  const { graph } = quantized;
  const tensor = graph.outputs.find(({ name }) => name === lossOutput)?.tensor;
  const statistics = await compileCalibrator(graph, calibrationRequest(quantized), compiling, tensor);
  const simulated = await simulator(quantized, levels, compiling);
  const float = await compile(graph, compiling);
  try {
    const measured = await statistics.measure(values, data.calibration);
    const modelBy = (by: "signal" | "loss") => noiseModel(quantized, values, measured, levels, headRoom, by);
    const model = modelBy("signal");
    const moved = movedBy(proposals(quantized, values, tensor ? modelBy("loss") : model, settings));
    const candidates = await compareCandidates(moved, {
      model,
      simulator: simulated,
      float,
      heldOut: data.heldOut,
    });
    return resultOf(candidates, quantized, headRoom);
  } finally {
    await Promise.all([statistics, simulated, float].map((run) => run.dispose()));
  }
}

type BitsOptions = Required<Pick<MinimizeQuantizationNoiseOptions, "weights" | "activations">>;

/** Points of an orbit for a rounding, the parameters as they are first. */
export type OrbitPoints<P> = (
  rounding: BitsOptions,
) => readonly Pick<QuantizationCandidate<P>, "name" | "params">[];

/**
 * The candidates of {@link minimizeQuantizationNoise} for one rounding after another, which are not compared: what calibration shows is
 * measured once for all.
 */
export async function orbitPoints<P, B extends BatchSpec>(
  outputs: (params: TensorsOf<P>, batch: TensorsOf<B>) => Tree<Tensor>,
  params: P,
  calibration: readonly B[],
): Promise<OrbitPoints<P>> {
  const settings = minimizeQuantizationNoiseOptions.read<MinimizeQuantizationNoiseOptions>({});
  const f = outputs as (p: TensorsOf<P>, b: TensorsOf<BatchSpec>) => Tree<Tensor>;
  const traced = (p: TensorsOf<P>, b: TensorsOf<BatchSpec>) => ({ outputs: f(p, b) });
  const values = namedArrays(params);
  const quantized = quantizedGraph(namedGraph(traced, params, calibration[0]), Object.keys(values), true);
  requireLayers(quantized);
  const batches = calibration.map((batch) => namedArrays({ batch }));
  const headRoom = 1 / Math.sqrt(examplesOf(batches));
  const statistics = await compileCalibrator(quantized.graph, calibrationRequest(quantized), {});
  try {
    const measured = await statistics.measure(values, batches);
    return (rounding) => {
      const model = noiseModel(quantized, values, measured, roundingOf(rounding), headRoom);
      requireFinite(predictedNoise(model, new Float64Array(quantized.size)));
      return proposals(quantized, values, model, settings).map((proposal) => ({
        name: proposal.name,
        params: actedOn(params, proposal, quantized),
      }));
    };
  } finally {
    await statistics.dispose();
  }
}

/** Without data, there are no values to round, and nothing tells what scaling the inputs of a row costs. */
function requireNoData(
  { loss, heldOut }: Pick<MinimizeQuantizationNoiseOptions, "loss" | "heldOut">,
  { granularity, activationLevels }: Rounding,
): void {
  const wrong =
    loss !== undefined || heldOut !== undefined
      ? "loss and heldOut need calibration batches"
      : granularity === "channel"
        ? "weights with a step for each channel need calibration batches"
        : activationLevels !== undefined
          ? 'rounded activations need calibration batches; write activations: "none"'
          : undefined;
  if (wrong !== undefined) throw new OptionError(`minimizeQuantizationNoise: ${wrong}.`);
}

function requireLayers({ layers, left }: QuantizedGraph): void {
  if (layers.length > 0) return;
  throw new OptionError(
    "minimizeQuantizationNoise: the function has no convolution or product with a parameter as its weight" +
      `${left.length > 0 ? ` but ${left.join(", ")}, whose channels are scaled in ways that are not modelled` : ""}.`,
  );
}

function roundingOf({ weights, activations }: BitsOptions): Rounding {
  const { bits, granularity } =
    typeof weights === "number" ? { bits: weights, granularity: "tensor" as const } : weights;
  return {
    weightLevels: 2 ** (bits - 1) - 1,
    granularity,
    activationLevels: activations === "none" ? undefined : 2 ** activations - 1,
  };
}

const actedOn = <P>(params: P, { name, T }: Proposal, quantized: QuantizedGraph): P =>
  name === "as it is" ? params : scaledParams(params, quantized.generators, blocksOf(quantized, T));

/** Keeps the candidate that measures best among those whose floats are kept, or weighed against clips. */
function resultOf<P>(
  candidates: readonly QuantizationCandidate<P>[],
  { layers, left, clips }: QuantizedGraph,
  headRoom: number | undefined,
): QuantizationNoise<P> {
  const [still] = candidates;
  if (candidates.length > 1) requireFinite(still.predicted, still.loss ?? still.measured);
  const isBetter = (a: QuantizationCandidate<P>, b: QuantizationCandidate<P>) =>
    a.loss !== undefined && b.loss !== undefined ? a.loss < b.loss : a.measured > b.measured;
  const eligible = candidates.filter(({ drift = 0 }) => clips.length > 0 || drift <= rounding);
  const best = eligible.reduce((a, b) => (isBetter(b, a) ? b : a), still);
  const shown = ({ loss, measured }: QuantizationCandidate<P>) =>
    loss === undefined ? `${measured.toFixed(1)} dB` : `a loss of ${loss.toPrecision(4)}`;
  const where = still.drift === undefined ? "in its rounded weights" : "on held-out data";
  const why =
    candidates.length === 1
      ? "The function has no scalings: the parameters stay as they are."
      : best === still
        ? `No move measures better ${where} than the parameters as they are, ${shown(still)}.`
        : `"${best.name}" has ${shown(best)} ${where}, the parameters as they are ${shown(still)}.`;
  return {
    params: best.params,
    kept: best.name,
    why,
    candidates,
    layers: [...new Set(layers.map(({ weight }) => weight.path))],
    left,
    clips: clips.length,
    headRoom,
  };
}

function requireFinite(...numbers: readonly number[]): void {
  if (!numbers.some(Number.isNaN)) return;
  throw new NumericalError(
    "minimizeQuantizationNoise: what the function computes on the calibration data and the held-out data is not all finite.",
  );
}

// Batches to calibrate with, and those that are held out to compare on.

/** Batches by the names of a graph's inputs. */
interface CalibrationData {
  readonly calibration: readonly Values[];
  readonly heldOut: readonly Values[];
}

/** What a function is traced with, and the data; undefined where only shapes are given. */
function dataOf(
  calibration: readonly Batch[] | BatchSpec,
  heldOut: readonly Batch[] | undefined,
): { readonly example: BatchSpec; readonly data: CalibrationData | undefined } {
  if (isShapes(calibration)) return { example: calibration, data: undefined };
  if (!isBatches(calibration)) {
    throw new OptionError(
      "minimizeQuantizationNoise takes a list of calibration batches, such as [{ x: images }], or without data the shapes of one, " +
        `such as { x: spec([1, 784]) }; got ${describeValue(calibration)}.`,
    );
  }
  const [example] = calibration;
  const named = (batches: readonly Batch[]) => batches.map((batch) => namedArrays({ batch }));
  if (heldOut !== undefined)
    return { example, data: { calibration: named(calibration), heldOut: named(heldOut) } };
  if (calibration.length < 2) {
    throw new OptionError(
      "minimizeQuantizationNoise compares on held-out data: give two calibration batches or more, of which the last quarter is held out, or heldOut: [batch].",
    );
  }
  const end = calibrationShare(calibration.length);
  return {
    example,
    data: { calibration: named(calibration.slice(0, end)), heldOut: named(calibration.slice(end)) },
  };
}

/** Shapes that are no arrays: data have a list around them. */
const isShapes = (value: unknown): value is BatchSpec =>
  isPlainObject(value) && Object.values(value).every((leaf) => isSpecLeaf(leaf) && !isNdArray(leaf));

/** Number of examples of some batches, by the first axis of their first arrays. */
const examplesOf = (batches: readonly Values[]): number =>
  batches.reduce((sum, batch) => sum + (Object.values(batch)[0]?.shape[0] ?? 1), 0);
