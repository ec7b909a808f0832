// What a symmetry claims is checked against the loss when a teleporter is made.

import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import type { Batch, BatchTensors } from "../../src/batch.js";
import { OptionError } from "../../src/errors.js";
import { mul, sub } from "../../src/graph/ops/arithmetic.js";
import { square } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { mean, sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import type { TensorsOf } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { createRng } from "../../src/math/rng.js";
import { type MlpParams, mlp } from "../../src/nn/models/mlp.js";
import { sgd } from "../../src/optim/sgd.js";
import { permutations } from "../../src/symmetry/discrete/permutations.js";
import { signFlips } from "../../src/symmetry/discrete/sign-flips.js";
import { generalLinear } from "../../src/symmetry/general-linear.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { pseudoInverseAction } from "../../src/symmetry/hidden/pseudo-inverse-action.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { product } from "../../src/symmetry/product.js";
import { quadraticRotation, type VectorParams } from "../../src/symmetry/rotation/quadratic-rotation.js";
import { residualRotation } from "../../src/symmetry/rotation/residual-rotation.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import { brokenClaim } from "../../src/teleport/broken-claim.js";
import { discreteSearch } from "../../src/teleport/search/discrete.js";
import { ownMove } from "../../src/teleport/search/jump.js";
import { levelSet } from "../../src/teleport/search/level-set/level-set.js";
import { quadraticOptimum } from "../../src/teleport/search/quadratic-optimum.js";
import type { SearchFactory } from "../../src/teleport/search/search.js";
import { claimOf } from "../../src/teleport/search/trust-region.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { every } from "../../src/teleport/when.js";
import { createTrainer } from "../../src/train/trainer.js";
import { someDigits } from "../train/support.js";
import { batchOf, linearized, productLoss, switchedLoss, type Toy, toy, toyScaling } from "./toy.js";

type Activation = "tanh" | "gelu" | "sigmoid" | "silu" | "elu" | "relu" | "leakyRelu" | "identity";

const trainerOf = (
  activation: Activation,
  symmetry: (p: MlpParams) => Symmetry<MlpParams>,
  { dtype = "float32", allowInexact }: { dtype?: "float32" | "float64"; allowInexact?: boolean } = {},
) =>
  createTrainer({
    model: mlp({ sizes: [64, 8, 8, 10], activation }),
    data: someDigits(0, 80),
    optimizer: sgd(),
    learningRate: 0.1,
    batchSize: 20,
    dtype,
    runtime: "javascript",
    teleport: { when: every(3), symmetry, ...(allowInexact === undefined ? {} : { allowInexact }) },
  });

describe("a trainer's symmetry", () => {
  it.each([
    ["tanh", "float32", "hiddenAction of isoloss/symmetry for tanh"],
    ["sigmoid", "float64", "hiddenAction of isoloss/symmetry for sigmoid"],
    ["elu", "float32", "hiddenAction of isoloss/symmetry for elu"],
    ["gelu", "float64", "pseudoInverseAction"],
    ["silu", "float32", "pseudoInverseAction"],
  ] as const)(
    "is refused where a scaling meets %s in %s, with the layer, the change and what fits",
    async (activation, dtype, advice) => {
      const made = trainerOf(activation, positiveScaling, { dtype });
      await expect(made).rejects.toThrow(OptionError);
      await expect(made).rejects.toThrow(
        new RegExp(
          `"positive scaling" does not keep this loss \\(${activation} behind layers\\.0\\.weight\\): a random element changed it by \\d\\.\\de-\\d of its size, from 2\\.\\d+ to 2\\.\\d+\\..*${advice}.*allowInexact: true`,
        ),
      );
    },
  );

  it.each(["relu", "leakyRelu", "identity"] as const)(
    "passes where a scaling meets %s",
    async (activation) => {
      const trainer = await trainerOf(activation, (p) => positiveScaling(p, { activation }));
      await trainer.run({ steps: 4 });
      expect(trainer.history.teleports[0]).toMatchObject({ accepted: true });
      expect(trainer.history.teleports[0]).not.toHaveProperty("inexact");
      await trainer.dispose();
    },
  );

  it.each(["tanh", "sigmoid", "elu", "leakyRelu"] as const)(
    "passes where hiddenAction meets its own %s",
    async (activation) => {
      await (await trainerOf(activation, (p) => hiddenAction(p, { activation }))).dispose();
    },
  );

  it("goes on with allowInexact, and every report says that it does not keep the loss", async () => {
    const trainer = await trainerOf("tanh", positiveScaling, { allowInexact: true });
    await trainer.run({ steps: 7 });
    expect(trainer.history.teleports).toHaveLength(2);
    for (const { inexact } of trainer.history.teleports) {
      expect(inexact).toMatch(
        /^"positive scaling" does not keep this loss \(tanh behind layers\.0\.weight\)/,
      );
    }
    await trainer.dispose();
  });
});

describe("a symmetry of one's own", () => {
  const params = toy(0.7, 1.2);
  const batch = batchOf(1.5, 2);
  const wrong = () => toyScaling(linearized);

  it("is refused with the numbers of the loss where it changes it", async () => {
    await expect(createTeleporter({ symmetry: wrong(), loss: productLoss, params, batch })).rejects.toThrow(
      /"toy scaling" does not keep this loss: a random element changed it by \d\.\de[-+]\d of its size, from 0\.\d+ to \d\.\d+/,
    );
  });

  it("is refused where it does not leave the parameters alone at the identity", async () => {
    const symmetry = toyScaling({ act: async ({ a, b }) => ({ a: { ...a, data: Float64Array.of(9) }, b }) });
    await expect(createTeleporter({ symmetry, loss: productLoss, params, batch })).rejects.toThrow(
      /does not keep this loss/,
    );
  });

  it("passes where it keeps the loss, or claims nothing", async () => {
    for (const symmetry of [toyScaling(), { ...wrong(), exact: "no" as const }]) {
      const teleporter = await createTeleporter({ symmetry, loss: productLoss, params, batch });
      expect(teleporter.exact).toBe(symmetry.exact);
      await teleporter.dispose();
    }
  });

  it("that keeps the loss on the batch alone is refused if it claims all data, and passes if it claims the batch", async () => {
    const at = { x: array([1], "float64") };
    const made = (exact: "everywhere" | "batch") =>
      createTeleporter({ symmetry: toyScaling({ exact }), loss: switchedLoss, params, batch: at });
    await expect(made("everywhere")).rejects.toThrow(/does not keep this loss/);
    await (await made("batch")).dispose();
  });

  it("is tried on parameters of zeros, too, where every factor would keep the loss", async () => {
    const zero = toy(0, 0);
    await expect(
      createTeleporter({ symmetry: wrong(), loss: productLoss, params: zero, batch }),
    ).rejects.toThrow(/does not keep this loss/);
  });

  it("is tried on random inputs where only the shapes of a batch are given", async () => {
    const shapes = { x: { kind: "spec" as const, shape: [1], dtype: "float64" as const }, y: batch.y };
    await expect(
      createTeleporter({ symmetry: wrong(), loss: productLoss, params, batch: shapes }),
    ).rejects.toThrow(/does not keep this loss/);
    await (
      await createTeleporter({ symmetry: toyScaling(), loss: productLoss, params, batch: shapes })
    ).dispose();
  });

  it("says with allowInexact that it is not exact, in the teleporter and in its reports", async () => {
    const teleporter = await createTeleporter({
      symmetry: wrong(),
      loss: productLoss,
      params,
      batch,
      allowInexact: true,
    });
    expect(teleporter.exact).toBe("no");
    const { report } = await teleporter.teleport(params, batch);
    expect(report.inexact).toMatch(/"toy scaling" does not keep this loss/);
    await teleporter.dispose();
  });

  it("is checked once, with two elements, and not again by the teleports", async () => {
    let acts = 0;
    const counted = (exact: "everywhere" | "no") => {
      const { act } = toyScaling();
      return toyScaling({
        exact,
        act: (...args) => {
          acts++;
          return act(...args);
        },
      });
    };
    const actsOf = async (exact: "everywhere" | "no") => {
      acts = 0;
      const teleporter = await createTeleporter({
        symmetry: counted(exact),
        loss: productLoss,
        params,
        batch,
      });
      const made = acts;
      await teleporter.teleport(params, batch);
      const first = acts - made;
      await teleporter.teleport(params, batch);
      return { made, first, second: acts - made - first };
    };
    const unchecked = await actsOf("no");
    expect(unchecked.made).toBe(0);
    expect(await actsOf("everywhere")).toEqual({ ...unchecked, made: 2 });
  });
});

const sizes = [3, 4, 4, 2];
const normals = (shape: readonly number[], seed: number): NdArray => {
  const rng = createRng(seed);
  return { shape, data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => rng.normal()) };
};
const networkOf = (activation: Activation) => {
  const model = mlp({ sizes, activation });
  const { params } = model.init(torchGenerator(1), { dtype: "float64" });
  const loss = (p: TensorsOf<MlpParams>, { x, y }: BatchTensors) =>
    mean(square(sub(model.apply(p, x).output, y)));
  return { params, loss };
};
const networkBatch: Batch = { x: normals([40, 3], 2), y: normals([40, 2], 3) };

