import { randomCases } from "isoloss-test-support/random-cases";
import {
  combine,
  contextOf,
  derivativeOf,
  distance,
  evaluator,
  lossesOf,
  named,
  type Problem,
  randomProblem,
  randomT,
  relative,
  scaledT,
} from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../src/array.js";
import type { BatchLoss } from "../../src/batch.js";
import { simplify } from "../../src/graph/simplify.js";
import { trace } from "../../src/graph/trace.js";
import type { MlpParams } from "../../src/nn/models/mlp.js";
import { compileJavaScript } from "../../src/runtime/javascript/executable.js";
import { mapArrays } from "../../src/symmetry/parameter-axes.js";
import { isRefusal, type Symmetry } from "../../src/symmetry/symmetry.js";
import { gradNormSq } from "../../src/teleport/objective/objective.js";
import { traceAscent } from "../../src/teleport/search/orbit-walk.js";
import { namedArrays } from "../../src/tree.js";
import { symmetryRows } from "./symmetries.js";
import { gradientOf } from "./units.js";

export const seeds = Array.from({ length: randomCases(40) }, (_, i) => 1000 + i);

/** Other data: the same numbers in another order. */
const reversed = ({ shape, data }: NdArray): NdArray => ({ shape, data: data.slice().reverse() });

const sameNumbers = (a: NdArray, b: NdArray): boolean =>
  a.data.every((v: number | bigint, i: number) => v === b.data[i]);

/** The parameters at T.w. */
async function at(
  symmetry: Symmetry<MlpParams>,
  { params, batch }: Problem,
  T: readonly NdArray[],
): Promise<MlpParams> {
  const moved = await symmetry.act(params, T, batch);
  if (isRefusal(moved)) throw new Error(moved.refused);
  return moved;
}

type Row = (typeof symmetryRows)[number];

/** The problems of a row and their symmetries, each found, traced and compiled once for all tests. */
const shared = new Map(
  symmetryRows.map((row) => {
    const made = new WeakMap<Problem, Symmetry<MlpParams>>();
    const make = (problem: Problem): Symmetry<MlpParams> => {
      const symmetry = made.get(problem) ?? row.make(problem);
      made.set(problem, symmetry);
      return symmetry;
    };
    return [row, { make, problems: seeds.map((seed) => ({ seed, problem: randomProblem(seed, row) })) }];
  }),
);

const sharedOf = (row: Row) => shared.get(row) as NonNullable<ReturnType<typeof shared.get>>;

export const groupRows = symmetryRows.filter(
  (row) => row.make(randomProblem(seeds[0], row)).compose !== undefined,
);

