// Sequences and single steps of methods with a state. Expected numbers: golden/mtl-stateful.json.
import { describe, expect, it } from "vitest";
import { softmax } from "../../../src/mtl/kernels/simplex.js";
import type { Combination, MultiTaskMethod } from "../../../src/mtl/method.js";
import { dbMtl } from "../../../src/mtl/methods/db-mtl.js";
import { dwa } from "../../../src/mtl/methods/dwa.js";
import { excessMtl } from "../../../src/mtl/methods/excess-mtl.js";
import { famo } from "../../../src/mtl/methods/famo.js";
import { geometricLoss } from "../../../src/mtl/methods/geometric-loss.js";
import { gradNorm } from "../../../src/mtl/methods/grad-norm.js";
import { gradVac } from "../../../src/mtl/methods/grad-vac.js";
import { imtlHybrid } from "../../../src/mtl/methods/imtl-hybrid.js";
import { imtlL } from "../../../src/mtl/methods/imtl-l.js";
import { moco } from "../../../src/mtl/methods/moco.js";
import { modo } from "../../../src/mtl/methods/modo.js";
import { randomLossWeighting } from "../../../src/mtl/methods/random-loss-weighting.js";
import { scaleInvariant } from "../../../src/mtl/methods/scale-invariant.js";
import { sdmGrad } from "../../../src/mtl/methods/sdm-grad.js";
import { stch } from "../../../src/mtl/methods/stch.js";
import { uncertaintyWeighting } from "../../../src/mtl/methods/uncertainty-weighting.js";
import { goldenLedger } from "./golden-ledger.js";
import {
  directionOf,
  expectNumbers,
  fakeRng,
  firstGradient,
  inputOf,
  matrix,
  type Rows,
} from "./stateful-support.js";

// biome-ignore lint/suspicious/noExplicitAny: every sequence has entries of its own
type Sequence = Record<string, any>;

const { golden: sequences, unread } = goldenLedger<Record<string, Sequence>>(
  "mtl-stateful.json",
  "sequences",
);
const { J, losses } = sequences.inputs as { J: Rows[]; losses: number[][] };

/** The steps of a method on the inputs of the golden sequences. */
function run<S>(
  method: MultiTaskMethod<S>,
  afterStep: readonly number[][] = [],
): { combination: Combination<S>; direction: number[]; before: S; after: S }[] {
  let state = method.init(losses[0].length);
  return J.map((rows, t) => {
    const before = state;
    const input = inputOf(losses[t], rows, { step: t, rng: fakeRng() });
    const combination = method.combine(input, state);
    state = combination.state;
    if (afterStep[t]) state = method.afterStep?.(Float64Array.from(afterStep[t]), input, state) ?? state;
    return { combination, direction: directionOf(rows, combination), before, after: state };
  });
}

describe("sequences of steps are those of the reference implementations", () => {
  it.each([
    [0.001, "FAMO gamma=0.001"],
    [0.01, "FAMO gamma=0.01"],
  ])("FAMO with gamma %f", (gamma, name) => {
    const steps: Sequence[] = sequences[name].steps;
    const ours = run(
      famo({ gamma }),
      steps.map((s) => s.losses_after_step),
    );
    ours.forEach(({ combination, direction, before, after }, t) => {
      expectNumbers(softmax(before.logits), steps[t].z, 1e-9);
      expectNumbers(combination.weights, steps[t].effective_loss_weights, 1e-9);
      expectNumbers(direction, steps[t].direction, 1e-9);
      expectNumbers(after.logits, steps[t].logits_after_update, 1e-9);
    });
  });

  it("MoCo", () => {
    const { kwargs, steps }: Sequence = sequences.MoCo;
    const method = moco({
      beta: kwargs.MoCo_beta,
      betaSigma: kwargs.MoCo_beta_sigma,
      gamma: kwargs.MoCo_gamma,
      gammaSigma: kwargs.MoCo_gamma_sigma,
      rho: kwargs.MoCo_rho,
    });
    run(method).forEach(({ direction, after }, t) => {
      expectNumbers(direction, steps[t].direction, 1e-10);
      expectNumbers(after.lambda, steps[t].lambd, 1e-10);
      expectNumbers(after.lambda, steps[t].returned_weights, 1e-10);
      expectNumbers(after.y ?? [], steps[t].y.flat(), 1e-10);
    });
  });

  it("DB-MTL", () => {
    const { kwargs, steps }: Sequence = sequences.DB_MTL;
    run(dbMtl({ beta: kwargs.DB_beta, sigma: kwargs.DB_beta_sigma })).forEach(({ direction, after }, t) => {
      expectNumbers(direction, steps[t].direction, 1e-10);
      expectNumbers(after.buffer ?? [], steps[t].grad_buffer.flat(), 1e-10);
    });
  });

  it("ExcessMTL", () => {
    const { kwargs, steps }: Sequence = sequences.ExcessMTL;
    run(excessMtl({ stepSize: kwargs.robust_step_size })).forEach(({ combination, direction }, t) => {
      expectNumbers(combination.weights, steps[t].loss_weight, 1e-10);
      expectNumbers(combination.weights, steps[t].returned_weights, 1e-10);
      expectNumbers(direction, steps[t].direction, 1e-10);
    });
  });

  it.each([
    ["of all parameters", undefined],
    ["in one block", [4]],
  ])("GradVac %s", (_, blocks) => {
    const { kwargs, steps }: Sequence = sequences.GradVac;
    run(gradVac({ beta: kwargs.beta, ...(blocks && { blocks }) })).forEach(({ direction, after }, t) => {
      expectNumbers(direction, steps[t].direction, 2e-8);
      expectNumbers(after.rho, steps[t].rho.flat(), 2e-8);
    });
  });

  // Both take the three Jacobians as independent batches, twice.
  const threeBatches = { ...inputOf(losses[0], J[0]), samples: J.map(matrix) };

  it("SDMGrad, with LibMTL's inner rate of 5", () => {
    const { kwargs, steps }: Sequence = sequences.SDMGrad;
    const method = sdmGrad({ lambda: kwargs.SDMGrad_lamda, iterations: kwargs.SDMGrad_niter, rate: 5 });
    let state = method.init(3);
    for (const step of steps) {
      const combination = method.combine(threeBatches, state);
      state = combination.state;
      expectNumbers(state.w, step.w, 1e-9);
      expectNumbers(directionOf(J[0], combination), step.direction, 1e-9);
    }
  });

  it("MoDo", () => {
    const { kwargs, steps }: Sequence = sequences.MoDo;
    const method = modo({ gamma: kwargs.MoDo_gamma, rho: kwargs.MoDo_rho });
    let state = method.init(3);
    for (const step of steps) {
      const combination = method.combine(threeBatches, state);
      state = combination.state;
      expectNumbers(state.lambda, step.lambd, 1e-12);
      expectNumbers(combination.direction, step.direction, 1e-12);
    }
  });
});

