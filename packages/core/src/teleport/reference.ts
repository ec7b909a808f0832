// The released code's teleport of Zhao et al., NeurIPS 2022 (arXiv 2205.10637), with its defects: what made the
// published curves. It does not keep the loss; createTeleporter does.
import { astype, dtypeOf, type NdArray } from "../array.js";
import { OptionError } from "../errors.js";
import { backward } from "../graph/autodiff.js";
import { add, sub } from "../graph/ops/arithmetic.js";
import { square } from "../graph/ops/elementary.js";
import { constant, fill, fillLike } from "../graph/ops/leaf.js";
import { matmul } from "../graph/ops/matmul.js";
import { sum } from "../graph/ops/reduce.js";
import { transpose } from "../graph/ops/reshape.js";
import { alias } from "../graph/ops/stop-gradient.js";
import { isFloat, type Tensor } from "../graph/tensor.js";
import { type Spec, spec, type TensorsOf } from "../graph/trace.js";
import { pinv } from "../math/linalg.js";
import type { MlpParams } from "../nn/models/mlp.js";
import { checkOptions, integerFrom, positive } from "../optim/options.js";
import { jit } from "../runtime/jit.js";
import { type Bijection, bijection } from "../symmetry/bijection.js";
import { layerInput, preActivation } from "../symmetry/hidden-graphs.js";
import { hiddenLayers } from "../symmetry/hidden-layers.js";
import type { Batch, BatchTensors, Refusal } from "../symmetry/symmetry.js";
import type { BatchLoss } from "./objective/objective.js";

export interface ReferenceMlpOptions {
  /** Slope of the network's leakyRelu; default 0.1. */
  readonly slope?: number;
  /** Ascent steps; default 8, with AdaGrad 2. */
  readonly steps?: number;
  /** Of the ascent; default 1e-7, with AdaGrad 1e-5. */
  readonly learningRate?: number;
}

type Weights = readonly Tensor[];

/**
 * The teleport of multilayer perceptrons as it was released, to reproduce the published curves. Each ascent step takes
 * T <- learningRate d/dT sum_m ||dL/dW_m||^2 at T = 0 and then, with rows as samples, for one hidden layer after another
 *
 * W_{m+1} <- W_{m+1} (I - T),  W_m' <- H^+ s^-1(s(H W_m') (I + T)'),  s = leakyRelu
 *
 * Known defects, all kept on purpose:
 * - I - T stands for the inverse of I + T, although T is not small: the loss moves (on the paper's regression from 595.66
 *   to 364.92 in one teleport, for seed 0);
 * - a layer moves with the input H that the old weights below it gave;
 * - dL/dW_m is a total derivative: it also counts that the weights above were computed from W_m, since in the graph of
 *   the ascent (but not in the move) H comes from the new weights;
 * - T has no bound, and nothing is accepted or rejected.
 *
 * Computed in float64: in float32 the result depends on the order of summation in the third digit.
 *
 * @param params of an `mlp` with leakyRelu and without biases
 * @param batch `x` and whatever the loss sees; no more samples than the input of any hidden layer has units
 * @param loss its loss as trained
 * @throws OptionError for settings out of range, biases, or a network without hidden layers
 *
 * @example
 * const { loss, start, batch } = mlpRegression({ seed: 0 });
 * const moved = await referenceMlpTeleport(start, batch, loss, { steps: 8, learningRate: 1e-7 });
 */
export async function referenceMlpTeleport(
  params: MlpParams,
  batch: Batch,
  loss: BatchLoss<TensorsOf<MlpParams>>,
  options: ReferenceMlpOptions = {},
): Promise<MlpParams | Refusal> {
  checkOptions<ReferenceMlpOptions>("referenceMlpTeleport", options, {
    slope: positive,
    steps: integerFrom(1),
    learningRate: positive,
  });
  const { slope = 0.1, steps = 8, learningRate = 1e-7 } = options;
  hiddenLayers(params, "referenceMlpTeleport");
  if (params.layers.some(({ bias }) => bias !== undefined)) {
    throw new OptionError(
      "referenceMlpTeleport: the released code has no biases; make the mlp with bias: false.",
    );
  }
  const samples = batch.x.shape[0];
  const inFloat64 = Object.fromEntries(
    Object.entries(batch).map(([name, a]) => [name, isFloat(dtypeOf(a)) ? astype(a, "float64") : a]),
  );
  let weights: readonly NdArray[] = params.layers.map(({ weight }) => astype(weight, "float64"));
  const released = await compileReleased(weights, inFloat64, loss, bijection("leakyRelu", { slope }));
  try {
    for (let step = 0; step < steps; step++) {
      const h = await released.inputs(weights);
      if (!h.every(({ data }) => (data as Float64Array).every(Number.isFinite))) {
        return { refused: `the ascent diverges: after ${step} steps a layer's input is not finite` };
      }
      const inverses = h.map((a) => pinv(a));
      const short = inverses.findIndex(({ rank }) => rank < samples);
      if (short >= 0) {
        return {
          refused: `the input of layer ${short} has rank ${inverses[short].rank} for ${samples} samples: the pseudo-inverse's derivative is known here for full rank only`,
        };
      }
      const plus = inverses.map((inverse) => inverse.pinv);
      const slopes = await released.ascent(weights, plus);
      const T = slopes.map(({ shape, data }) => ({
        shape,
        data: (data as Float64Array).map((v) => learningRate * v),
      }));
      weights = await released.move(weights, T, h, plus);
    }
  } finally {
    await released.dispose();
  }
  return {
    layers: params.layers.map(({ weight }, m) => ({ weight: astype(weights[m], dtypeOf(weight)) })),
  };
}