export function expectSymmetries(rows: typeof symmetryRows): void {
  describe.each(rows)("$name", (row) => {
    const { make, problems } = sharedOf(row);
    const h = 1e-6;

    const { float64, float32 } = row.tolerance ?? { float64: 1e-10, float32: 1e-4 };

    it.each([
      ["float64", float64],
      ["float32", float32],
    ] as const)(
      "keeps the loss of random networks in %s, where it claims to: to %s",
      async (dtype, tolerance) => {
        const all = Array.from({ length: randomCases(100) }, (_, seed) =>
          randomProblem(seed, { ...row, dtype }),
        );
        const acted: { problem: Problem; to: MlpParams; exact: Symmetry<MlpParams>["exact"] }[] = [];
        for (const [seed, problem] of all.entries()) {
          const { params, batch, label } = problem;
          const symmetry = make(problem);
          const to = await symmetry.act(params, randomT(symmetry.algebra, row.norm, seed), batch);
          if (isRefusal(to)) {
            // Not every element keeps every activation inside its range; none is refused for want of rank here.
            expect(to.refused, label).toMatch(/out of their activation's range/);
            continue;
          }
          expect(distance(params, to), label).toBeGreaterThan(1e-4);
          acted.push({ problem, to, exact: symmetry.exact });
        }
        expect(acted.length).toBeGreaterThan(0.8 * all.length);
        const [from, to] = [acted.map(({ problem }) => problem.params), acted.map((a) => a.to)];
        const lossAt = await lossesOf(
          acted.map(({ problem }) => problem),
          dtype,
        );
        const own = acted.map(({ problem }) => problem.batch);
        const other = own.map(({ x, y }) => ({ x: reversed(x), y }));
        for (const batches of [own, other]) {
          const [before, after] = [await lossAt(from, batches), await lossAt(to, batches)];
          for (const [i, { problem, exact }] of acted.entries()) {
            if (batches === other && exact === "batch") continue;
            expect(relative(before[i], after[i]), problem.label).toBeLessThan(tolerance);
          }
        }
      },
    );

    it("keeps the parameters at T = 0", async () => {
      for (const { seed, problem } of problems) {
        const symmetry = make(problem);
        const moved = await at(symmetry, problem, scaledT(randomT(symmetry.algebra, 1, seed), 0));
        expect(distance(problem.params, moved), problem.label).toBeLessThan(1e-9);
      }
    });

    it("moves the parameters that it says, and no others", async () => {
      for (const { seed, problem } of problems) {
        const symmetry = make(problem);
        const moved = await at(symmetry, problem, randomT(symmetry.algebra, row.norm / 100, seed));
        const [before, after] = [namedArrays(problem.params), namedArrays(moved)];
        const changed = Object.keys(before).filter((path) => !sameNumbers(before[path], after[path]));
        expect(changed.sort(), problem.label).toEqual([...symmetry.paths].sort());
      }
    });

    it("leaves its argument alone and gives the same numbers again", async () => {
      for (const { seed, problem } of problems.slice(0, 10)) {
        const symmetry = make(problem);
        const T = randomT(symmetry.algebra, row.norm / 10, seed);
        const first = await at(symmetry, problem, T);
        expect(await at(symmetry, problem, T), problem.label).toEqual(first);
        expect(problem.params, problem.label).toEqual(randomProblem(seed, row).params);
      }
    });

    it("has the derivative at the identity that finite differences of its action give", async () => {
      for (const { seed, problem } of problems) {
        const symmetry = make(problem);
        const T = randomT(symmetry.algebra, 1, seed);
        const derivative = await derivativeOf(symmetry, problem, T);
        const centered = async (step: number) => {
          const ends = [
            await at(symmetry, problem, scaledT(T, step)),
            await at(symmetry, problem, scaledT(T, -step)),
          ];
          return combine((a, b) => (a - b) / (2 * step), ends[0], ends[1]);
        };
        // With the error of second order taken out, so that near the ends of an activation's range this is no coarser.
        const difference = combine((a, b) => (4 * a - b) / 3, await centered(1e-5), await centered(2e-5));
        expect(distance(difference, derivative), problem.label).toBeLessThan(1e-6);
      }
    });

    it("has the gradient of ||grad L(T.w)||^2 in T that finite differences give", async () => {
      for (const { seed, problem } of problems) {
        const symmetry = make(problem);
        const { params, batch, loss, label } = problem;
        const value = gradNormSq(loss) as BatchLoss<MlpParams>;
        const graph = traceAscent(symmetry, value, { params, batch, memory: {}, dtype: "float64" });
        const context = await contextOf(symmetry, problem);
        const results = compileJavaScript(simplify(graph)).runSync({
          ...named("params", params),
          ...named("batch", batch),
          ...named("context", context),
        });
        const valueAt = evaluator(value, problem);
        const gradients = symmetry.algebra.map((_, i) => results[`T.${i}`].data as Float64Array);
        const size = Math.hypot(...gradients.flatMap((g) => [...g]));
        for (const direction of [0, 1]) {
          const T = randomT(symmetry.algebra, 1, 10 * seed + direction);
          const slope = T.reduce(
            (a, { data }, i) => a + gradients[i].reduce((b, g, k) => b + g * Number(data[k]), 0),
            0,
          );
          const up = valueAt(await at(symmetry, problem, scaledT(T, h)), batch);
          const down = valueAt(await at(symmetry, problem, scaledT(T, -h)), batch);
          expect(Math.abs((up - down) / (2 * h) - slope), label).toBeLessThanOrEqual(
            1e-6 * (size + valueAt(params, batch)),
          );
        }
      }
    });
  });
}

export function expectGroups(rows: typeof groupRows): void {
  describe.each(rows)("the group of $name", (row) => {
    const { norm } = row;
    const { make, problems } = sharedOf(row);

    it("composes elements as they act one after another", async () => {
      for (const { seed, problem } of problems) {
        const symmetry = make(problem);
        const [S, T] = [1, 2].map((k) => randomT(symmetry.algebra, norm, seed + 1000 * k));
        const stepwise = await at(symmetry, { ...problem, params: await at(symmetry, problem, S) }, T);
        const atOnce = await at(symmetry, problem, symmetry.compose?.(T, S) ?? []);
        expect(distance(stepwise, atOnce), problem.label).toBeLessThan(1e-12);
      }
    });

    it("undoes each element by its inverse, on either side", async () => {
      for (const { seed, problem } of problems) {
        const symmetry = make(problem);
        const T = randomT(symmetry.algebra, norm, seed);
        const back = symmetry.inverse?.(T) ?? [];
        const there = await at(symmetry, problem, T);
        const returned = await at(symmetry, { ...problem, params: there }, back);
        expect(distance(problem.params, returned), problem.label).toBeLessThan(1e-11);
        for (const unit of [symmetry.compose?.(T, back), symmetry.compose?.(back, T)]) {
          const size = Math.hypot(...(unit ?? []).flatMap(({ data }) => Array.from(data, Number)));
          expect(size, problem.label).toBeLessThan(1e-12);
        }
      }
    });

    it("pushes the gradient forward to that at the point it leads to", async () => {
      const tolerance = row.tolerance?.float64 ?? 1e-10;
      for (const { seed, problem } of problems) {
        const { params, batch, label } = problem;
        const symmetry = make(problem);
        const T = randomT(symmetry.algebra, norm, seed);
        const before = await gradientOf(problem, params);
        const pushed = await symmetry.pushForward?.(before, T, 1, params, batch);
        const after = await gradientOf(problem, await at(symmetry, problem, T));
        expect(distance(after, pushed as MlpParams), label).toBeLessThan(tolerance);
      }
    });

    it("pushes forward as a traced function what it does on the host, and squares, too", async () => {
      for (const { seed, problem } of problems) {
        const { params, batch, label } = problem;
        const symmetry = make(problem);
        const { tracePushForward } = symmetry;
        if (tracePushForward === undefined) continue;
        const T = randomT(symmetry.algebra, norm, seed);
        const squares = mapArrays(params, ({ shape, data }) => ({
          shape,
          data: (data as Float64Array).map((v) => v * v),
        }));
        const { graph } = trace(
          ({ p, q, b, t }) => [tracePushForward(p, t, 1, p, b), tracePushForward(q, t, 2, p, b)],
          { p: params, q: squares, b: batch, t: T },
        );
        const results = await compileJavaScript(simplify(graph)).run(
          namedArrays({ p: params, q: squares, b: batch, t: T }),
        );
        for (const power of [1, 2] as const) {
          const pushed = await symmetry.pushForward?.(
            power === 1 ? params : squares,
            T,
            power,
            params,
            batch,
          );
          const traced = mapArrays(params, (_, path) => results[`${power - 1}.${path}`]);
          expect(distance(pushed as MlpParams, traced), label).toBeLessThan(1e-11);
        }
      }
    });
  });
}
