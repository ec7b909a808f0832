// What each symmetry that symmetriesOf finds in a graph promises, on a hundred random networks each, by its own action:
// convolutions with normalizations, pooling and residual sums, attention, perceptrons with products and concatenations.
import { isDeepStrictEqual } from "node:util";
import type { Subject, Values } from "isoloss-test-support/symmetry/discovery/support";
import { type Float, randomT, relative } from "isoloss-test-support/symmetry/support";
import { expect, it } from "vitest";
import { astype, dtypeOf, type NdArray } from "../../src/array.js";
import type { Graph } from "../../src/graph/graph.js";
import { retype } from "../../src/graph/retype.js";
import { isFloat } from "../../src/graph/tensor.js";
import { createRng } from "../../src/math/rng.js";
import { compile } from "../../src/runtime/compile.js";
import type { DiscreteSymmetry } from "../../src/symmetry/discrete/discrete.js";
import { permutations } from "../../src/symmetry/discrete/permutations.js";
import { signFlips } from "../../src/symmetry/discrete/sign-flips.js";
import { generalLinear } from "../../src/symmetry/general-linear.js";
import { orthogonal } from "../../src/symmetry/rotation/orthogonal.js";
import { scaling } from "../../src/symmetry/scaling.js";
import { shift } from "../../src/symmetry/shift.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import { namedArrays } from "../../src/tree.js";
import { type NetworkKind, randomNetwork } from "./discovery/random-network.js";

/** A group that a network may have, and an element of it that acts. */
interface Kind {
  readonly name: string;
  readonly network: NetworkKind;
  readonly tolerance: Readonly<Record<Float, number>>;
  /** The moved parameters; undefined where the network has no such group. */
  move(subject: Subject, values: Values, seed: number): Promise<Values> | undefined;
}

const exactly = { float64: 1e-10, float32: 1e-4 };

async function moved(symmetry: Symmetry<Values>, values: Values, size: number, seed: number) {
  const to = await symmetry.act(values, randomT(symmetry.algebra, size, seed), {});
  if (isRefusal(to)) throw new Error(to.refused);
  return to;
}

async function permuted(symmetry: DiscreteSymmetry<Values>, values: Values, seed: number) {
  const to = symmetry.act(values, symmetry.random(createRng(seed)));
  // The identity may be drawn, also as flips that cancel: those of all groups and of all units of a group.
  return isDeepStrictEqual(to, values) ? symmetry.act(values, symmetry.move(0)) : to;
}

const scalings: Kind["move"] = ({ found }, values, seed) => {
  const exact = found.scalings.filter((g) => g.exact);
  return exact.length === 0 ? undefined : moved(scaling(exact), values, 1, seed);
};
const flips: Kind["move"] = ({ found: { signs } }, values, seed) =>
  signs.length === 0 ? undefined : permuted(signFlips(values, signs), values, seed);
const swaps: Kind["move"] = ({ found: { permutations: spaces } }, values, seed) =>
  spaces.length === 0 ? undefined : permuted(permutations(values, spaces), values, seed);
const shifts: Kind["move"] = (subject, values, seed) => {
  const { found, loss, data } = subject;
  if (found.shifts.length === 0) return undefined;
  return moved(shift(loss, subject.values, data, found.shifts), values, 1, seed);
};

const kinds: readonly Kind[] = [
  { name: "scaling through convolutions", network: "images", tolerance: exactly, move: scalings },
  { name: "sign flips of channels", network: "images", tolerance: exactly, move: flips },
  { name: "permutations of channels", network: "images", tolerance: exactly, move: swaps },
  { name: "scaling of units", network: "vectors", tolerance: exactly, move: scalings },
  { name: "sign flips of units", network: "vectors", tolerance: exactly, move: flips },
  { name: "permutations of units", network: "vectors", tolerance: exactly, move: swaps },
  { name: "permutations of heads and units", network: "attention", tolerance: exactly, move: swaps },
  { name: "shifts behind convolutions", network: "images", tolerance: exactly, move: shifts },
  { name: "shifts of units", network: "vectors", tolerance: exactly, move: shifts },
  { name: "shifts of keys and values", network: "attention", tolerance: exactly, move: shifts },
  {
    name: "rotations of residual streams",
    network: "stream",
    tolerance: exactly,
    move: ({ found }, values, seed) =>
      found.orthogonal.length === 0 ? undefined : moved(orthogonal(found.orthogonal), values, 2, seed),
  },
  {
    name: "GL of linear spaces",
    network: "vectors",
    tolerance: exactly,
    move: ({ found: { linear } }, values, seed) =>
      linear.length === 0 ? undefined : moved(generalLinear(linear), values, 0.3, seed),
  },
  {
    name: "GL of each head's queries and keys, values and outputs",
    network: "attention",
    tolerance: exactly,
    move({ found: { linear } }, values, seed) {
      const heads = linear.filter(({ copies }) => copies > 1);
      return heads.length === 0 ? undefined : moved(generalLinear(heads), values, 0.3, seed);
    },
  },
];

const count = 100;

/** A graph on parameters and data of one dtype. */
async function evaluator({ graph, data }: Subject, dtype: Float) {
  const typed = (arrays: Values): Values =>
    Object.fromEntries(
      Object.entries(arrays).map(([name, a]) => [name, isFloat(dtypeOf(a)) ? astype(a, dtype) : a]),
    );
  const fixed = typed(namedArrays({ d: data as Readonly<Record<string, NdArray>> }));
  const executable = await compile(retype(graph, dtype) as Graph, {
    runtime: dtype === "float32" ? "onnx" : "javascript",
  });
  return {
    typed,
    lossOf: async (values: Values) => Number((await executable.run({ ...values, ...fixed })).result.data[0]),
    dispose: () => executable.dispose(),
  };
}

it.each(
  (["images", "vectors", "attention", "stream"] as const).flatMap((n) => [
    [n, "float64"] as const,
    [n, "float32"] as const,
  ]),
)("each kind of symmetry keeps the loss of 100 random networks of %s in %s", async (network, dtype) => {
  const wanted = kinds.filter((kind) => kind.network === network);
  const tried = new Map(wanted.map(({ name }) => [name, 0]));
  for (let seed = 0; [...tried.values()].some((n) => n < count); seed++) {
    expect(seed, JSON.stringify([...tried])).toBeLessThan(1000);
    const subject = randomNetwork(seed, network);
    const missing = wanted.filter(({ name }) => (tried.get(name) as number) < count);
    const { typed, lossOf, dispose } = await evaluator(subject, dtype);
    const from = typed(subject.values);
    const before = await lossOf(from);
    for (const { name, move, tolerance } of missing) {
      const to = await move(subject, from, seed);
      if (to === undefined) continue;
      tried.set(name, (tried.get(name) as number) + 1);
      expect(to, name).not.toEqual(from);
      expect(relative(before, await lossOf(to)), `${name}, network ${seed}`).toBeLessThan(tolerance[dtype]);
    }
    await dispose();
  }
});
