// Rotary positions: J. Su et al., arXiv 2104.09864. Turns with a scale are the maps of a pair that commute with its turns.

import fc from "fast-check";
import { sampledRows } from "isoloss-test-support/random-cases";
import {
  expectKept,
  normals,
  randomized,
  type Subject,
  subject,
  type Values,
} from "isoloss-test-support/symmetry/discovery/support";
import { randomT, relative } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { astype, type NdArray } from "../../../../src/array.js";
import { add, mul, neg, sub } from "../../../../src/graph/ops/arithmetic.js";
import { cos, sin, square, tanh } from "../../../../src/graph/ops/elementary.js";
import { constant } from "../../../../src/graph/ops/leaf.js";
import { matmul } from "../../../../src/graph/ops/matmul.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import { expandDims, reshape, transpose } from "../../../../src/graph/ops/reshape.js";
import { concat, slice } from "../../../../src/graph/ops/slice.js";
import { softmax } from "../../../../src/graph/ops/softmax.js";
import { retype } from "../../../../src/graph/retype.js";
import { simplify } from "../../../../src/graph/simplify.js";
import type { Tensor } from "../../../../src/graph/tensor.js";
import { type TensorsOf, trace } from "../../../../src/graph/trace.js";
import { createRng } from "../../../../src/math/rng.js";
import { balancedScales, scaledParams } from "../../../../src/moves/balance/scales.js";
import { doublesOf } from "../../../../src/moves/balance/sweeps.js";
import { tracedScales } from "../../../../src/moves/balance/traced-scales.js";
import { rotated } from "../../../../src/moves/rotate/rotated.js";
import { rotaryEmbedding } from "../../../../src/nn/rotary.js";
import { compileJavaScript } from "../../../../src/runtime/javascript/executable.js";
import { describeDiscovery } from "../../../../src/symmetry/discovery/describe.js";
import type { Discovery } from "../../../../src/symmetry/discovery/descriptors.js";
import { permutations } from "../../../../src/symmetry/discrete/permutations.js";
import { signFlips } from "../../../../src/symmetry/discrete/sign-flips.js";
import { orthogonal } from "../../../../src/symmetry/rotation/orthogonal.js";
import { symmetriesOf } from "../../../../src/symmetry/symmetries-of.js";
import type { Symmetry } from "../../../../src/symmetry/symmetry.js";
import { checked } from "../scales-support.js";

/** Turns [1, heads, length, size] by positions; tables may be data. */
type Turning = (x: Tensor, tables: { readonly cos: Tensor; readonly sin: Tensor }) => Tensor;

const numbers = (shape: readonly number[], f: (at: number) => number): NdArray => ({
  shape,
  data: Float64Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, at) => f(at)),
});

const angles = (length: number, half: number, base = 10): Tensor =>
  constant(numbers([length, half], (at) => Math.floor(at / half) * base ** (-(at % half) / half)));

const cut = (x: Tensor, start: number, end: number, step = 1): Tensor =>
  slice(x, {
    starts: x.shape.map((_, d) => (d === x.rank - 1 ? start : 0)),
    ends: x.shape.map((n, d) => (d === x.rank - 1 ? end : n)),
    steps: x.shape.map((_, d) => (d === x.rank - 1 ? step : 1)),
  });

/** [-b a] of x = [a b]. */
function crossed(x: Tensor): Tensor {
  const size = x.shape[3];
  return concat([neg(cut(x, size / 2, size)), cut(x, 0, size / 2)], { axis: 3 });
}

const turned = (x: Tensor, both: Tensor, other = crossed(x)): Tensor =>
  add(mul(x, cos(both)), mul(other, sin(both)));

