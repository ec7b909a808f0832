// Symmetries, null spaces and level sets instead of an adapter: the searches of single-task teleports on the
// shared parameters, with the objective L_g of Z. Zhou et al., NeurIPS 2025, arXiv 2503.04046.

import { array, isNdArray, type NdArray } from "../../array.js";
import type { Batch, BatchLoss, BatchTensors } from "../../batch.js";
import { OptionError } from "../../errors.js";
import { mean } from "../../graph/ops/reduce.js";
import { vectorOf } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import type { Objective } from "../../teleport/objective/objective.js";
import { gradientAscent } from "../../teleport/search/gradient-ascent.js";
import { createTeleporter } from "../../teleport/teleporter.js";
import { flatten, unflatten } from "../../tree.js";
import type { CostMove, MoveProblem, Mover, SharedProblem } from "./move.js";
import type { Parts } from "./shared-losses.js";

/**
 * The search moves the shared parameters; heads, state, balance and seed are part of the batch, under names
 * with this prefix.
 */
const prefix = "teleport/";

/**
 * A mover that follows a teleport's search, in the shared parameters only.
 *
 * @throws OptionError without an L_g to improve
 */
export async function searchMove<S>(
  move: Exclude<CostMove<S>, string>,
  problem: MoveProblem,
): Promise<Mover> {
  const { losses, tasks, parts, batch, trained, improve, dtype, compileOptions } = problem;
  const { value } = improve;
  if (value === undefined) {
    throw new OptionError("COST: a search needs an objective; improve must be cosine or sharpness.");
  }
  const { shared, ...fixed } = parts;
  const { def, paths } = flatten<NdArray>(fixed, isNdArray);
  const augmented = (b: Batch, { rest, state }: Parts, balance: Float64Array, seed: number): Batch => ({
    ...b,
    ...Object.fromEntries(
      flatten<NdArray>({ rest, state }, isNdArray).leaves.map((leaf, i) => [`${prefix}${paths[i]}`, leaf]),
    ),
    [`${prefix}balance`]: array([...balance], dtype),
    [`${prefix}seed`]: array(seed, "int64"),
  });
  const othersOf = (b: BatchTensors) =>
    unflatten(
      def,
      paths.map((path) => b[prefix + path]),
    ) as Omit<Parts, "shared">;
  const tasksOf =
    (b: BatchTensors) =>
    (shared: unknown, heads?: unknown): readonly Tensor[] =>
      losses({ ...othersOf(b), shared, ...(heads ? { rest: heads as Parts["rest"] } : {}) }, b);
  const loss: BatchLoss<S> = (p, b) => mean(vectorOf(tasksOf(b)(p)));
  const objective: Objective = () => (p, b) =>
    value(p, {
      losses: tasksOf(b),
      conflicting: tasksOf(b),
      heads: othersOf(b).rest,
      balance: b[`${prefix}balance`],
      seed: b[`${prefix}seed`],
      trained,
    });
  const { guard, allowInexact = false, ...way } = move;
  const example = augmented(batch, parts, new Float64Array(tasks), 0);
  const search = "search" in way ? way.search : ascentOn(way, shared as S, { loss, batch: example });
  const teleporter = await createTeleporter<S, Batch>({
    ...compileOptions,
    search,
    loss,
    objective,
    params: shared as S,
    batch: example,
    allowInexact,
    guard: guard === false ? false : { curvature: 0, ...guard },
  });
  return {
    async propose(start) {
      const at = augmented(start.conflicting, start.parts, start.balance, start.seed);
      const { params: moved, report } = await teleporter.teleport(start.parts.shared as S, at);
      const { objectiveBefore, objectiveAfter } = report;
      return {
        name: report.search,
        divisible: false,
        at: () => moved,
        first: { value: -objectiveBefore, preserve: 0, improve: objectiveBefore },
        last: {
          value: -objectiveAfter,
          preserve: Math.abs(report.lossAfter - report.lossBefore),
          improve: objectiveAfter,
        },
        note: report.reason,
      };
    },
    dispose: teleporter.dispose,
  };
}

function ascentOn<S>(
  { symmetry, ...options }: Extract<CostMove<S>, { readonly symmetry: unknown }>,
  shared: S,
  problem: SharedProblem<S>,
) {
  const made = typeof symmetry === "function" ? symmetry(shared, problem) : symmetry;
  return gradientAscent(made, options);
}
