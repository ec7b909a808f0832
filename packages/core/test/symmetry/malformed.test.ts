// A group of one's own with a part missing or of the wrong form is refused where it is given.
import { expect, it } from "vitest";
import { array } from "../../src/array.js";
import { OptionError, ShapeError } from "../../src/errors.js";
import { mul } from "../../src/graph/ops/arithmetic.js";
import { sum } from "../../src/graph/ops/reduce.js";
import type { TensorsOf } from "../../src/graph/trace.js";
import { torchGenerator } from "../../src/math/mt19937.js";
import { type MlpParams, mlp } from "../../src/nn/models/mlp.js";
import { sgd } from "../../src/optim/sgd.js";
import { generalLinear } from "../../src/symmetry/general-linear.js";
import { hiddenAction } from "../../src/symmetry/hidden/hidden-action.js";
import { pseudoInverseAction } from "../../src/symmetry/hidden/pseudo-inverse-action.js";
import { positiveScaling } from "../../src/symmetry/positive-scaling.js";
import { product } from "../../src/symmetry/product.js";
import { orthogonal } from "../../src/symmetry/rotation/orthogonal.js";
import { scaling } from "../../src/symmetry/scaling.js";
import type { Symmetry } from "../../src/symmetry/symmetry.js";
import { createGainPredictor } from "../../src/teleport/diagnosis/predicted-gain.js";
import { orbitCurvature } from "../../src/teleport/objective/orbit-curvature.js";
import { referenceAngleTeleport } from "../../src/teleport/reference/reference-angle.js";
import { bestAngle } from "../../src/teleport/search/best-angle.js";
import { discreteSearch } from "../../src/teleport/search/discrete.js";
import { scalingCorner } from "../../src/teleport/search/scaling-corner.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";
import { createTrainer } from "../../src/train/trainer.js";

interface Pair {
  readonly a: ReturnType<typeof array>;
  readonly b: ReturnType<typeof array>;
}
const params: Pair = { a: array([2, 1], "float64"), b: array([1, 3], "float64") };
const loss = ({ a, b }: TensorsOf<Pair>) => sum(mul(a, b));
/** a <- e^t a, b <- e^-t b. */
const symmetry: Symmetry<Pair> = {
  name: "my scaling",
  paths: ["a", "b"],
  exact: "everywhere",
  algebra: [[]],
  bound: { kind: "norm", value: 1 },
  derivative: ({ a, b }, [t]) => ({ a: mul(t, a), b: mul(-1, mul(t, b)) }),
  act: async (p) => p,
  trace: (p) => p,
};
const teleporter = (changed: unknown) =>
  createTeleporter<Pair>({ symmetry: changed as Symmetry<Pair>, loss, params, batch: {} });

it.each([
  ["a function that was not called", positiveScaling, /got a function\. Call it/],
  [
    "no traced action",
    { ...symmetry, trace: undefined },
    /needs the action of "my scaling" as a traced function/,
  ],
  [
    "no traced context",
    { ...symmetry, context: async () => [] },
    /needs the context of "my scaling" as a traced function/,
  ],
  ["no algebra", { ...symmetry, algebra: undefined }, /an entry algebra, a list of the shapes/],
  ["an algebra by name", { ...symmetry, algebra: { t: [] } }, /an entry algebra, a list of the shapes/],
  [
    "a bound that is a number",
    { ...symmetry, bound: 1 },
    /an entry bound, such as \{ kind: "norm", value: 1 \}/,
  ],
  [
    "a bound without its kind",
    { ...symmetry, bound: { value: 1 } },
    /an entry bound, such as \{ kind: "norm", value: 1 \}/,
  ],
  ["no name", { ...symmetry, name: undefined, trace: undefined }, /an entry name, a text/],
  ["no action", { ...symmetry, act: undefined }, /an entry act, a function/],
  ["no derivative", { ...symmetry, derivative: undefined }, /an entry derivative, a function/],
])("%s is refused", async (_what, changed, message) => {
  await expect(teleporter(changed)).rejects.toThrow(OptionError);
  await expect(teleporter(changed)).rejects.toThrow(message);
});

it("a derivative that is no tree like the parameters is refused with both", async () => {
  const wrong = { ...symmetry, derivative: ({ a }: TensorsOf<Pair>) => ({ a }) };
  await expect(teleporter(wrong)).rejects.toThrow(ShapeError);
  await expect(teleporter(wrong)).rejects.toThrow(
    'The derivative of "my scaling" must return a tree like the parameters, a: float64[2], b: float64[2]; got a: float64[2].',
  );
});

