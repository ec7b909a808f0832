// The released code's teleport of Zhao et al., NeurIPS 2022 (arXiv 2205.10637), including its defects: it
// produced the published curves. It does not keep the loss; createTeleporter does.

import { astype, dtypeOf, type NdArray, zeros } from "../../array.js";
import type { Batch, BatchLoss, BatchTensors } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { backward } from "../../graph/autodiff.js";
import { add, sub } from "../../graph/ops/arithmetic.js";
import { square } from "../../graph/ops/elementary.js";
import { constant, fill, fillLike } from "../../graph/ops/leaf.js";
import { matmul } from "../../graph/ops/matmul.js";
import { sum } from "../../graph/ops/reduce.js";
import { transpose } from "../../graph/ops/reshape.js";
import { alias } from "../../graph/ops/stop-gradient.js";
import { isFloat, type Tensor } from "../../graph/tensor.js";
import { type Spec, spec, type TensorsOf } from "../../graph/trace.js";
import { inverse, pinv } from "../../math/linalg.js";
import type { MlpParams } from "../../nn/models/mlp.js";
import { flag, integerFrom, type OptionsOf, optionTable, positive } from "../../options.js";
import { jit } from "../../runtime/jit.js";
import { type Bijection, bijection } from "../../symmetry/bijection.js";
import { hiddenLayers, layerInput, preActivation, requireX } from "../../symmetry/hidden/hidden-layers.js";
import { identityPlus } from "../../symmetry/matrix.js";
import { isRefusal, orRefusal, type Refusal } from "../../symmetry/symmetry.js";
import { mapValues } from "../../tree.js";

export interface ReferenceMlpOptions extends OptionsOf<typeof referenceMlpTeleportOptions> {}

export const referenceMlpTeleportOptions = optionTable("referenceMlpTeleport", {
  /** Slope of the network's leakyRelu; default 0.1. */
  slope: positive.default(0.1),
  /** Ascent steps; default 8, as with gradient descent; the AdaGrad runs used 2. */
  steps: integerFrom(1).default(8),
  /** Learning rate of the ascent; default 1e-7, as with gradient descent; the AdaGrad runs used 1e-5. */
  learningRate: positive.default(1e-7),
  /**
   * Applies the exact action of the same T, with (I + T)^-1 and inputs computed from the weights moved so
   * far: the released teleport without its drop of the loss. Default false.
   */
  exactAction: flag.default(false),
});

type Weights = readonly Tensor[];

/**
 * The released teleport of multilayer perceptrons, to reproduce the published curves. Each ascent step
 * computes T <- learningRate d/dT sum_m ||dL/dW_m||^2 at T = 0 and then, with rows as samples, for one hidden
 * layer after another
 *
 * W_{m+1} <- W_{m+1} (I - T),  W_m' <- H^+ s^-1(s(H W_m') (I + T)'),  s = leakyRelu
 *
 * Known defects, all kept on purpose:
 * - I - T replaces the inverse of I + T, although T is not small: the loss changes (on the paper's regression
 *   from 595.66 to 364.92 in one teleport, for seed 0);
 * - a layer moves with the input H computed from the old weights below it;
 * - dL/dW_m is a total derivative: it includes the dependence of the weights above on W_m, since in the graph
 *   of the ascent (but not in the move) H comes from the new weights;
 * - T has no bound, and nothing is accepted or rejected.
 *
 * Computed in float64: in float32 the ascent magnifies rounding, for some seeds up to the first digits of the loss.
 *
 * @param params of an `mlp` with leakyRelu and without biases
 * @param batch `x` and whatever the loss reads; no more samples than the input of any hidden layer has units
 * @param loss the training loss of the network
 * @throws OptionError for settings out of range, biases, or a network without hidden layers
 *
 * @example
 * const { loss, start, batch } = mlpRegression({ seed: 0 });
 * const moved = await referenceMlpTeleport(start, batch, loss, { steps: 8, learningRate: 1e-7 });
 */
export async function referenceMlpTeleport(
  params: MlpParams,
  batch: Batch,
  loss: BatchLoss<MlpParams>,
  options: ReferenceMlpOptions = {},
): Promise<MlpParams | Refusal> {
  const { slope, steps, learningRate, exactAction } = referenceMlpTeleportOptions.read(options);
  hiddenLayers(params, "referenceMlpTeleport");
  requireX(batch, "referenceMlpTeleport");
  if (params.layers.some(({ bias }) => bias !== undefined)) {
    throw new OptionError(
      "referenceMlpTeleport: the released code has no biases; create the mlp with bias: false.",
    );
  }
  const inFloat64 = mapValues(batch, (a) => (isFloat(dtypeOf(a)) ? astype(a, "float64") : a));
  let weights: readonly NdArray[] = params.layers.map(({ weight }) => astype(weight, "float64"));
  const released = await compileReleased(weights, inFloat64, loss, bijection("leakyRelu", { slope }));
  try {
    for (let step = 0; step < steps; step++) {
      const inputs = await inputsOf(released, weights);
      if (isRefusal(inputs)) return inputs;
      const slopes = await released.ascent(
        weights,
        inputs.map(({ plus }) => plus),
      );
      for (const [m, gradient] of slopes.entries()) {
        const now = exactAction && m > 0 ? await inputsOf(released, weights) : inputs;
        if (isRefusal(now)) return now;
        const g = identityPlus(scaled(gradient, learningRate));
        const back = exactAction
          ? await orRefusal(() => inverse(g), "I + T")
          : identityPlus(scaled(gradient, -learningRate));
        if (isRefusal(back)) return back;
        weights = await released.move(m, weights, g, back, now[m]);
      }
    }
  } finally {
    await released.dispose();
  }
  return {
    layers: params.layers.map(({ weight }, m) => ({ weight: astype(weights[m], dtypeOf(weight)) })),
  };
}