describe("what the graph of a loss shows", () => {
  /** A claim that must not be tried. */
  const untried = <P>(symmetry: Symmetry<P>) => ({
    exact: symmetry.exact,
    claim: {
      ...claimOf(symmetry, symmetry.bound),
      move: () => {
        throw new Error("tried");
      },
    },
  });

  it("is not computed: scalings, general linear groups, their products, hidden actions", async () => {
    const relu = networkOf("relu");
    const identity = networkOf("identity");
    const rows = [
      { ...relu, symmetry: positiveScaling(relu.params) },
      { ...relu, symmetry: product([positiveScaling(relu.params), positiveScaling(relu.params)]) },
      { ...identity, symmetry: positiveScaling(identity.params, { activation: "identity" }) },
      {
        ...identity,
        symmetry: generalLinear<MlpParams>(
          symmetriesOf(identity.loss, identity.params, networkBatch).found.linear,
        ),
      },
    ];
    for (const { symmetry, params, loss } of rows) {
      expect(await brokenClaim(untried(symmetry), { loss, params, batch: networkBatch })).toBeUndefined();
    }
    const tanh = networkOf("tanh");
    const { hidden } = symmetriesOf(tanh.loss, tanh.params, networkBatch);
    for (const symmetry of [
      hiddenAction(tanh.params, { activation: "tanh" }),
      hidden as NonNullable<typeof hidden>,
    ]) {
      expect(await brokenClaim(untried(symmetry), { ...tanh, batch: networkBatch })).toBeUndefined();
    }
    await expect(
      brokenClaim(untried(positiveScaling(tanh.params)), { ...tanh, batch: networkBatch }),
    ).rejects.toThrow("tried");
  });

  it("settles permutations and sign flips; others of these are tried", async () => {
    const { params, loss } = networkOf("tanh");
    const { found } = symmetriesOf(loss, params, networkBatch);
    const made = (search: SearchFactory<MlpParams>) =>
      createTeleporter({ search, loss, params, batch: networkBatch });
    for (const symmetry of [permutations(params, found.permutations), signFlips(params, found.signs)]) {
      await (await made(discreteSearch(symmetry))).dispose();
    }
    const [{ size, axes }] = found.permutations;
    const halves = [{ size, axes: axes.slice(0, 1) }];
    await expect(made(discreteSearch(permutations(params, halves)))).rejects.toThrow(
      /"permutations" does not keep/,
    );
    await expect(made(discreteSearch(signFlips(params, halves)))).rejects.toThrow(
      /"sign flips" does not keep/,
    );
    const relu = networkOf("relu");
    await expect(
      createTeleporter({
        ...relu,
        search: discreteSearch(signFlips(params, found.signs)),
        batch: networkBatch,
      }),
    ).rejects.toThrow(/"sign flips" does not keep/);
  });
});

