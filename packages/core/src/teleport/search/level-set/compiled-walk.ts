// Runs a whole walk on a level set at once.
import { isNdArray, type NdArray } from "../../../array.js";
import { greater } from "../../../graph/ops/compare.js";
import { isSpecLeaf, type SpecLeaf } from "../../../graph/trace.js";
import { namedLike } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import { flatten, unflatten } from "../../../tree.js";
import { type Limits, limitsOf, objection } from "../../guard.js";
import type { Point } from "../../point.js";
import { stepsTaken } from "../../report.js";
import { boundsOf, constantBounds } from "../guard-graph.js";
import { pointsOf, widthOf } from "../guarded-loop.js";
import type { CompiledWalk, SearchProblem, Setting, TracedWalk, WalkRecord } from "../search.js";
import { warmUp } from "../warm-up.js";
import { ends, type LevelSetRule } from "./rule.js";
import { levelSetWalk, traceLevelSetWalk } from "./walk-graph.js";
import { outcomes, type Status, statusNames } from "./walk-status.js";

export interface CompiledLevelSetWalk<P> {
  /** Undefined where the host has to take the steps. */
  walk(start: P, setting: Setting<P>, steps: number, limits: Limits): Promise<CompiledWalk<P> | undefined>;
  readonly tracedWalk?: TracedWalk<P> | undefined;
  dispose(): Promise<void>;
}

/** Compiles {@link levelSetWalk}. */
export async function compileLevelSetWalk<P>(
  problem: SearchProblem<P>,
  rule: LevelSetRule,
): Promise<CompiledLevelSetWalk<P>> {
  const { params, batch, memory, dtype, compileOptions } = problem;
  const race = problem.race?.start ?? {};
  const width = widthOf(problem.race);
  const walk = levelSetWalk(problem, rule);
  const executable = await compile(traceLevelSetWalk(problem, rule), compileOptions);
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  const example = { params, batch, memory, race };
  const inputsOf = namedLike(flatten<SpecLeaf>(example, isSpecLeaf));
  await warmUp(executable, {
    ...inputsOf<SpecLeaf>(example),
    bounds: boundsOf(limitsOf(false, dtype), rule.steps, dtype),
  });
  const read = (numbers: NdArray["data"], limits: Limits) =>
    recordOf(numbers, width, limits, rule.lineSearch);
  const tracedWalk: TracedWalk<P> = {
    trace(start, setting, limits) {
      const bounds = constantBounds(limits, rule.steps, dtype);
      const { taken, ...end } = walk(start, { ...setting, bounds });
      return { ...end, isMoved: greater(taken, 0) };
    },
    read,
  };
  return {
    async walk(start, setting, steps, limits) {
      const { batch: at, memory: m, race: from = {} } = setting;
      const given = inputsOf({ params: start, batch: at, memory: m, race: from });
      const results = await executable.run({ ...given, bounds: boundsOf(limits, steps, dtype) });
      const record = read(results.numbers.data, limits);
      if (record === undefined) return undefined;
      const end = unflatten(
        def,
        paths.map((path) => results[path]),
      ) as { readonly params: P };
      return { params: end.params, ...record };
    },
    ...(executable.runtime === "javascript" && dtype === "float64" ? { tracedWalk } : {}),
    dispose: () => executable.dispose(),
  };
}

/** What a walk did, from the numbers that it gives; undefined as in {@link reasonOf}. */
function recordOf(
  numbers: NdArray["data"],
  width: number,
  limits: Limits,
  lineSearch: boolean,
): WalkRecord | undefined {
  const status = statusOf(numbers);
  const [latest, ...others] = pointsOf(numbers, width, statusNames.length);
  const isDone = outcomes[status.outcome] === "steps taken";
  const before = others.slice(0, isDone ? status.taken : status.taken + 1);
  const points = isDone ? [...before, latest] : before;
  const reason = reasonOf(status, { points, refused: latest }, limits, lineSearch);
  if (reason === undefined) return undefined;
  return { steps: status.taken, halvings: status.halvings, points, reason };
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

function statusOf(numbers: NdArray["data"]): Status<number> {
  const status = {} as Status<number>;
  for (let k = 0; k < statusNames.length; k++) status[statusNames[k]] = Number(numbers[k]);
  return status;
}
