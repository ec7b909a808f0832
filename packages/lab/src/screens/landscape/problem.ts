// The library's parts that the settings of the landscape screen name.
import type { When } from "isoloss";
import { gd, type Optimizer } from "isoloss/optim";
import { booth, type Problem, rosenbrock, vector } from "isoloss/problems";
import type { VectorParams } from "isoloss/symmetry";
import { atSteps, bestAngle, every, gradNormSq, modelDecrease, type SearchFactory } from "isoloss/teleport";
import type { ObjectiveName } from "../../app/choices.js";
import type { Teleports } from "../../url/teleports.js";
import type { FunctionSettings, LandscapeState } from "./state.js";

export type PlaneProblem = Problem<VectorParams>;

export async function problemOf({
  f,
  cond,
  r1,
  r2,
  x,
}: FunctionSettings & Pick<LandscapeState, "x">): Promise<PlaneProblem> {
  if (f === "booth") return booth({ start: x });
  if (f === "rosenbrock") return rosenbrock({ start: x });
  const { ownProblem, quadratic } = await import("./more.js");
  if (f === "own") return ownProblem({ r1, r2, start: x });
  // biome-ignore format: a matrix
  return quadratic({ matrix: [[1, 0], [0, cond]], start: x });
}

export const optimizerOf = async ({ opt }: Pick<LandscapeState, "opt">): Promise<Optimizer> =>
  opt === "gd" ? gd() : (await import("./more.js")).createOptimizer(opt);

export function whenOf(tp: Teleports): When | undefined {
  if (tp.kind === "off") return undefined;
  return tp.kind === "every" ? every(tp.steps) : atSteps(tp.steps);
}

export const objectiveOf = (name: ObjectiveName) => (name === "gradNormSq" ? gradNormSq : modelDecrease);

/** The search of the teleported run, and that of its control: one random angle under the same guard. */
export async function searchOf(
  { search }: Pick<LandscapeState, "search">,
  problem: PlaneProblem,
  isControl: boolean,
): Promise<SearchFactory<VectorParams>> {
  if (!isControl && search === "bestAngle") return bestAngle(problem.symmetry());
  const { gradientAscent, levelSet, randomSearch } = await import("./more.js");
  if (isControl) return randomSearch(problem.symmetry(), { samples: 1 });
  return search === "levelSet" ? levelSet() : gradientAscent(problem.symmetry());
}

export const startOf = ([x, y]: readonly [number, number]): VectorParams => vector([x, y]);