/** H of each hidden layer with its pseudo-inverse. */
async function inputsOf(released: Released, weights: Arrays): Promise<readonly LayerInput[] | Refusal> {
  const inputs: LayerInput[] = [];
  for (const [m, h] of (await released.inputs(weights)).entries()) {
    if (!(h.data as Float64Array).every(Number.isFinite)) {
      return { refused: `the ascent diverges: the input of layer ${m} is not finite` };
    }
    const { pinv: plus, rank } = pinv(h);
    if (rank < h.shape[0]) {
      return {
        refused: `the input of layer ${m} has rank ${rank} for ${h.shape[0]} samples: the pseudo-inverse's derivative is known here for full rank only`,
      };
    }
    inputs.push({ h, plus });
  }
  return inputs;
}

interface LayerInput {
  readonly h: NdArray;
  readonly plus: NdArray;
}

type Arrays = readonly NdArray[];

/** The graphs of a step. */
interface Released {
  /** H of each hidden layer. */
  inputs(weights: Arrays): Promise<Arrays>;
  /** The gradient in T of each hidden layer. */
  ascent(weights: Arrays, plus: Arrays): Promise<Arrays>;
  /** Moves the weights m and m + 1. */
  move(m: number, weights: Arrays, g: NdArray, back: NdArray, input: LayerInput): Promise<Arrays>;
  dispose(): Promise<void>;
}

async function compileReleased(
  weights: Arrays,
  batch: Batch,
  loss: BatchLoss<MlpParams>,
  s: Bijection,
): Promise<Released> {
  const samples = batch.x.shape[0];
  const hidden = weights.slice(0, -1).map(({ shape: [units, inputs] }) => ({ units, inputs }));
  const plusSpecs: readonly Spec[] = hidden.map(({ inputs }) => spec([inputs, samples], "float64"));
  const units = hidden.map((layer) => layer.units);
  const inputs = await jit(
    (w: Weights, x: Tensor) => hidden.map((_, m) => layerInput(paramsOf(w), x, m, s)),
    [weights, batch.x],
  );
  const ascent = await jit(
    (w: Weights, b: BatchTensors, p: Weights) => gradient(w, b, p, loss, s, units),
    [weights, batch, plusSpecs],
  );
  const moves = await Promise.all(
    hidden.map((layer, m) => {
      const square = spec([layer.units, layer.units], "float64");
      const h = spec([samples, layer.inputs], "float64");
      return jit(
        (w: Weights, g: Tensor, back: Tensor, input: Tensor, plus: Tensor) => {
          const moved = [...w];
          act(moved, m, g, back, input, plus, s);
          return moved;
        },
        [weights, square, square, h, plusSpecs[m]],
      );
    }),
  );
  return {
    inputs: (w) => inputs(w, batch.x),
    ascent: (w, plus) => ascent(w, batch, plus),
    move: (m, w, g, back, { h, plus }) => moves[m](w, g, back, h, plus),
    async dispose() {
      for (const run of [inputs, ascent, ...moves]) await run.dispose();
    },
  };
}

const paramsOf = (weights: Weights): TensorsOf<MlpParams> => ({
  layers: weights.map((weight) => ({ weight })),
});

/** Moves the weights m and m + 1 by g and its (approximate) inverse. */
function act(
  weights: Tensor[],
  m: number,
  g: Tensor,
  back: Tensor,
  h: Tensor,
  plus: Tensor,
  s: Bijection,
): void {
  weights[m + 1] = matmul(weights[m + 1], back);
  const z = preActivation(h, { weight: weights[m] });
  const moved = s.inverse(matmul(s.forward(z), g, { transposeB: true }));
  weights[m] = transpose(matmul(plus, moved));
}

/** d/dT of the sum of squared total derivatives, at T = 0. */
function gradient(
  start: Weights,
  batch: BatchTensors,
  plus: Weights,
  loss: BatchLoss<MlpParams>,
  s: Bijection,
  units: readonly number[],
): Tensor[] {
  const T = units.map((n) => alias(fill([n, n], 0, "float64")));
  const weights = [...start];
  units.forEach((_, m) => {
    const h = layerInput(paramsOf(weights), batch.x, m, s);
    const I = identity(units[m]);
    const inverseOfInput = m === 0 ? plus[0] : movedInverse(h, plus[m]);
    act(weights, m, add(I, T[m]), sub(I, T[m]), h, inverseOfInput, s);
  });
  const value = loss(paramsOf(weights), batch);
  const totals = backward([value], [fillLike(value, 1)], weights);
  const objective = totals.map((g) => sum(square(g))).reduce(add);
  return backward([objective], [fillLike(objective, 1)], T);
}

/**
 * H^+ = H' (H H')^-1 of full row rank as a function of H near a point where it is known, correct up to its
 * second derivative: for G = (H H')^-1 at the point and E = I - H H' G, the inverse is G (I + E + E^2 + ...).
 */
function movedInverse(h: Tensor, plus: Tensor): Tensor {
  const I = identity(h.shape[0]);
  const G = matmul(plus, plus, { transposeA: true });
  const E = sub(I, matmul(matmul(h, h, { transposeB: true }), G));
  const inverse = matmul(G, add(I, add(E, matmul(E, E))));
  return matmul(h, inverse, { transposeA: true });
}

const identity = (n: number): Tensor => constant(identityPlus(zeros([n, n], "float64")));

const scaled = ({ shape, data }: NdArray, factor: number): NdArray => ({
  shape,
  data: (data as Float64Array).map((v) => factor * v),
});
