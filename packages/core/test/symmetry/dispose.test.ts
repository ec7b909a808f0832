import { randomProblem, randomT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { add, mul, sub } from "../../src/graph/ops/arithmetic.js";
import type { Tensor } from "../../src/graph/tensor.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { pseudoInverseAction } from "../../src/symmetry/hidden/pseudo-inverse-action.js";
import { residualRotation } from "../../src/symmetry/rotation/residual-rotation.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import { createGainPredictor } from "../../src/teleport/diagnosis/predicted-gain.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";

const problem = randomProblem(9005, { activations: ["tanh"], size: "few" });
const { params, batch, loss, activation } = problem;

const rows: [string, () => Symmetry<MlpParams>][] = [
  ["eq. 8", () => hiddenAction(params, activation)],
  ["the pseudo-inverse action", () => pseudoInverseAction(params, activation)],
];

describe.each(rows)("disposing of %s", (_, make) => {
  const act = (symmetry: Symmetry<MlpParams>) =>
    symmetry.act(params, randomT(symmetry.algebra, 0.05, 1), batch);

  it("twice is allowed, also at once and before anything is compiled, and it acts as before afterwards", async () => {
    const symmetry = make();
    await symmetry.dispose?.();
    const [moved, context] = [await act(symmetry), await symmetry.context?.(params, batch)];
    await Promise.all([symmetry.dispose?.(), symmetry.dispose?.()]);
    await symmetry.dispose?.();
    expect(await act(symmetry)).toEqual(moved);
    expect(await symmetry.context?.(params, batch)).toEqual(context);
    await symmetry.prepare?.(params, batch);
    await symmetry.dispose?.();
  });

  it("with one teleporter leaves another that has it at work", async () => {
    const symmetry = make();
    const options = { symmetry, loss, params, batch };
    const [first, second] = [await createTeleporter(options), await createTeleporter(options)];
    const expected = await first.teleport(params, batch);
    expect(expected.report.accepted).toBe(true);
    await first.dispose();
    await first.dispose();
    const { params: moved, report } = await second.teleport(params, batch);
    expect(moved).toEqual(expected.params);
    expect({ ...report, seconds: 0 }).toEqual({ ...expected.report, seconds: 0 });
    await second.dispose();
  });

  it("is not what a predictor of gains does", async () => {
    const symmetry = make();
    let disposals = 0;
    const watched: Symmetry<MlpParams> = {
      ...symmetry,
      async dispose() {
        disposals++;
        await symmetry.dispose?.();
      },
    };
    const predictor = await createGainPredictor({ symmetry: watched, loss, params, batch });
    const gain = await predictor.predict(params, batch);
    expect(gain).toBeGreaterThan(0);
    await predictor.dispose();
    await predictor.dispose();
    expect(disposals).toBe(0);
    // The symmetry is its maker's, and goes on.
    const again = await createGainPredictor({ symmetry: watched, loss, params, batch });
    expect(await again.predict(params, batch)).toBe(gain);
    await again.dispose();
    const teleporter = await createTeleporter({ symmetry: watched, loss, params, batch });
    await teleporter.dispose();
    expect(disposals).toBe(1);
  });
});

describe("disposing of a rotation of residuals", () => {
  it("twice is allowed, and it acts as before afterwards", async () => {
    const start = { shape: [2], data: Float64Array.of(1, 2) };
    const map = {
      residuals: (w: Tensor) => sub(mul(2, w), 1),
      inverse: (r: Tensor) => mul(0.5, add(r, 1)),
    };
    const symmetry = residualRotation(map, { params: start, batch: {} });
    const T = [{ shape: [1], data: Float64Array.of(0.3) }];
    const moved = await symmetry.act(start, T, {});
    await Promise.all([symmetry.dispose?.(), symmetry.dispose?.()]);
    expect(await symmetry.act(start, T, {})).toEqual(moved);
    await symmetry.dispose?.();
  });
});