const turnings: Readonly<Record<string, Turning>> = {
  "pairs half the size apart": (x) => rotaryEmbedding(x, { base: 10 }),
  neighbors: (x) => rotaryEmbedding(x, { base: 10, interleaved: true }),
  "halves joined crosswise": (x) => {
    const own = angles(x.shape[2], x.shape[3] / 2);
    return turned(x, concat([own, own], { axis: 1 }));
  },
  "constant tables": (x) => {
    const half = x.shape[3] / 2;
    const table = (f: (angle: number) => number) =>
      constant(
        numbers([x.shape[2], 2 * half], (at) => f(Math.floor(at / (2 * half)) * 10 ** (-(at % half) / half))),
      );
    return add(mul(x, table(Math.cos)), mul(crossed(x), table(Math.sin)));
  },
  "neighbors joined crosswise": (x) => {
    const [length, size] = x.shape.slice(2);
    const own = expandDims(angles(length, size / 2), 2);
    const both = reshape(concat([own, own], { axis: 2 }), [length, size]);
    const other = [neg(cut(x, 1, size, 2)), cut(x, 0, size, 2)].map((part) => expandDims(part, 4));
    return turned(x, both, reshape(concat(other, { axis: 4 }), x.shape));
  },
  "neighbors written as halves": (x) => {
    const size = x.shape[3];
    return concat(turnedPair(x, cut(x, 0, size, 2), cut(x, 1, size, 2)), { axis: 3 });
  },
  "halves written as neighbors": (x) => {
    const size = x.shape[3];
    const pair = turnedPair(x, cut(x, 0, size / 2), cut(x, size / 2, size)).map((part) =>
      expandDims(part, 4),
    );
    return reshape(concat(pair, { axis: 4 }), x.shape);
  },
};

/** a c - b s and a s + b c. */
function turnedPair(x: Tensor, a: Tensor, b: Tensor): [Tensor, Tensor] {
  const own = angles(x.shape[2], x.shape[3] / 2);
  const [c, s] = [cos(own), sin(own)];
  return [sub(mul(a, c), mul(b, s)), add(mul(a, s), mul(b, c))];
}

interface Heads {
  readonly heads: number;
  readonly keyHeads: number;
  readonly size: number;
  readonly seed?: number;
  /** Whether queries and keys are one product, and if so, whether those of a head of keys are side by side. */
  readonly isFused?: boolean | "by heads" | undefined;
}

const attention = (...given: Parameters<typeof attentionLoss>): Subject => {
  const { loss, params, data } = attentionLoss(...given);
  return subject(loss, params, data);
};

/** Attention shares of heads whose queries and keys have positions, summed with random weights. */
function attentionLoss(turning: Turning | readonly [Turning, Turning], settings: Heads) {
  const { heads, keyHeads, size, seed = 1, isFused = false } = settings;
  const [length, width] = [5, 3];
  const rng = createRng(seed);
  const [ofQueries, ofKeys] = typeof turning === "function" ? [turning, turning] : turning;
  const own = { q: heads * size, k: keyHeads * size };
  const drawn: Values = isFused
    ? { qk: normals(rng, [width, own.q + own.k]), bias: normals(rng, [own.q + own.k]) }
    : { q: normals(rng, [width, own.q]), bias: normals(rng, [own.q]), k: normals(rng, [width, own.k]) };
  const params = randomized(drawn, rng);
  const data = {
    x: normals(rng, [1, length, width]),
    cos: normals(rng, [length, size]),
    sin: normals(rng, [length, size]),
  };
  const weights = normals(rng, [1, keyHeads, (heads / keyHeads) * length, length]);
  const loss = (p: TensorsOf<Values>, { x, cos, sin }: TensorsOf<typeof data>): Tensor => {
    const apart = (y: Tensor, count: number) => transpose(reshape(y, [1, length, count, size]), [0, 2, 1, 3]);
    const all = isFused ? add(matmul(x, p.qk), p.bias) : x;
    const group = heads / keyHeads;
    const beside = (start: number, end: number) => {
      const z = reshape(all, [1, length, keyHeads, group + 1, size]);
      const part = slice(z, { starts: [0, 0, 0, start, 0], ends: [1, length, keyHeads, end, size] });
      return reshape(part, [1, length, keyHeads * (end - start) * size]);
    };
    const ys =
      isFused === "by heads"
        ? [beside(0, group), beside(group, group + 1)]
        : isFused
          ? [cut(all, 0, own.q), cut(all, own.q, own.q + own.k)]
          : [add(matmul(x, p.q), p.bias), matmul(x, p.k)];
    const q = ofQueries(apart(ys[0], heads), { cos, sin });
    const k = ofKeys(apart(ys[1], keyHeads), { cos, sin });
    const grouped = reshape(q, [1, keyHeads, group * length, size]);
    return sum(mul(softmax(matmul(grouped, k, { transposeB: true })), constant(weights)));
  };
  return { loss, params, data };
}

const planesIn = ({ orthogonal: spaces }: Discovery) =>
  spaces.filter(({ keeps }) => keeps === "orientation").map(({ size, copies }) => [size, copies]);

/** The units of scalings of which each has elements of its own in queries and keys. */
const scalesIn = ({ scalings }: Discovery) =>
  scalings.filter(({ axes }) => axes.length === 3).map(({ size }) => size);

