import { describe, expect, it } from "vitest";
import type { Combination, MultiTaskMethod } from "../../src/mtl/method.js";
import { dbMtl } from "../../src/mtl/methods/db-mtl.js";
import { dwa } from "../../src/mtl/methods/dwa.js";
import { excessMtl } from "../../src/mtl/methods/excess-mtl.js";
import { famo } from "../../src/mtl/methods/famo.js";
import { geometricLoss } from "../../src/mtl/methods/geometric-loss.js";
import { gradDrop } from "../../src/mtl/methods/graddrop.js";
import { gradNorm } from "../../src/mtl/methods/gradnorm.js";
import { gradVac } from "../../src/mtl/methods/gradvac.js";
import { imtlHybrid } from "../../src/mtl/methods/imtl-hybrid.js";
import { imtlL } from "../../src/mtl/methods/imtl-l.js";
import { moco } from "../../src/mtl/methods/moco.js";
import { randomLossWeighting } from "../../src/mtl/methods/random-loss-weighting.js";
import { scaleInvariant } from "../../src/mtl/methods/scale-invariant.js";
import { stch } from "../../src/mtl/methods/stch.js";
import { uncertaintyWeighting } from "../../src/mtl/methods/uncertainty-weighting.js";
import { readGolden } from "../nn/support.js";
import {
  directionOf,
  expectNumbers,
  fakeRng,
  firstGradient,
  type Golden,
  inputOf,
  type Rows,
} from "./stateful-support.js";

interface FirstStep {
  error?: string;
  losses: number[];
  direction: Golden;
  returned_weights: Golden;
  loss_scale_grad: number[];
  rho_after: Rows;
  U: number[];
}

// biome-ignore lint/suspicious/noExplicitAny: every sequence has entries of its own
type Sequence = Record<string, any>;

const { matrices, firstStep, sequences } = readGolden<{
  matrices: Record<string, Rows>;
  firstStep: Record<string, Record<string, FirstStep>>;
  sequences: Record<string, Sequence>;
}>("mtl-stateful.json");
const { J, losses } = sequences.inputs as { J: Rows[]; losses: number[][] };

