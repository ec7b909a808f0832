import { randomCases } from "isoloss-test-support/random-cases";
import { distance, randomProblem, randomT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import { array, type NdArray } from "../../src/array.js";
import type { BatchLoss } from "../../src/batch.js";
import { OptionError, ShapeError } from "../../src/errors.js";
import { add, div, mul, neg } from "../../src/graph/ops/arithmetic.js";
import { exp } from "../../src/graph/ops/elementary.js";
import { constant } from "../../src/graph/ops/leaf.js";
import { matmul } from "../../src/graph/ops/matmul.js";
import { sum } from "../../src/graph/ops/reduce.js";
import { reshape } from "../../src/graph/ops/reshape.js";
import { inverse } from "../../src/math/linalg.js";
import { scaledParams } from "../../src/moves/balance/scales.js";
import { defineSymmetry } from "../../src/symmetry/define-symmetry.js";
import type { LinearSpace } from "../../src/symmetry/discovery/descriptors.js";
import { generalLinear } from "../../src/symmetry/general-linear.js";
import { mapMatrices, multipliedAlong } from "../../src/symmetry/matrices-along.js";
import { identityPlus, transposed } from "../../src/symmetry/matrix.js";
import { orbit } from "../../src/symmetry/orbit.js";
import { mapArrays } from "../../src/symmetry/parameter-axes.js";
import { product } from "../../src/symmetry/product.js";
import { scaling } from "../../src/symmetry/scaling.js";
import { symmetriesOf } from "../../src/symmetry/symmetries-of.js";
import { isRefusal, type Symmetry, type SymmetryDefinition } from "../../src/symmetry/symmetry.js";
import { createGainPredictor } from "../../src/teleport/diagnosis/predicted-gain.js";
import { orbitCurvature } from "../../src/teleport/objective/orbit-curvature.js";
import { referenceAngleTeleport } from "../../src/teleport/reference/reference-angle.js";
import { orbitSearches } from "../../src/teleport/search/registry.js";
import { createTeleporter } from "../../src/teleport/teleporter.js";

interface Pair {
  readonly a: NdArray;
  readonly b: NdArray;
  readonly c: NdArray;
}
const pairOf = (dtype: "float32" | "float64"): Pair => ({
  a: array([2, 1], dtype),
  b: array([1, 3], dtype),
  c: array([7], dtype),
});
const params = pairOf("float64");
const loss: BatchLoss<Pair> = ({ a, b, c }) => mul(sum(mul(a, b)), sum(c));
/** a <- e^t a, b <- e^-t b. */
const definition: SymmetryDefinition<Pair> = {
  name: "my scaling",
  paths: ["a", "b"],
  exact: "everywhere",
  algebra: [[]],
  bound: { kind: "norm", value: 1 },
  derivative: ({ a, b, c }, [t]) => ({ a: mul(t, a), b: neg(mul(t, b)), c: mul(0, c) }),
  trace: ({ a, b, c }, [t]) => ({ a: mul(exp(t), a), b: div(b, exp(t)), c }),
  tracePushForward: ({ a, b, c }, [t], power) => ({
    a: div(a, exp(mul(power, t))),
    b: mul(b, exp(mul(power, t))),
    c,
  }),
};
const T = (t: number) => [array(t, "float64")];
const moved = <P>(to: P | { readonly refused: string }): P => {
  if (isRefusal(to)) throw new Error(to.refused);
  return to as P;
};

describe("defineSymmetry", () => {
  it("moves arrays as the traced action does, and leaves the same array where that does nothing", async () => {
    const symmetry = defineSymmetry(definition);
    const to = moved(await symmetry.act(params, T(0.3), {}));
    const e = Math.exp(0.3);
    expect(to).toEqual({ a: array([2 * e, e], "float64"), b: array([1 / e, 3 / e], "float64"), c: params.c });
    expect(to.c).toBe(params.c);
    const pushed = moved((await symmetry.pushForward?.(params, T(0.3), 2, params, {})) as Pair);
    expect(pushed.a).toEqual(array([2 / Math.exp(0.6), 1 / Math.exp(0.6)], "float64"));
    await symmetry.dispose?.();
    expect(await symmetry.act(params, T(0.3), {})).toEqual(to);
  });

  it("rounds to the type of an array once: T has float64 where parameters are float32", async () => {
    const to = moved(await defineSymmetry(definition).act(pairOf("float32"), T(0.1), {}));
    expect(to.a).toEqual(array([2 * Math.exp(0.1), Math.exp(0.1)]));
    expect(to.b).toEqual(array([1 / Math.exp(0.1), 3 / Math.exp(0.1)]));
  });

  it("is all that a teleport needs", async () => {
    const teleporter = await createTeleporter<Pair>({
      symmetry: defineSymmetry(definition),
      loss,
      params,
      batch: {},
    });
    const { report } = await teleporter.teleport(params, {});
    expect([report.accepted, report.drift < 1e-12]).toEqual([true, true]);
    await teleporter.dispose();
  });

  it("refuses where the traced action is not finite, unless the parameters are not", async () => {
    const symmetry = defineSymmetry<Pair>({ ...definition, traceRefusal: "too far" });
    expect(await symmetry.act(params, T(800), {})).toEqual({ refused: "too far" });
    const broken = { ...params, a: array([Number.NaN, 1], "float64") };
    expect(isRefusal(await symmetry.act(broken, T(0.1), {}))).toBe(false);
    expect(isRefusal(await defineSymmetry(definition).act(params, T(800), {}))).toBe(false);
  });

  it("has the traced context, and refuses where that is not certain", async () => {
    const known = (isCertain: number) =>
      defineSymmetry<Pair>({
        ...definition,
        traceContext: ({ a }) => ({ context: [mul(2, a)], isCertain: constant(isCertain, "float64") }),
      }).context?.(params, {});
    expect(await known(1)).toEqual([array([4, 2], "float64")]);
    expect(await known(0)).toEqual({ refused: expect.stringContaining("to working precision") });
  });

  it("computes together what several parameters share, and once what depends on T alone", async () => {
    const [w, v] = [array([[1, 2]], "float64"), array([[3], [4]], "float64")];
    const symmetry = defineSymmetry<{ w: NdArray; v: NdArray }>({
      ...{ name: "joined", paths: ["w", "v"], exact: "no", algebra: [[2, 2]], bound: definition.bound },
      derivative: (p) => p,
      trace({ w: x, v: y }, [t]) {
        const both = matmul(matmul(x, matmul(t, t)), y);
        return { w: add(x, both), v: add(y, reshape(both, [1, 1])) };
      },
    });
    // w t t v with t = [[1, 1], [0, 1]]: [1, 2] [[1, 2], [0, 1]] [3, 4]' = [1, 4] [3, 4]' = 19.
    const to = moved(await symmetry.act({ w, v }, [array([[1, 1], [0, 1]], "float64")], {})); // biome-ignore format: one line
    expect(to).toEqual({ w: array([[20, 21]], "float64"), v: array([[22], [23]], "float64") });
  });

  it("says what is wrong with an element or with the tree that the action returns", async () => {
    const symmetry = defineSymmetry(definition);
    await expect(symmetry.act(params, [array([1], "float64")], {})).rejects.toThrow(ShapeError);
    await expect(symmetry.act(params, [array([1], "float64")], {})).rejects.toThrow(
      'Block 0 of an element of "my scaling" must be an array of shape []',
    );
    const wrong = defineSymmetry<Pair>({ ...definition, trace: ({ a, b }) => ({ a, b }) as never });
    await expect(wrong.act(params, T(1), {})).rejects.toThrow(
      'The action of "my scaling" must return a tree like the parameters, a: float64[2], b: float64[2], c: float64[1]',
    );
  });
});

describe("an action on arrays alone", () => {
  const { trace: _, ...untraced } = definition;
  const old = { ...untraced, act: async (p: Pair) => p } as never as Symmetry<Pair>;
  const uses: Record<string, () => unknown> = {
    ...Object.fromEntries(
      Object.entries(orbitSearches).map(([name, { make }]) => [
        name,
        () => (make as (s: Symmetry<Pair>) => unknown)(old),
      ]),
    ),
    defineSymmetry: () => defineSymmetry(old),
    product: () => product([old]),
    createTeleporter: () => createTeleporter<Pair>({ symmetry: old, loss, params, batch: {} }),
    orbit: () => orbit(old, params),
    orbitCurvature: () => orbitCurvature(old),
    createGainPredictor: () => createGainPredictor({ symmetry: old, loss, params, batch: {} }),
    referenceAngleTeleport: () => referenceAngleTeleport(params as never, {}, loss as never, old as never),
  };
  it.each(Object.keys(uses))("is an error of %s that shows how to write the traced one", async (name) => {
    const error = await (async () => uses[name]())().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(OptionError);
    expect((error as Error).message).toMatch(
      /needs the action of "my scaling" as a traced function.*defineSymmetry\(\{ \.\.\., trace: \(\{ a, b \}, \[t\]\)/,
    );
  });
});

/** The other form of an action, on the arrays of files, is that of the symmetry. */
describe("moves of arrays along axes", () => {
  const tolerances = [["float64", 1e-14], ["float32", 3e-7]] as const; // biome-ignore format: one line

  it.each(tolerances)("scale as `scaling` acts on random networks: %s", async (dtype, tolerance) => {
    for (let seed = 0; seed < randomCases(20); seed++) {
      const options = { activations: ["relu", "leakyRelu"] as const, dtype };
      const { params: from, batch, loss: of, label } = randomProblem(seed, options);
      const { scalings } = symmetriesOf(of, from, batch).found;
      const symmetry = scaling<typeof from>(scalings);
      const element = randomT(symmetry.algebra, 2, seed);
      const to = moved(await symmetry.act(from, element, {}));
      expect(distance(to, scaledParams(from, scalings, element)), label).toBeLessThan(tolerance);
    }
  });

  it.each(tolerances)("multiply as `generalLinear` acts on random networks: %s", async (dtype, tolerance) => {
    for (let seed = 0; seed < randomCases(20); seed++) {
      const {
        params: from,
        batch,
        loss: of,
        label,
      } = randomProblem(seed, { activations: ["identity"], dtype });
      const spaces: readonly LinearSpace[] = symmetriesOf(of, from, batch).found.linear;
      const symmetry = generalLinear<typeof from>(spaces);
      const element = randomT(symmetry.algebra, 0.3, seed);
      const matrices = element.map((t) => {
        const g = identityPlus(t);
        return { 1: g, [-1]: mapMatrices(g, (m) => transposed(inverse(m))) };
      });
      const byHand = mapArrays(from, (array, path) =>
        spaces.reduce(
          (w, { axes }, k) =>
            axes.reduce(
              (v, axis) => (axis.path === path ? multipliedAlong(v, axis, matrices[k][axis.variance]) : v),
              w,
            ),
          array,
        ),
      );
      expect(distance(moved(await symmetry.act(from, element, {})), byHand), label).toBeLessThan(
        tolerance * 10,
      );
    }
  });
});