/** What the loss is in float32. */
function single(s: Subject): (values: Values) => number {
  const run = compileJavaScript(simplify(retype(s.graph, "float32")));
  const float32 = (tree: Values) =>
    Object.fromEntries(Object.entries(tree).map(([name, array]) => [name, astype(array, "float32")]));
  const data = Object.fromEntries(Object.entries(s.data).map(([name, array]) => [`d.${name}`, array]));
  return (values) => Number(run.runSync({ ...float32(values), ...float32(data) }).result.data[0]);
}

/** Turns change the parameters and keep the function. */
async function expectTurned({ found, values, evaluate }: Subject): Promise<void> {
  const symmetry = orthogonal<Values>(found.orthogonal);
  const moved = (await symmetry.act(values, randomT(symmetry.algebra, 2, 1), {})) as Values;
  expect(moved).not.toEqual(values);
  expect(relative(evaluate(values), evaluate(moved))).toBeLessThan(1e-10);
}

describe.each(sampledRows(Object.entries(turnings)))(
  "Of queries and keys that are turned as %s",
  (_, turning) => {
    it("each frequency of each head of keys has a turn and a scale", () => {
      fc.assert(
        fc.property(
          fc.record({
            keyHeads: fc.constantFrom(1, 2, 3),
            group: fc.constantFrom(1, 2),
            half: fc.constantFrom(2, 3, 4),
            seed: fc.integer({ min: 0, max: 1e6 }),
          }),
          ({ keyHeads, group, half, seed }) => {
            const s = attention(turning, { heads: group * keyHeads, keyHeads, size: 2 * half, seed });
            expect(planesIn(s.found)).toEqual([[2, keyHeads * half]]);
            expect(scalesIn(s.found)).toEqual([keyHeads * half]);
            expectKept(s);
            // Such turns spread nothing over a head.
            expect(rotated(s.values, { ...s.found, linear: [] })).toEqual(s.values);
          },
        ),
        { numRuns: 6 },
      );
    });

    it("turns are a symmetry that a search can move along", async () => {
      const s = attention(turning, { heads: 4, keyHeads: 2, size: 6 });
      await expectTurned(s);
    });

    it("values inside are scaled as their factors say", async () => {
      const s = attention(turning, { heads: 4, keyHeads: 2, size: 8 });
      const { changed, unknown } = await checked(s, s.found.scalings, 1e-9, 1);
      expect(changed).toBeGreaterThan(5);
      expect(unknown).toBe(0);
    });

    it("scales by powers of two change no bit in float32", () => {
      const s = attention(turning, { heads: 4, keyHeads: 2, size: 8 });
      const rng = createRng(3);
      const T = s.found.scalings.map(({ size }) => ({
        shape: [size],
        data: Float64Array.from({ length: size }, () => Math.LN2 * (rng.int(9) - 4)),
      }));
      const evaluate = single(s);
      const values = Object.fromEntries(
        Object.entries(s.values).map(([name, array]) => [name, astype(array, "float32")]),
      );
      const moved = scaledParams(values, s.found.scalings, T);
      expect(moved).not.toEqual(values);
      expect(evaluate(moved)).toBe(evaluate(values));
    });
  },
);

