// Methods on random Jacobians against a second implementation: golden values of bench/torch/golden_mtl_methods.py. The references are
// the programs whose formulas that script has.
import { readGolden } from "isoloss-test-support/nn/support";
import { describe, expect, it } from "vitest";
import { isNdArray, type NdArray, ndarray } from "../../../src/array.js";
import { mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { createRng } from "../../../src/math/rng.js";
import type { MultiTaskMethod, TaskInput } from "../../../src/mtl/method.js";
import { autoLambda } from "../../../src/mtl/methods/auto-lambda.js";
import { config } from "../../../src/mtl/methods/config.js";
import { consMtl } from "../../../src/mtl/methods/cons-mtl.js";
import { dibsMtl } from "../../../src/mtl/methods/dibs-mtl.js";
import { dualProj } from "../../../src/mtl/methods/dual-proj.js";
import { dwa } from "../../../src/mtl/methods/dwa.js";
import { forum } from "../../../src/mtl/methods/forum.js";
import { imtlG } from "../../../src/mtl/methods/imtl-g.js";
import { ldcMtl } from "../../../src/mtl/methods/ldc-mtl.js";
import { mgda } from "../../../src/mtl/methods/mgda.js";
import { moml } from "../../../src/mtl/methods/moml.js";
import { type PcdOptions, pcd } from "../../../src/mtl/methods/pcd.js";
import { upGrad } from "../../../src/mtl/methods/up-grad.js";

import { createMultiTaskTrainer } from "../../../src/mtl/train/trainer.js";
import { crMogm } from "../../../src/mtl/wrappers/cr-mogm.js";
import { sgd } from "../../../src/optim/sgd.js";
import { flatten } from "../../../src/tree.js";
import { directionOf, expectNumbers, inputOf, matrix, type Rows } from "./stateful-support.js";

type Numbers = readonly number[];
interface Golden {
  readonly dibs: readonly {
    readonly jacobian: Rows;
    readonly one: Numbers;
    readonly five: Numbers;
    readonly radius: number;
    readonly length: number;
  }[];
  readonly ldc: {
    readonly learningRate: number;
    readonly initial: number;
    readonly lambda: number;
    readonly steps: readonly {
      readonly epoch: number;
      readonly losses: Numbers;
      readonly weights: Numbers;
      readonly a: Numbers;
    }[];
  };
  readonly cons: {
    readonly z: Numbers;
    readonly heads: Rows;
    readonly y: Numbers;
    readonly lambda: number;
    readonly headLimit: number;
    readonly weights: Numbers;
    readonly gradients: Rows;
  };
  readonly moml: {
    readonly learningRate: number;
    readonly steps: readonly { readonly ahead: Rows; readonly weights: Numbers }[];
  };
  readonly forum: readonly {
    readonly phi: number;
    readonly learningRate: number;
    readonly steps: readonly {
      readonly epoch: number;
      readonly inner: Rows;
      readonly outer: Rows;
      readonly losses: Numbers;
      readonly descended: Numbers;
      readonly direction: Numbers;
      readonly lambda: Numbers;
      readonly a: Numbers;
    }[];
  }[];
  readonly pcd: readonly {
    readonly tau: Numbers;
    readonly beta: number;
    readonly steps: readonly {
      readonly jacobian: Rows;
      readonly feasible: boolean;
      readonly direction: Numbers;
    }[];
  }[];
  readonly projectors: readonly ({ readonly jacobian: Rows } & Record<
    "upGrad" | "dualProj",
    Record<"regularized" | "exact", Numbers>
  >)[];
  readonly cr_mogm: {
    readonly alpha: number;
    readonly initialWeights: Numbers;
    readonly steps: readonly { readonly jacobian: Rows; readonly weights: Numbers }[];
  };
  readonly auto_lambda: readonly {
    readonly form: "free" | "softmax";
    readonly learningRate: number;
    readonly initial: number;
    readonly primary: Numbers;
    readonly steps: readonly { readonly ahead: Rows; readonly weights: Numbers }[];
  }[];
  readonly dwa: {
    readonly window: number;
    readonly temperature: number;
    readonly steps: readonly { readonly losses: Numbers; readonly weights: Numbers }[];
  };
}
const golden = readGolden<Golden & Record<string, never>>("mtl-methods.json") as unknown as Golden;
const none = (K: number) => new Array<number>(K).fill(1);
const threeRows = [[1], [1], [1]];
const inputAhead = (ahead: Rows) => inputOf(none(3), threeRows, { ahead: matrix(ahead) });

/** Compares a method's weights step by step. */
function expectWeights<S, T extends { readonly weights: Numbers }>(
  method: MultiTaskMethod<S>,
  steps: readonly T[],
  input: (step: T) => TaskInput,
): void {
  let state = method.init(3);
  for (const given of steps) {
    const step = method.combine(input(given), state);
    state = step.state;
    expectNumbers(step.weights, given.weights, 1e-9);
  }
}

describe("on random Jacobians", () => {
  // suryakmurthy/dibs-mtl at 20d5efa9, mtl/methods/gradient_weight_methods.py: DiBSMTL, lines 252-269, and DiBSMTL_Multi_Step,
  // lines 330-392, differentiate sum_k w_k L_k in all parameters (lines 296 and 419), so that heads have the weights, too.
  it("dibsMtl weights the tasks and their heads by the golden numbers", () => {
    for (const { jacobian, one, five, radius, length } of golden.dibs) {
      const input = inputOf(none(jacobian.length), jacobian);
      const [single, several] = [dibsMtl({ length }), dibsMtl({ steps: 5, radius })];
      expectNumbers(single.combine(input, null).weights, one, 1e-12);
      expectNumbers(several.combine(input, null).weights, five, 1e-12);
      expect([single.headGradient, several.headGradient]).toEqual(["weighted", "weighted"]);
    }
  });

  // OptMN-Lab/LDC-MTL at ca48b53c, experiments/quantum_chemistry/trainer.py lines 155-161 (L(0) of every epoch), and at 66594de6
  // experiments/quantum_chemistry/models.py line 119 (sigmoid(relu(a))).
  it("ldcMtl takes logarithms over the first losses of each epoch, and no a below 0", () => {
    const { steps, lambda, ...options } = golden.ldc;
    const method = ldcMtl({ ...options, lambda, normalization: "log" });
    let state = method.init(3);
    for (const { epoch, losses, weights, a } of steps) {
      const step = method.combine(inputOf(losses, [[1], [1], [1]], { epoch }), state);
      state = step.state;
      expectNumbers(step.weights, weights, 1e-12);
      expectNumbers(state.a, a, 1e-12);
    }
    expect(steps.some(({ a }) => a.some((x) => x < 0))).toBe(true);
  });

  // The same file, ConsMTL, lines 1149-1180: delta = sum_i w_i delta_i with the solution w of FairGrad's equation, before the shared
  // gradient is multiplied by K.
  it.each(["sum", "mean"] as const)("consMtl gives heads the golden gradients, scale %s", async (scale) => {
    const { z, heads, y, lambda, headLimit, weights, gradients } = golden.cons;
    type P = {
      readonly shared: { readonly z: NdArray };
      readonly heads: Record<string, { readonly h: NdArray }>;
    };
    const vector = (x: Numbers) => ndarray(Float64Array.from(x), [x.length]);
    const trainer = await createMultiTaskTrainer<P>({
      losses: ({ shared, heads: own }, _, { representation = shared.z }) =>
        y.map((target, k) => {
          const error = sub(sum(mul(own[`t${k}`].h, representation)), target);
          return mul(0.5, mul(error, error));
        }),
      params: {
        shared: { z: vector(z) },
        heads: Object.fromEntries(heads.map((h, k) => [`t${k}`, { h: vector(h) }])),
      },
      representation: ({ shared }) => shared.z,
      method: consMtl({ lambda, headLimit, scale, clipNorm: 0 }),
      optimizer: sgd(),
      learningRate: 1,
    });
    await trainer.run({ steps: 1 });
    const factor = scale === "sum" ? heads.length : 1;
    const recorded = trainer.history.weights.map(([w]) => w as number);
    expectNumbers(
      recorded,
      weights.map((w) => w * factor),
      1e-8,
    );
    const moved = flatten<NdArray>(trainer.current.params.heads, isNdArray).leaves;
    moved.forEach(({ data }, k) => {
      expectNumbers(
        data as Float64Array,
        heads[k].map((x, i) => x - gradients[k][i]),
        1e-7,
      );
    });
    await trainer.dispose();
  });

  // median-research-group/LibMTL, LibMTL/trainer.py, bacth_forward_MOML, lines 568-589: from `compute softmax gradient` to
  // `self.tw_optimizer.step()`.
  it("moml trains the golden weights", () => {
    const { steps, learningRate } = golden.moml;
    expectWeights(moml({ learningRate }), steps, ({ ahead }) => inputAhead(ahead));
  });

  // The same file, bacth_forward_FORUM, lines 659-722: from `grad from q_beta` to its end.
  it("forum takes the golden directions", () => {
    for (const { steps, phi, learningRate } of golden.forum) {
      const method = forum({ phi, learningRate });
      let state = method.init(3);
      for (const { epoch, inner, outer, losses, descended, direction, lambda, a } of steps) {
        const samples = [matrix(inner), matrix(outer)];
        const given = { epoch, samples, descended: Float64Array.from(descended) };
        const step = method.combine(inputOf(losses, inner, given), state);
        state = step.state;
        expectNumbers(state.lambda, lambda, 1e-6);
        expectNumbers(step.direction, direction, 1e-6);
        expectNumbers(state.a, a, 1e-6);
      }
    }
  });

  // SimplexLab/TorchJD at 9090bb63, src/torchjd/aggregation/_pcd.py, PCDWeighting, lines 97-130 and 143-160.
  it("pcd takes the golden directions, with dependent gradients, too", () => {
    for (const { steps, tau, beta } of golden.pcd) {
      const method = pcd({ tau, beta });
      let state = method.init(tau.length + 1);
      for (const { jacobian, feasible, direction } of steps) {
        const step = method.combine(inputOf(none(jacobian.length), jacobian), state);
        state = step.state;
        expectNumbers(directionOf(jacobian, step), direction, 1e-7);
        expect(step.note === undefined).toBe(feasible);
      }
    }
  });

  // SimplexLab/TorchJD, src/torchjd/_linalg/_dual_cone.py: QuadprogProjector.__call__ normalizes and regularizes G (line 78 at
  // 0afa3243), ProxsuiteProjector.__call__ takes it as it is (at 3d866fd9).
  it("upGrad and dualProj project by either projector", () => {
    for (const { jacobian, ...expected } of golden.projectors) {
      const input = inputOf(none(jacobian.length), jacobian);
      for (const projector of ["regularized", "exact"] as const) {
        const of = { upGrad: upGrad({ projector }), dualProj: dualProj({ projector }) };
        for (const name of ["upGrad", "dualProj"] as const) {
          const d = directionOf(jacobian, of[name].combine(input, null));
          const scale = Math.hypot(...expected[name][projector]);
          expectNumbers(
            d.map((x) => x / scale),
            expected[name][projector].map((x) => x / scale),
            1e-7,
          );
        }
      }
    }
  });

  // SimplexLab/TorchJD at e19dd806, src/torchjd/aggregation/_cr_mogm.py, CRMOGMWeighting, lines 130-150: `initial_weights`.
  it("crMogm starts from the given weights", () => {
    const { alpha, initialWeights, steps } = golden.cr_mogm;
    const method = crMogm(mgda(), { alpha, initialWeights });
    expectWeights(method, steps, ({ jacobian }) => inputOf(none(3), jacobian));
    expect(() => method.init(2)).toThrow("one value for each of the 2 tasks; got 3");
  });

  // LibMTL/trainer.py, bacth_forward_AutoLambda, lines 506-517, with softmax(a), by finite differences; the authors train a itself.
  it("autoLambda trains the golden weights in either form", () => {
    for (const { form, learningRate, initial, primary, steps } of golden.auto_lambda) {
      const method = autoLambda({ weights: form, learningRate, initial, primary });
      expectWeights(method, steps, ({ ahead }) => inputAhead(ahead));
    }
  });

  // zzpustc/COST at 28172e7, methods/weight_methods.py, DynamicWeightAverage, lines 1336-1382.
  it("dwa with a window takes the golden weights", () => {
    const { window, temperature, steps } = golden.dwa;
    expectWeights(dwa({ window, temperature }), steps, ({ losses }) => inputOf(losses, threeRows));
  });
});

/** Products of gradients as a run in float32, the default, rounds them. */
function roundedGramian(rows: Rows): NdArray<Float64Array> {
  const product = (a: Numbers, b: Numbers) =>
    a.reduce((sum, x, p) => Math.fround(sum + Math.fround(x * b[p])), 0);
  return matrix(rows.map((a) => rows.map((b) => product(a, b))));
}

describe("in float32 the gradients of three tasks, one of which is the sum of the others,", () => {
  it.each([
    ["config", config()],
    ["imtl-g by the pseudo-inverse", imtlG({ form: "pinv" })],
  ])("have the direction that they have in float64: %s", (_, method) => {
    for (let seed = 0; seed < 40; seed++) {
      const rng = createRng(seed);
      const [a, b] = [1, 30].map((length) =>
        Array.from({ length: 30 }, () => Math.fround(length * rng.normal())),
      );
      const rows = [a, b, a.map((x, p) => Math.fround(x + b[p]))];
      const of = (given: object) => directionOf(rows, method.combine(inputOf(none(3), rows, given), null));
      const d = of({});
      expectNumbers(of({ gramian: roundedGramian(rows) }), d, 1e-3 * Math.hypot(...d));
    }
  });
});

describe("pcd", () => {
  const first = (rows: Rows, options = {}) => {
    const method = pcd(options);
    return method.combine(inputOf(none(rows.length), rows), method.init(rows.length));
  };

  it("takes the first gradient where no direction gives every task its share", () => {
    const rows = [
      [1, 2],
      [1, 0],
      [-3, 0],
    ];
    const step = first(rows);
    expectNumbers(directionOf(rows, step), [1, 2], 1e-12);
    expect(step.note).toContain("No direction");
  });

  it("gives every other task its share, and the first gradient's length", () => {
    const rows = [
      [3, -4, 0],
      [0, 1, 0],
      [-1, 0, 2],
    ];
    const d = directionOf(rows, first(rows, { tau: 0.3 }));
    expect(Math.hypot(...d)).toBeCloseTo(5, 10);
    // In units of the normalized problem: d~ = d ||d~|| / 5, and both constraints are active.
    expect(d[1]).toBeGreaterThan(0);
    expect(-d[0] + 2 * d[2]).toBeGreaterThan(0);
    expect(d[1]).toBeCloseTo((-d[0] + 2 * d[2]) / Math.sqrt(5), 7);
  });

  describe("in float32, the run's default", () => {
    /** The second task's gradient and `factor` times it as the third's. */
    const step = (seed: number, factor: number, options: PcdOptions) => {
      const rng = createRng(seed);
      const [primary, other] = [0, 1].map(() => Array.from({ length: 30 }, () => Math.fround(rng.normal())));
      const rows = [primary, other, other.map((x) => Math.fround(factor * x))];
      const given = { gramian: roundedGramian(rows) };
      const method = pcd(options);
      const combination = method.combine(inputOf(none(3), rows, given), method.init(3));
      const pair = directionOf(rows.slice(0, 2), first(rows.slice(0, 2), options));
      return { primary, other, pair, d: directionOf(rows, combination), note: combination.note };
    };
    const seeds = Array.from({ length: 40 }, (_, seed) => seed);

    it("counts a multiple of another task's gradient as dependent", () => {
      for (const seed of seeds) {
        const { d, pair, note } = step(seed, 1.37, { tau: 0.4 });
        expectNumbers(d, pair, 1e-4);
        expect(note).toBeUndefined();
      }
    });

    it("finds that opposite gradients cannot both have a share", () => {
      for (const seed of seeds) {
        const { d, primary, note } = step(seed, -1.37, {});
        expectNumbers(d, primary, 1e-6);
        expect(note).toContain("No direction");
      }
    });

    it("goes along neither of two opposite gradients that want no share", () => {
      for (const seed of seeds) {
        const { d, primary, other, note } = step(seed, -1.37, { tau: 0 });
        expect(note).toBeUndefined();
        expect(d.reduce((sum, x, p) => sum + x * other[p], 0)).toBeCloseTo(0, 4);
        expect(Math.hypot(...d)).toBeCloseTo(Math.hypot(...primary), 4);
      }
    });

    it("has no direction where the primary gradient and its opposite cancel but for rounding", () => {
      for (const seed of seeds) {
        const rng = createRng(seed);
        const g = Math.fround(1 + rng.next());
        const gramian = matrix([
          [g, -g],
          [-g, Math.fround(g * (1 + 2 ** -23))],
        ]);
        const method = pcd({ tau: 0 });
        const { weights } = method.combine(
          inputOf(
            none(2),
            [
              [1, 0],
              [-1, 0],
            ],
            { gramian },
          ),
          method.init(2),
        );
        expect([...(weights ?? [])]).toEqual([0, 0]);
      }
    });
  });

  it("says how many shares it needs", () => {
    expect(() => pcd({ tau: 2 })).toThrow(
      "tau must be a number in [0, 1], or a list of 1 or more, each a number in [0, 1]; got 2.",
    );
    expect(() => pcd({ tau: [0.1, 0.2] }).init(2)).toThrow("one value for each of the 1 tasks; got 2");
  });
});