/** The cases of a golden file's method for which the reference gives numbers. */
const casesOf = (name: string) =>
  Object.entries(firstStep[name]).filter(([, c]) => !c.error && !c.direction.includes(null));

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
    ours.forEach(({ combination, direction, after }, t) => {
      expectNumbers(combination.weights, steps[t].effective_loss_weights, 1e-9);
      expectNumbers(direction, steps[t].direction, 1e-9);
      expectNumbers(after.logits, steps[t].logits_after_update, 1e-9);
    });
  });

  it("MoCo", () => {
    const steps: Sequence[] = sequences.MoCo.steps;
    run(moco()).forEach(({ direction, after }, t) => {
      expectNumbers(direction, steps[t].direction, 1e-10);
      expectNumbers(after.lambda, steps[t].lambd, 1e-10);
      expectNumbers(after.y ?? [], steps[t].y.flat(), 1e-10);
    });
  });

  it("DB-MTL", () => {
    const steps: Sequence[] = sequences.DB_MTL.steps;
    run(dbMtl({ beta: 0.9, sigma: 0.5 })).forEach(({ direction, after }, t) => {
      expectNumbers(direction, steps[t].direction, 1e-10);
      expectNumbers(after.buffer ?? [], steps[t].grad_buffer.flat(), 1e-10);
    });
  });

  it("ExcessMTL", () => {
    const steps: Sequence[] = sequences.ExcessMTL.steps;
    run(excessMtl({ stepSize: 0.01 })).forEach(({ combination, direction }, t) => {
      expectNumbers(combination.weights, steps[t].loss_weight, 1e-10);
      expectNumbers(direction, steps[t].direction, 1e-10);
    });
  });

  it.each([
    ["of all parameters", undefined],
    ["in one block", [4]],
  ])("GradVac %s", (_, blocks) => {
    const steps: Sequence[] = sequences.GradVac.steps;
    run(gradVac({ beta: 0.5, ...(blocks && { blocks }) })).forEach(({ direction, after }, t) => {
      expectNumbers(direction, steps[t].direction, 2e-8);
      expectNumbers(after.rho, steps[t].rho.flat(), 2e-8);
    });
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

  it("GLS on all matrices", () => {
    for (const [name, golden] of casesOf("LibMTL GLS")) {
      const combination = geometricLoss().combine(inputOf(golden.losses, matrices[name]), null);
      expectNumbers(directionOf(matrices[name], combination), golden.direction, 1e-12);
    }
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
    const { mu, nadir, direction, effective_loss_weights: weights } = sequences[name];
    const combination = stch({ mu }).combine(inputOf(losses[0], J[0]), {
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

  it("UW on all matrices, from s = -0.5", () => {
    for (const [name, golden] of casesOf("LibMTL UW(s=-0.5)")) {
      const method = uncertaintyWeighting({ initial: -0.5 });
      const state = method.init(golden.losses.length);
      const combination = method.combine(inputOf(golden.losses, matrices[name]), state);
      expectNumbers(combination.weights, golden.returned_weights, 1e-12);
      expectNumbers(directionOf(matrices[name], combination), golden.direction, 1e-12);
      expectNumbers(firstGradient(combination.state.adam), golden.loss_scale_grad, 1e-12);
    }
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

  it("IMTL on all matrices where the reference has a solution", () => {
    const cases = casesOf("LibMTL IMTL(hybrid, s=0)");
    expect(cases.length).toBe(6);
    for (const [name, golden] of cases) {
      const method = imtlHybrid();
      const combination = method.combine(
        inputOf(golden.losses, matrices[name]),
        method.init(golden.losses.length),
      );
      expectNumbers(directionOf(matrices[name], combination), golden.direction, 1e-8);
      expectNumbers(combination.weights, golden.returned_weights, 1e-8);
      expectNumbers(firstGradient(combination.state.adam), golden.loss_scale_grad, 1e-12);
    }
  });

  it.each([
    ["LibMTL DB_MTL(step1,beta=0.9,sigma=0)", dbMtl()],
    ["LibMTL GradVac(step1,beta=0.5,rho0=0,order=identity)", gradVac()],
    ["LibMTL ExcessMTL(step1)", excessMtl()],
    ["LibMTL MoCo(step1)", moco()],
  ] as [string, MultiTaskMethod<unknown>][])("%s on all matrices", (key, method) => {
    const cases = casesOf(key);
    expect(cases.length).toBe(9);
    for (const [name, golden] of cases) {
      const input = inputOf(golden.losses, matrices[name], { rng: fakeRng() });
      const combination = method.combine(input, method.init(golden.losses.length));
      expectNumbers(directionOf(matrices[name], combination), golden.direction, 1e-7);
    }
  });

  it("GradVac's running cosines on all matrices", () => {
    for (const [name, golden] of casesOf("LibMTL GradVac(step1,beta=0.5,rho0=0,order=identity)")) {
      const method = gradVac();
      const input = inputOf(golden.losses, matrices[name], { rng: fakeRng() });
      const { state } = method.combine(input, method.init(golden.losses.length));
      expectNumbers(state.rho, golden.rho_after.flat(), 1e-6);
    }
  });

  it("GradDrop on all matrices, with U given", () => {
    const cases = casesOf("GradDrop(U given)");
    expect(cases.length).toBe(9);
    for (const [name, golden] of cases) {
      const rows = matrices[name];
      const input = inputOf(new Array(rows.length).fill(1), rows, { rng: fakeRng({ next: golden.U }) });
      expectNumbers(gradDrop().combine(input, null).direction, golden.direction, 1e-12);
    }
  });
});