describe("the trial", () => {
  it("takes a few examples of a large batch", async () => {
    const { params, loss } = networkOf("tanh");
    const rows: number[] = [];
    const counted = (p: TensorsOf<MlpParams>, batch: BatchTensors) => {
      rows.push(batch.x.shape[0]);
      return loss(p, batch);
    };
    const claim = claimOf(positiveScaling(params), { kind: "element", value: 0.3 });
    await brokenClaim({ exact: "everywhere", claim }, { loss: counted, params, batch: networkBatch });
    expect(rows).toContain(5);
  });

  it("takes the whole batch where the loss cannot be traced on less", async () => {
    const { params, loss } = networkOf("tanh");
    const fixed = (p: TensorsOf<MlpParams>, batch: BatchTensors) => {
      if (batch.x.shape[0] !== 40) throw new Error("40 examples only");
      return loss(p, batch);
    };
    await expect(
      createTeleporter({ symmetry: positiveScaling(params), loss: fixed, params, batch: networkBatch }),
    ).rejects.toThrow(/does not keep this loss/);
  });

  it("passes pseudo-inverse actions on their batch, and what they refuse to move", async () => {
    const { params, loss } = networkOf("gelu");
    const few = { x: normals([3, 3], 2), y: normals([3, 2], 3) };
    for (const batch of [few, networkBatch]) {
      const symmetry = pseudoInverseAction(params, { activation: "gelu" });
      await (await createTeleporter({ symmetry, loss, params, batch })).dispose();
    }
    const symmetry = pseudoInverseAction(params, { activation: "tanh" });
    await expect(createTeleporter({ symmetry, loss, params, batch: few })).rejects.toThrow(
      /does not keep this loss/,
    );
  });

  it("refuses the hidden action for another activation", async () => {
    const { params, loss } = networkOf("sigmoid");
    const batch = { x: normals([3, 3], 2), y: normals([3, 2], 3) };
    const made = (activation: string) =>
      createTeleporter({ symmetry: hiddenAction(params, { activation }), loss, params, batch });
    await (await made("sigmoid")).dispose();
    await expect(made("asinh")).rejects.toThrow(/hidden action.*does not keep this loss: a random element/);
  });

  it("refuses the rotation and the optimum of another quadratic", async () => {
    const params = { w: array([1, 2], "float64") };
    const [own, other] = [
      array(
        [
          [1, 0],
          [0, 10],
        ],
        "float64",
      ),
      array(
        [
          [3, 0],
          [0, 10],
        ],
        "float64",
      ),
    ];
    const loss = ({ w }: TensorsOf<VectorParams>) => mean(mul(square(w), constant(array([1, 10]), w.dtype)));
    const made = (matrix: NdArray) => [
      { symmetry: quadraticRotation(matrix) },
      { search: quadraticOptimum(matrix) },
    ];
    for (const way of made(own)) {
      await (await createTeleporter({ ...way, loss, params, batch: {} })).dispose();
    }
    for (const way of made(other)) {
      await expect(createTeleporter({ ...way, loss, params, batch: {} })).rejects.toThrow(
        /does not keep this loss/,
      );
    }
  });

  it("refuses the rotation of other residuals where the parameters are a single array", async () => {
    const [there, back] = [array([1, 2], "float64"), array([1, 0.5], "float64")];
    const map = { residuals: (w: Tensor) => mul(w, there), inverse: (u: Tensor) => mul(u, back) };
    const params = array([3, 0.5], "float64");
    const made = createTeleporter({
      symmetry: residualRotation(map, { params, batch: {} }),
      loss: (w) => sum(square(w)),
      params,
      batch: {},
    });
    await expect(made).rejects.toThrow(/"rotation of residuals" does not keep this loss: a random element/);
  });

  it("leaves searches alone that claim nothing", async () => {
    const { params, loss } = networkOf("tanh");
    const wrong = ownMove<MlpParams>("wrong", (p) =>
      positiveScaling(p).act(p, [normals([4], 1), normals([4], 2)], {}),
    );
    for (const search of [levelSet<MlpParams>(), wrong]) {
      const teleporter = await createTeleporter({ search, loss, params, batch: networkBatch });
      expect(teleporter.exact).toBe("no");
      await teleporter.dispose();
    }
  });

  it("wants true or false for allowInexact", async () => {
    const options = { symmetry: toyScaling(), loss: productLoss, params: toy(1, 2), batch: batchOf(1, 2) };
    await expect(createTeleporter<Toy>({ ...options, allowInexact: "yes" as never })).rejects.toThrow(
      /allowInexact must be true or false/,
    );
    await expect(createTeleporter<Toy>({ ...options, allowInexact: 1n as never })).rejects.toThrow("got 1n");
  });
});