it("says what is missing where neither a search nor a symmetry is given, or a search or an objective is a name", async () => {
  await expect(teleporter(undefined)).rejects.toThrow(/got neither\. Where symmetriesOf finds no such group/);
  const search = "gradientAscent" as never;
  await expect(createTeleporter({ search, loss, params, batch: {} })).rejects.toThrow(/got string/);
  const objective = "gradNormSq" as never;
  await expect(createTeleporter({ symmetry, objective, loss, params, batch: {} })).rejects.toThrow(
    /An objective is a function such as gradNormSq or decrease\(\); got string/,
  );
  const misspelt = { symmetry, loss, params, batch: {}, gaurd: {} };
  await expect(createTeleporter(misspelt)).rejects.toThrow(/no option "gaurd"; it has search, symmetry/);
});

it("asks for the params of what init returns, and for the activation", () => {
  const initial = mlp({ sizes: [2, 2, 2] }).init(torchGenerator(0));
  expect(() => positiveScaling(initial as never)).toThrow(/init returns \{ params, state \}/);
  expect(() => hiddenAction(initial.params, undefined as never)).toThrow(/needs the network's activation/);
});

it("names the part of a trainer that is missing, misspelt or still to be called", async () => {
  const data = { inputs: array([[1, 2]]), labels: array([0], "int64") };
  const parts = { model: mlp({ sizes: [2, 2] }), data, optimizer: sgd(), learningRate: 0.1 };
  const trainer = (changed: object) => createTrainer({ ...parts, ...changed } as typeof parts);
  await expect(trainer({ optimizer: sgd })).rejects.toThrow(/optimizer must be one such as sgd\(\)/);
  await expect(trainer({ model: mlp })).rejects.toThrow(/model must be one such as mlp/);
  await expect(trainer({ learningRate: undefined })).rejects.toThrow(/learningRate is missing/);
  await expect(trainer({ learning_rate: 1 })).rejects.toThrow(
    /no option "learning_rate"; it has model, data/,
  );
});

const none = undefined as never;
const uncalled = positiveScaling as never;
it.each<[string, () => unknown, RegExp]>([
  [
    "scalingCorner",
    () => scalingCorner(none),
    /scalingCorner takes a symmetry; got undefined\. Where symmetriesOf/,
  ],
  ["bestAngle", () => bestAngle(uncalled), /bestAngle takes a symmetry; got a function\. Call it/],
  ["orbitCurvature", () => orbitCurvature(none), /orbitCurvature takes a symmetry; got undefined/],
  ["product", () => product([symmetry, none]), /product takes a symmetry; got undefined/],
  ["product of no list", () => product(symmetry as never), /product takes a list of at least one symmetry/],
  ["discreteSearch", () => discreteSearch(none), /discreteSearch takes a discrete symmetry.+; got undefined/],
  ["discreteSearch of another", () => discreteSearch(symmetry as never), /takes a discrete symmetry.+; got/],
  [
    "scaling",
    () => scaling([]),
    /scaling takes a list of at least one entry, such as symmetriesOf finds; got \[\]/,
  ],
  ["generalLinear", () => generalLinear([]), /generalLinear takes a list of at least one entry/],
  ["orthogonal", () => orthogonal(none), /orthogonal takes a list of at least one entry.+; got undefined/],
])("%s asks for what it acts on where it is given", (_, make, message) => {
  expect(make).toThrow(OptionError);
  expect(make).toThrow(message);
});

it("asks for a symmetry and for a bound where a gain is predicted or an angle is turned", async () => {
  const predictor = (changed: object) =>
    createGainPredictor<Pair>({ symmetry, loss, params, batch: {}, ...changed });
  await expect(predictor({ symmetry: none })).rejects.toThrow(
    /createGainPredictor takes a symmetry; got undef/,
  );
  await expect(predictor({ bound: -1 })).rejects.toThrow(/bound must be a finite number > 0; got -1/);
  const angle = referenceAngleTeleport(params, {}, loss as never, uncalled);
  await expect(angle).rejects.toThrow(/referenceAngleTeleport takes a symmetry; got a function/);
});

it.each([
  ["hiddenAction", (p: MlpParams) => hiddenAction(p, { activation: "tanh" })],
  ["pseudoInverseAction", (p: MlpParams) => pseudoInverseAction(p, { activation: "tanh" })],
])("%s says where it looks for the network's input", async (name, make) => {
  const model = mlp({ sizes: [2, 2, 1], activation: "tanh" });
  const { params: initial } = model.init(torchGenerator(0));
  const made = createTeleporter({
    symmetry: make(initial),
    loss: (p, { inputs }) => sum(model.apply(p, inputs).output),
    params: initial,
    batch: { inputs: array([[1, 2]]) },
  });
  await expect(made).rejects.toThrow(OptionError);
  await expect(made).rejects.toThrow(
    `${name} takes the network's input from the batch's x; the batch has inputs`,
  );
});