describe("Of heads of which a part is turned", () => {
  /** The first elements, or the last. */
  const partly =
    (turning: Turning, part: number, isFirst: boolean): Turning =>
    (x, tables) => {
      const size = x.shape[3];
      const own = isFirst ? cut(x, 0, part) : cut(x, size - part, size);
      const rest = isFirst ? cut(x, part, size) : cut(x, 0, size - part);
      const both = [turning(own, tables), rest];
      return concat(isFirst ? both : both.reverse(), { axis: 3 });
    };
  const cases = fc.record({
    keyHeads: fc.integer({ min: 1, max: 3 }),
    group: fc.integer({ min: 1, max: 2 }),
    half: fc.integer({ min: 1, max: 3 }),
    rest: fc.integer({ min: 2, max: 4 }),
    isFirst: fc.boolean(),
    isFused: fc.boolean(),
    seed: fc.integer({ min: 0, max: 1e6 }),
  });
  type Case = typeof cases extends fc.Arbitrary<infer C> ? C : never;
  const given = (name: string, { keyHeads, group, half, rest, isFirst, isFused, seed }: Case) =>
    [
      partly(turnings[name], 2 * half, isFirst),
      { heads: group * keyHeads, keyHeads, size: 2 * half + rest, seed, isFused },
    ] as const;

  it.each(Object.keys(turnings))(
    "by %s, frequencies have turns and scales, and the rest has all invertible maps",
    async (name) => {
      await fc.assert(
        fc.asyncProperty(cases, async (own) => {
          const { keyHeads, half, rest } = own;
          const s = attention(...given(name, own));
          expect(planesIn(s.found)).toEqual([[2, keyHeads * half]]);
          expect(s.found.linear.map(({ size, copies }) => [size, copies])).toEqual([[rest, keyHeads]]);
          expect(s.found.scalings.map(({ size }) => size)).toContain(keyHeads * half);
          expectKept(s);
          await expectTurned(s);
        }),
        { numRuns: 6 },
      );
    },
  );

  const one = { keyHeads: 2, group: 2, half: 2, rest: 3, isFirst: true, isFused: true, seed: 1 };

  it("symmetries of all kinds move along parts of heads and keep the function", async () => {
    const { loss, params, data } = attentionLoss(...given("neighbors", one));
    const own = subject(loss, params, data);
    const evaluate = (values: Values) =>
      own.evaluate(Object.fromEntries(Object.entries(values).map(([name, value]) => [`p.${name}`, value])));
    const symmetries = symmetriesOf(loss, params, data);
    for (const kind of ["scaling", "linear", "orthogonal", "shifts"] as const) {
      const symmetry = symmetries[kind] as Symmetry<Values>;
      const moved = (await symmetry.act(params, randomT(symmetry.algebra, 2, 1), data)) as Values;
      expect(moved).not.toEqual(params);
      expect(relative(evaluate(params), evaluate(moved)), kind).toBeLessThan(1e-10);
    }
  });

  it.each([
    ["signFlips", "signs", signFlips],
    ["permutations", "permutations", permutations],
  ] as const)("%s of units of parts of heads keep the function", (_, kind, symmetryOf) => {
    const { values, found, evaluate } = attention(...given("neighbors", { ...one, isFused: false }));
    const parts = found[kind].filter(({ axes }) => axes.some(({ part }) => part?.times !== undefined));
    expect(parts.length).toBeGreaterThan(0);
    for (const own of parts) {
      const symmetry = symmetryOf(values, [own]);
      const element = symmetry.compose(symmetry.move(0), symmetry.move(symmetry.moves - 1));
      const moved = symmetry.act(values, element);
      expect(moved).not.toEqual(values);
      expect(relative(evaluate(values), evaluate(moved))).toBeLessThan(1e-10);
    }
  });

  describe("known gaps, which are valid symmetries,", () => {
    const [turning, settings] = given("neighbors", one);
    const foundIn = (isFused: Heads["isFused"]) => attention(turning, { ...settings, isFused }).found;
    const apart = foundIn(false);

    it("are nearly all where queries and keys of each head are side by side in one tensor", () => {
      for (const kind of ["scalings", "linear", "orthogonal", "permutations"] as const) {
        expect(apart[kind]).not.toEqual([]);
        expect(foundIn("by heads")[kind], kind).toEqual([]);
      }
    });

    it("are signs and orders where queries and keys are blocks of one tensor", () => {
      for (const kind of ["signs", "permutations"] as const) {
        expect(apart[kind]).not.toEqual([]);
        expect(foundIn(true)[kind], kind).toEqual([]);
      }
    });
  });

  it("values inside are scaled as their factors say", async () => {
    const s = attention(...given("neighbors", one));
    const { changed, unknown } = await checked(s, s.found.scalings, 1e-9, 1);
    expect(changed).toBeGreaterThan(5);
    expect(unknown).toBe(0);
  });

  it("the description names the elements of each head", () => {
    const s = attention(...given("neighbors", { ...one, group: 1, isFused: false }));
    const texts = describeDiscovery(s.values, s.found).groups.map(({ text }) => text);
    expect(texts).toContain(
      "p.q[axis 1: 4..6, 2 times every 7] as 3 x 2 x 3 axis 2, p.bias[axis 0: 4..6, 2 times every 7] as 2 x 3 axis 1 times g; p.k[axis 1: 4..6, 2 times every 7] as 3 x 2 x 3 axis 2 times the inverse of g'",
    );
  });
});

