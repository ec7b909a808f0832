import type { NdArray } from "../../../src/array.js";
import type { BatchLoss } from "../../../src/batch.js";
import { add, mul, sub } from "../../../src/graph/ops/arithmetic.js";
import { square } from "../../../src/graph/ops/elementary.js";
import { sum } from "../../../src/graph/ops/reduce.js";
import { slice } from "../../../src/graph/ops/slice.js";
import { gradNormSq, type Objective } from "../../../src/teleport/objective/objective.js";
import type { SearchFactory, SearchProblem, Setting } from "../../../src/teleport/search/search.js";
import { createTeleporter } from "../../../src/teleport/teleporter.js";

export interface Plane {
  readonly w: NdArray;
}

export const at = (x: number, y: number): Plane => ({ w: { shape: [2], data: Float64Array.of(x, y) } });
export const coordinates = ({ w }: Plane): [number, number] => [Number(w.data[0]), Number(w.data[1])];

/** (x + 2y - 7)^2 + (2x + y - 5)^2. */
export const booth: BatchLoss<Plane> = ({ w }) => {
  const [x, y] = [slice(w, { ends: [1] }), slice(w, { starts: [1] })];
  const u = sub(add(x, mul(2, y)), 7);
  const v = sub(add(mul(2, x), y), 5);
  return sum(add(square(u), square(v)));
};

export const boothAt = (p: Plane): { readonly loss: number; readonly gradNormSq: number } => {
  const [x, y] = coordinates(p);
  const [u, v] = [x + 2 * y - 7, 2 * x + y - 5];
  return { loss: u * u + v * v, gradNormSq: (2 * u + 4 * v) ** 2 + (4 * u + 2 * v) ** 2 };
};

export function problemOf<P>(
  loss: BatchLoss<P>,
  params: P,
  batch: SearchProblem<P>["batch"],
  objective: Objective = gradNormSq,
): SearchProblem<P> {
  return {
    loss,
    objective: objective(loss),
    params,
    batch,
    memory: {},
    dtype: "float64",
    compileOptions: {},
  };
}

const unguarded = { drift: Infinity, heldOutDrift: Infinity, halvings: 0, curvature: 0, anyObjective: true };

/** Points of a walk that takes every proposal, from the start on, and why it ended; the guard tests the drift at most. */
export async function everyProposal<P>(
  factory: SearchFactory<P>,
  problem: SearchProblem<P>,
  steps: number,
  { drift = Infinity, measure }: { readonly drift?: number; readonly measure?: Setting<P>["measure"] } = {},
): Promise<{ readonly points: P[]; readonly stopped: string }> {
  const search = await factory(problem);
  const setting = {
    batch: problem.batch as never,
    memory: {},
    measure:
      measure ??
      (async () => {
        throw new Error("a walk measured a point on its own");
      }),
  };
  const points = [problem.params];
  const { reason: stopped } = await search.run(
    problem.params,
    setting,
    { ...unguarded, drift },
    {
      whyNot: async (p) => {
        points.push(p);
        return undefined;
      },
    },
  );
  await search.dispose();
  return { points: points.slice(0, steps + 1), stopped };
}

/** One teleport without the report's ratios of curvature. */
export async function teleportBy<P>(
  search: SearchFactory<P>,
  { loss, params, batch }: Pick<SearchProblem<P>, "loss" | "params" | "batch">,
  objective: Objective = gradNormSq,
) {
  const teleporter = await createTeleporter({
    search,
    loss,
    params,
    batch,
    objective,
    guard: { curvature: 0 },
  });
  const result = await teleporter.teleport(params, batch as never);
  await teleporter.dispose();
  return result;
}
