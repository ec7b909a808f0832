import { describe, expect, it } from "vitest";
import { zeros } from "../../src/array.js";
import { digits } from "../../src/data/digits.js";
import { OptionError } from "../../src/errors.js";
import { square } from "../../src/graph/ops/elementary.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { Tensor } from "../../src/graph/tensor.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { balanced } from "../../src/moves/balance/balanced.js";
import { crossEntropy } from "../../src/nn/losses/cross-entropy.js";
import { type MlpParams, mlp } from "../../src/nn/models/mlp.js";
import { gd } from "../../src/optim/sgd.js";
import { createOrbitSampler } from "../../src/symmetry/orbit.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import { createGainPredictor } from "../../src/teleport/diagnosis/predicted-gain.js";
import { balance } from "../../src/teleport/search/balance.js";
import { gradientAscent } from "../../src/teleport/search/gradient-ascent.js";
import { randomSearch } from "../../src/teleport/search/random.js";
import { teleport } from "../../src/teleport/teleporter.js";
import { atSteps } from "../../src/teleport/when.js";
import { minimize } from "../../src/train/minimize/minimize.js";
import { createTrainer } from "../../src/train/trainer.js";

const { images, labels } = digits();
const batch = {
  x: { ...images, shape: [8, 64], data: images.data.slice(0, 512) },
  y: { shape: [8], data: labels.data.slice(0, 8) },
};
const network = (...sizes: number[]) => {
  const model = mlp({ sizes });
  const { params } = model.init(torchGenerator(0));
  const loss = (p: never, b: never) => {
    const { x, y } = b as { x: never; y: never };
    return crossEntropy(model.apply(p, x).output, y);
  };
  return { model, params, loss: loss as never };
};
const { model, params, loss } = network(64, 32, 10);
const data = { inputs: batch.x, labels: batch.y };

/** Symmetries of a network with other widths, and of one with the same first layers and one layer more. */
const others: readonly (readonly [string, Symmetry<MlpParams>, RegExp])[] = [
  [
    "other widths",
    positiveScaling(network(64, 8, 10).params),
    /"layers\.0\.weight" has the shape \[32, 64\]/,
  ],
  [
    "more layers",
    positiveScaling(network(64, 32, 10, 10).params),
    /"layers\.2\.weight" is none of layers\.0\.weight/,
  ],
  [
    "other widths, found in a graph",
    symmetriesOf(network(64, 8, 10).loss, network(64, 8, 10).params, batch).scaling as never,
    /"layers\.0\.weight" has the shape \[32, 64\]/,
  ],
];

describe.each(others)("a symmetry of a network with %s", (_, symmetry, which) => {
  const when = atSteps([1]);
  const settings = { learningRate: 0.1, steps: 2 };
  const point = { loss, params, batch };
  const uses: Record<string, () => unknown> = {
    teleport: () => teleport({ symmetry, ...point }),
    "a search": () => teleport({ search: gradientAscent(symmetry), ...point }),
    "a random search": () => teleport({ search: randomSearch(symmetry), ...point }),
    "a balancing search": () => teleport({ search: balance(symmetry as never), ...point }),
    "the trainer": () =>
      createTrainer({ model, data, optimizer: gd(), learningRate: 0.1, teleport: { when, symmetry } }),
    minimize: () =>
      minimize({ name: "net", loss, start: params, batch } as never, {
        ...settings,
        optimizer: gd(),
        teleport: { when, symmetry } as never,
      }),
    "the action": () =>
      symmetry.act(
        params,
        symmetry.algebra.map((shape) => zeros(shape, "float64")),
        batch,
      ),
    orbit: () => createOrbitSampler(symmetry, { params, batch }),
    "predictions of gains": () => createGainPredictor({ symmetry, ...point }),
    balanced: () =>
      balanced(params, {
        ...symmetriesOf(loss, params, batch).found,
        scalings: symmetry.generators,
      } as never),
  };

  it.each(Object.keys(uses))(
    "is refused by %s with the name of a parameter that does not fit",
    async (use) => {
      const error = await (async () => uses[use]())().catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(OptionError);
      expect((error as Error).message).toMatch(/^The symmetries are of other parameters: /);
      expect((error as Error).message).toMatch(which);
    },
  );
});

it("linear maps of spaces of another width are refused by balanced", async () => {
  const product = ({ a, b }: Record<"a" | "b", Tensor>, { x }: { readonly x: Tensor }) =>
    sum(square(matmul(matmul(x, a), b)));
  const of = (width: number) => ({ a: zeros([8, width]), b: zeros([width, 8]) });
  const { found } = symmetriesOf(product, of(4), { x: zeros([2, 8]) });
  expect(found.linear).toHaveLength(1);
  await expect(async () => balanced(of(6), { scalings: [], linear: found.linear })).rejects.toThrow(
    /^The symmetries are of other parameters: "a" has the shape \[8, 6\]/,
  );
});