describe("No turn is found", () => {
  const none = async (turning: Turning | readonly [Turning, Turning], size = 8) => {
    const s = attention(turning, { heads: 4, keyHeads: 2, size });
    expect(planesIn(s.found)).toEqual([]);
    expectKept(s);
    if (s.found.orthogonal.length > 0) await expectTurned(s);
  };

  it("where the elements of a pair have different angles", () => {
    none((x) => turned(x, concat([angles(5, 4), angles(5, 4, 20)], { axis: 1 })));
    none((x) => turned(x, constant(normals(createRng(2), [5, 8]))));
  });

  it("where tables are data, of which nothing says that the elements of a pair have one angle", () => {
    none((x, tables) => add(mul(x, tables.cos), mul(crossed(x), tables.sin)));
  });

  it("where one element of a pair is not turned against the other", () => {
    none((x) => {
      const own = angles(5, 4);
      const swapped = concat([cut(x, 4, 8), cut(x, 0, 4)], { axis: 3 });
      return turned(x, concat([own, own], { axis: 1 }), swapped);
    });
  });

  it.each([
    ["pairs half the size apart", "neighbors"],
    ["neighbors", "neighbors written as halves"],
    ["halves written as neighbors", "neighbors written as halves"],
  ])("where queries have %s and keys %s", async (ofQueries, ofKeys) => {
    for (const size of [4, 8]) await none([turnings[ofQueries], turnings[ofKeys]], size);
  });
});

it("No shift is followed through a turn", () => {
  const rng = createRng(4);
  const s = subject(
    (p, { x }) => sum(square(add(rotaryEmbedding(add(x, p.before)), p.after))),
    { before: normals(rng, [6]), after: normals(rng, [5, 6]) },
    { x: normals(rng, [1, 5, 6]) },
  );
  expect(s.found.shifts).toEqual([]);
});

it("No shift is multiplied by what turned pairs are computed to", () => {
  const rng = createRng(4);
  const s = subject(
    (p, { x }) => sum(square(tanh(add(mul(add(x, p.before), rotaryEmbedding(p.factor)), p.after)))),
    { before: normals(rng, [6]), factor: normals(rng, [5, 6]), after: normals(rng, [5, 6]) },
    { x: normals(rng, [1, 5, 6]) },
  );
  expect(s.found.shifts).toEqual([]);
});

it("Tables of half the size may be data", () => {
  const s = attention(
    (x, tables) => {
      const both = cut(tables.cos, 0, 4);
      return turned(x, concat([both, both], { axis: 1 }));
    },
    { heads: 2, keyHeads: 2, size: 8 },
  );
  expect(planesIn(s.found)).toEqual([[2, 8]]);
  expectKept(s);
});

it("The description names planes and units of scales", () => {
  const s = attention(turnings["pairs half the size apart"], { heads: 4, keyHeads: 2, size: 8 });
  const { groups } = describeDiscovery(s.values, s.found);
  const text = groups.map(({ kind, units, degreesOfFreedom, text: own }) => [
    kind,
    units,
    degreesOfFreedom,
    own,
  ]);
  expect(text).toContainEqual([
    "orthogonal",
    "8 x 2 units",
    8,
    "p.q as 3 x 2 x 2 x 2 x 4 axis 3, p.bias as 2 x 2 x 2 x 4 axis 2, p.k as 3 x 2 x 2 x 4 axis 2 times g (where g turns the plane of two units and does not reflect it)",
  ]);
  expect(text).toContainEqual([
    "scaling",
    "8 units",
    8,
    "p.q as 3 x 2 x 4 x 4 axes 1 and 3, p.bias as 2 x 4 x 4 axes 0 and 2 times c; p.k as 3 x 2 x 2 x 4 axes 1 and 3 divided by c",
  ]);
});

it.each(["norm", "range"] as const)(
  "A program balances scales of planes as the host does, by %s",
  async (by) => {
    const { found, values } = attention(turnings.neighbors, { heads: 4, keyHeads: 2, size: 8 });
    const { scalings } = found;
    const settings = { tolerance: 1e-6, most: 100 };
    const { T } = balancedScales(doublesOf(values, scalings), scalings, by, settings);
    const { graph } = trace(({ p }) => tracedScales(new Map(Object.entries(p)), scalings, by, settings), {
      p: values,
    });
    const inputs = Object.fromEntries(Object.entries(values).map(([name, value]) => [`p.${name}`, value]));
    const results = await compileJavaScript(graph).run(inputs);
    T.forEach(({ data }, k) => {
      expect(new Set(data).size).toBeGreaterThan(1);
      data.forEach((t, i) => {
        expect(Math.abs(t - Number(results[`T.${k}`].data[i]))).toBeLessThan(1e-9);
      });
    });
  },
);