describe("single steps are those of the reference implementations", () => {
  it("SI, GLS and RLW", () => {
    const { SI, GLS, RLW } = sequences;
    for (const [method, golden] of [
      [scaleInvariant(), SI],
      [geometricLoss(), GLS],
    ] as const) {
      const combination = method.combine(inputOf(golden.losses, J[0]), null);
      expectNumbers(combination.weights, golden.weights ?? golden.effective_weights, 1e-12);
      expectNumbers(directionOf(J[0], combination), golden.direction, 1e-12);
    }
    const rng = fakeRng({ normal: RLW.z });
    const { weights } = randomLossWeighting().combine(inputOf(losses[0], J[0], { rng }), null);
    expectNumbers(weights, RLW.weights, 1e-12);
  });

  it("DWA", () => {
    const { epoch, "epoch_avg_losses[K][epoch]": means, weights, T, direction } = sequences.DWA;
    const method = dwa({ temperature: T });
    let state = method.init(3);
    for (let e = 0; e < epoch; e++) {
      expect([...(method.combine(inputOf(losses[0], J[0]), state).weights ?? [])]).toEqual([1, 1, 1]);
      const epochMeans = Float64Array.from(means, (ofTask: number[]) => ofTask[e]);
      state = method.endEpoch?.(epochMeans, state) ?? state;
    }
    const combination = method.combine(inputOf(losses[0], J[0]), state);
    expectNumbers(combination.weights, weights, 1e-12);
    expectNumbers(directionOf(J[0], combination), direction, 1e-12);
  });

  it.each(["STCH", "STCH mu=0.1"])("%s", (name) => {
    const { mu, nadir, direction, effective_loss_weights: weights, ...own } = sequences[name];
    const combination = stch({ mu }).combine(inputOf(own.losses ?? losses[0], own.J ?? J[0]), {
      epochs: 5,
      nadir: Float64Array.from(nadir),
    });
    expectNumbers(directionOf(J[0], combination), direction, 1e-12);
    if (weights) expectNumbers(combination.weights, weights, 1e-12);
  });

  it("GradNorm, with the gradient of its logits", () => {
    const golden = sequences.GradNorm;
    const method = gradNorm({ alpha: golden.alpha });
    const state = method.endEpoch?.(Float64Array.from(golden.epoch0_avg_losses), {
      ...method.init(3),
      logits: Float64Array.from(golden.loss_scale),
    });
    const combination = method.combine(inputOf(golden.losses, golden.J), state ?? method.init(3));
    expectNumbers(combination.weights, golden["weights=K*softmax(loss_scale)"], 1e-12);
    expectNumbers(directionOf(golden.J, combination), golden.direction, 1e-12);
    expectNumbers(firstGradient(combination.state.adam), golden.loss_scale_grad, 1e-12);
  });

  it("UW, with the gradient of s", () => {
    const golden = sequences.UW;
    const state = { ...uncertaintyWeighting().init(3), s: Float64Array.from(golden.s) };
    const combination = uncertaintyWeighting().combine(inputOf(golden.losses, J[0]), state);
    expectNumbers(combination.weights, golden.weights, 1e-12);
    expectNumbers(directionOf(J[0], combination), golden.direction, 1e-12);
    expectNumbers(firstGradient(combination.state.adam), golden.s_grad, 1e-12);
  });

  it("IMTL, with the gradient of s, the same in IMTL-L", () => {
    const golden = sequences["IMTL hybrid"];
    const state = { ...imtlHybrid().init(3), s: Float64Array.from(golden.s) };
    const combination = imtlHybrid().combine(inputOf(golden.losses, J[0]), state);
    expectNumbers(
      combination.weights?.map((w, k) => w / Math.exp(golden.s[k])),
      golden.alpha,
      1e-10,
    );
    expectNumbers(directionOf(J[0], combination), golden.direction, 1e-10);
    expectNumbers(firstGradient(combination.state.adam), golden.s_grad, 1e-12);
    const { weights, state: after } = imtlL().combine(inputOf(golden.losses, J[0]), state);
    expectNumbers(weights, golden.s.map(Math.exp), 1e-12);
    expectNumbers(firstGradient(after.adam), golden.s_grad, 1e-12);
  });
});

it("no number of the golden sequences is left aside but ones in the place of weights, and an epoch after the last weights", () => {
  const ones = [0, 1, 2].map((t) => `DB_MTL/steps/${t}/returned_weights/*`);
  expect(unread()).toEqual([...ones, "DWA/epoch_avg_losses[K][epoch]/*"]);
});
