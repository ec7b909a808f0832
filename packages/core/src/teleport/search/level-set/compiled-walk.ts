// Runs a whole walk on a level set at once.
import { isNdArray, type NdArray } from "../../../array.js";
import { isSpecLeaf, type SpecLeaf } from "../../../graph/trace.js";
import { namedArrays } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import { flatten, unflatten } from "../../../tree.js";
import { type Limits, limitsOf, objection } from "../../guard.js";
import type { Point } from "../../point.js";
import { stepsTaken } from "../../report.js";
import { boundsOf } from "../guard-graph.js";
import { pointsOf } from "../guarded-loop.js";
import type { CompiledWalk, SearchProblem, Setting } from "../search.js";
import { warmUp } from "../warm-up.js";
import { ends, type LevelSetRule } from "./rule.js";
import { outcomes, type Status, statusNames, traceLevelSetWalk } from "./walk-graph.js";

export interface CompiledLevelSetWalk<P> {
  /** Undefined where the host has to take the steps. */
  walk(start: P, setting: Setting<P>, steps: number, limits: Limits): Promise<CompiledWalk<P> | undefined>;
  dispose(): Promise<void>;
}

/** Compiles {@link traceLevelSetWalk}. */
export async function compileLevelSetWalk<P>(
  problem: SearchProblem<P>,
  rule: LevelSetRule,
): Promise<CompiledLevelSetWalk<P>> {
  const { params, batch, memory, dtype, compileOptions } = problem;
  const race = problem.race?.start ?? {};
  const executable = await compile(traceLevelSetWalk(problem, rule), compileOptions);
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  const { leaves, paths: names } = flatten<SpecLeaf>({ params, batch, memory, race }, isSpecLeaf);
  const example = Object.fromEntries(names.map((name, k) => [name, leaves[k]]));
  await warmUp(executable, { ...example, bounds: boundsOf(limitsOf(false, dtype), rule.steps, dtype) });
  return {
    async walk(start, setting, steps, limits) {
      const given = namedArrays({
        params: start,
        batch: setting.batch,
        memory: setting.memory,
        race: setting.race ?? {},
      });
      const results = await executable.run({ ...given, bounds: boundsOf(limits, steps, dtype) });
      const status = statusOf(results.status);
      const [latest] = pointsOf(results.latest);
      const isDone = outcomes[status.outcome] === "steps taken";
      const before = pointsOf(results.points).slice(0, isDone ? status.taken : status.taken + 1);
      const points = isDone ? [...before, latest] : before;
      const reason = reasonOf(status, { points, refused: latest }, limits, rule.lineSearch);
      if (reason === undefined) return undefined;
      const end = unflatten(
        def,
        paths.map((path) => results[path]),
      ) as { readonly params: P };
      return { params: end.params, steps: status.taken, halvings: status.halvings, points, reason };
    },
    dispose: () => executable.dispose(),
  };
}

/** Why the walk ended; undefined if the guard on the host may have decided otherwise. */
function reasonOf(
  { outcome, taken, isRefused, projected }: Status<number>,
  { points, refused }: { readonly points: readonly Point[]; readonly refused: Point },
  limits: Limits,
  lineSearch: boolean,
): string | undefined {
  const refusal = isRefused ? objection(points[0], points[taken], refused, limits) : undefined;
  if (isRefused && refusal === undefined) return undefined;
  switch (outcomes[outcome]) {
    case "steps taken":
      return stepsTaken(taken);
    case "refused":
      return refusal;
    case "stationary":
      return refusal ?? ends.stationary(projected);
    case "exhausted":
      return refusal ?? (lineSearch ? ends.exhausted : ends.lost);
    default:
      return undefined;
  }
}

function statusOf({ data }: NdArray): Status<number> {
  const status = {} as Status<number>;
  for (let k = 0; k < statusNames.length; k++) status[statusNames[k]] = Number(data[k]);
  return status;
}
