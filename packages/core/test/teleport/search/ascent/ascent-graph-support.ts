// d/dT f(T.w) at the identity for every objective f and every symmetry, against difference quotients of the action.
import { sampledRows } from "isoloss-test-support/random-cases";

import { randomProblem, randomT, scaledT } from "isoloss-test-support/symmetry/support";
import { describe, expect, it } from "vitest";
import type { NdArray } from "../../../../src/array.js";
import type { Batch, BatchLoss } from "../../../../src/batch.js";
import { square } from "../../../../src/graph/ops/elementary.js";
import { sum } from "../../../../src/graph/ops/reduce.js";
import { simplify } from "../../../../src/graph/simplify.js";
import { isTensor, type Tensor } from "../../../../src/graph/tensor.js";
import { type TensorsOf, trace } from "../../../../src/graph/trace.js";
import { adam } from "../../../../src/optim/adam.js";
import { booth } from "../../../../src/problems/booth.js";
import { quadratic } from "../../../../src/problems/quadratic.js";
import { rosenbrock2n } from "../../../../src/problems/rosenbrock-2n.js";
import { compileJavaScript } from "../../../../src/runtime/javascript/executable.js";
import { isRefusal, type Symmetry } from "../../../../src/symmetry/symmetry.js";
import { decrease } from "../../../../src/teleport/objective/decrease.js";
import { gradNormSqOf } from "../../../../src/teleport/objective/grad-norm-sq-of.js";
import { modelDecrease } from "../../../../src/teleport/objective/model-decrease.js";
import { gradNormSq, minimized, type Objective } from "../../../../src/teleport/objective/objective.js";
import { orbitCurvature } from "../../../../src/teleport/objective/orbit-curvature.js";
import { sharpness } from "../../../../src/teleport/objective/sharpness.js";
import { traceAscent } from "../../../../src/teleport/search/orbit-walk.js";
import { flatten, namedArrays } from "../../../../src/tree.js";
import { teleportRows } from "../../../symmetry/symmetries.js";

/** A loss at a point with a symmetry of it. */
interface Place {
  readonly label: string;
  readonly loss: BatchLoss<never>;
  readonly params: never;
  readonly batch: Batch;
  readonly symmetry: Symmetry<never>;
}

export const places: readonly (readonly [string, () => readonly Place[]])[] = [
  ...teleportRows.map(
    (row) =>
      [
        row.name,
        () =>
          [3000, 3001].map((seed) => {
            const problem = randomProblem(seed, row);
            return { ...problem, symmetry: row.make(problem) } as unknown as Place;
          }),
      ] as const,
  ),
  ...[quadratic(), booth(), rosenbrock2n({ pairs: 2, start: [-1, 0.5, 0.3, 1.2] })].map(
    ({ name, loss, start, batch, symmetry }) =>
      [
        `rotations of ${name}`,
        () => [{ label: name, loss, params: start, batch, symmetry: symmetry() } as unknown as Place],
      ] as const,
  ),
];

/** The first parameter alone, to the fourth power: an objective of one's own. */
const own: Objective = () => (params) => sum(square(square(flatten(params, isTensor).leaves[0])));

/** Objectives by name; that of a part of the parameters takes the first. */
function objectivesFor({ params, symmetry, batch }: Place): Readonly<Record<string, Objective>> {
  const [first] = Object.keys(namedArrays(params));
  const hasContext = (symmetry.contextShapes?.(batch) ?? []).length > 0;
  return {
    gradNormSq,
    "gradNormSq, minimized": minimized(gradNormSq),
    gradNormSqOf: gradNormSqOf([first]),
    modelDecrease,
    decrease: decrease({ learningRate: 0.01, steps: 2 }),
    "decrease with Adam": decrease({ learningRate: 0.01, optimizer: adam() }),
    sharpness: sharpness({ samples: 2 }),
    ...(hasContext ? {} : { orbitCurvature: orbitCurvature(symmetry) }),
    own,
  };
}

async function contextOf({ symmetry, params, batch }: Place): Promise<readonly NdArray[]> {
  const context = (await symmetry.context?.(params, batch)) ?? [];
  if (isRefusal(context)) throw new Error(context.refused);
  return context;
}

/** The gradient in T, in one list of numbers for each of its blocks. */
async function gradientInT(place: Place, objective: Objective): Promise<readonly Float64Array[]> {
  const { loss, params, batch, symmetry } = place;
  const problem = { params, batch, memory: {}, dtype: "float64" } as const;
  const graph = traceAscent(symmetry, objective(loss), problem);
  const context = await contextOf(place);
  const results = compileJavaScript(simplify(graph)).runSync(namedArrays({ params, batch, context }));
  return symmetry.algebra.map((_, i) => results[`T.${i}`].data as Float64Array);
}

/** All objectives at T.w. */
function valuesAt({ loss, params, batch, symmetry }: Place, objectives: readonly Objective[]) {
  const f = (p: TensorsOf<never>, b: Record<string, Tensor>) => objectives.map((o) => o(loss)(p, b));
  const { graph } = trace(({ params, batch }) => f(params, batch), { params, batch });
  const run = compileJavaScript(simplify(graph));
  return async (T: readonly NdArray[]): Promise<readonly number[]> => {
    const at = await symmetry.act(params, T, batch);
    if (isRefusal(at)) throw new Error(at.refused);
    const results = run.runSync(namedArrays({ params: at, batch }));
    return graph.outputs.map(({ name }) => Number(results[name].data[0]));
  };
}

export function expectGradients(rows: typeof places): void {
  // symmetries.test.ts and teleport-support.ts sample the rows beside.
  describe.each(sampledRows(rows, 2))("along the orbits of %s", (_, make) => {
    it("each objective has the gradient in T of difference quotients", async () => {
      for (const [seed, place] of make().entries()) {
        const named = Object.entries(objectivesFor(place));
        const at = valuesAt(
          place,
          named.map(([, objective]) => objective),
        );
        const h = 1e-5;
        const T = randomT(place.symmetry.algebra, 1, seed);
        const [value, up, down] = [
          await at(scaledT(T, 0)),
          await at(scaledT(T, h)),
          await at(scaledT(T, -h)),
        ];
        for (const [k, [name, objective]] of named.entries()) {
          const gradient = await gradientInT(place, objective);
          const size = Math.hypot(...gradient.flatMap((g) => [...g]));
          const slope = T.reduce(
            (total, { data }, i) => total + gradient[i].reduce((s, g, j) => s + g * Number(data[j]), 0),
            0,
          );
          const what = `${name} of ${place.label}`;
          // Where one factor scales all that moves, the orbit is a straight line.
          const isStraight = name === "orbitCurvature" && value[k] < 1e-12;
          // A shift of biases changes neither the first weight nor its gradient.
          const isFixed = place.symmetry.name === "shift" && (name === "gradNormSqOf" || name === "own");
          if (!isStraight && !isFixed) expect(size, what).toBeGreaterThan(1e-8 * Math.abs(value[k]));
          expect(Math.abs((up[k] - down[k]) / (2 * h) - slope), what).toBeLessThan(
            1e-6 * (size + Math.abs(value[k])),
          );
        }
      }
    });
  });
}