type Arrays = readonly NdArray[];

/** The three graphs of a step. */
interface Released {
  /** H of each hidden layer. */
  inputs(weights: Arrays): Promise<Arrays>;
  /** The gradient in T of each hidden layer. */
  ascent(weights: Arrays, plus: Arrays): Promise<Arrays>;
  move(weights: Arrays, T: Arrays, h: Arrays, plus: Arrays): Promise<Arrays>;
  dispose(): Promise<void>;
}

async function compileReleased(
  weights: Arrays,
  batch: Batch,
  loss: BatchLoss<TensorsOf<MlpParams>>,
  s: Bijection,
): Promise<Released> {
  const samples = batch.x.shape[0];
  const hidden = weights.slice(0, -1).map(({ shape: [units, inputs] }) => ({ units, inputs }));
  const h: readonly Spec[] = hidden.map(({ inputs }) => spec([samples, inputs], "float64"));
  const plus: readonly Spec[] = hidden.map(({ inputs }) => spec([inputs, samples], "float64"));
  const T: readonly Spec[] = hidden.map(({ units }) => spec([units, units], "float64"));
  const units = hidden.map((layer) => layer.units);
  const inputs = await jit(
    (w: Weights, x: Tensor) => hidden.map((_, m) => layerInput(paramsOf(w), x, m, s)),
    [weights, batch.x],
  );
  const ascent = await jit(
    (w: Weights, b: BatchTensors, p: Weights) => gradient(w, b, p, loss, s, units),
    [weights, batch, plus],
  );
  const move = await jit(
    (w: Weights, t: Weights, inputsOf: Weights, p: Weights) => {
      const moved = [...w];
      hidden.forEach((_, m) => {
        act(moved, m, t[m], inputsOf[m], p[m], s);
      });
      return moved;
    },
    [weights, T, h, plus],
  );
  return {
    inputs: (w) => inputs(w, batch.x),
    ascent: (w, p) => ascent(w, batch, p),
    move: (w, t, inputsOf, p) => move(w, t, inputsOf, p),
    async dispose() {
      await inputs.dispose();
      await ascent.dispose();
      await move.dispose();
    },
  };
}

const paramsOf = (weights: Weights): TensorsOf<MlpParams> => ({
  layers: weights.map((weight) => ({ weight })),
});

/** Replaces the weights m and m + 1 by those that T moves them to, with an input H and its pseudo-inverse. */
function act(weights: Tensor[], m: number, T: Tensor, h: Tensor, plus: Tensor, s: Bijection): void {
  const I = identity(T.shape[0]);
  weights[m + 1] = matmul(weights[m + 1], sub(I, T));
  const z = preActivation(h, { weight: weights[m] });
  const moved = s.inverse(matmul(s.forward(z), add(I, T), { transposeB: true }));
  weights[m] = transpose(matmul(plus, moved));
}

/** d/dT of the sum of squared total derivatives, at T = 0. */
function gradient(
  start: Weights,
  batch: BatchTensors,
  plus: Weights,
  loss: BatchLoss<TensorsOf<MlpParams>>,
  s: Bijection,
  units: readonly number[],
): Tensor[] {
  const T = units.map((n) => alias(fill([n, n], 0, "float64")));
  const weights = [...start];
  units.forEach((_, m) => {
    const h = layerInput(paramsOf(weights), batch.x, m, s);
    act(weights, m, T[m], h, m === 0 ? plus[0] : movedInverse(h, plus[m]), s);
  });
  const value = loss(paramsOf(weights), batch);
  const totals = backward([value], [fillLike(value, 1)], weights);
  const objective = totals.map((g) => sum(square(g))).reduce(add);
  return backward([objective], [fillLike(objective, 1)], T);
}

/**
 * H^+ = H' (H H')^-1 of full row rank as a function of H near a point where it is known, with its first and second
 * derivative: for G = (H H')^-1 at the point and E = I - H H' G, the inverse is G (I + E + E^2 + ...).
 */
function movedInverse(h: Tensor, plus: Tensor): Tensor {
  const I = identity(h.shape[0]);
  const G = matmul(plus, plus, { transposeA: true });
  const E = sub(I, matmul(matmul(h, h, { transposeB: true }), G));
  const inverse = matmul(G, add(I, add(E, matmul(E, E))));
  return matmul(h, inverse, { transposeA: true });
}

function identity(n: number): Tensor {
  const data = new Float64Array(n * n);
  for (let i = 0; i < n; i++) data[i * n + i] = 1;
  return constant({ shape: [n, n], data });
}
