// A walk on a level set as a program, and what its numbers say.
import { full, isNdArray, type NdArray } from "../../../array.js";
import type { Graph } from "../../../graph/graph.js";
import { greater } from "../../../graph/ops/compare.js";
import { isSpecLeaf, type SpecLeaf, spec, trace } from "../../../graph/trace.js";
import { namedArrays, namedLike } from "../../../named-arrays.js";
import { compile } from "../../../runtime/compile.js";
import type { Values } from "../../../runtime/executable.js";
import { lazyExecutables } from "../../../runtime/lazy.js";
import { flatten, unflatten } from "../../../tree.js";
import { findings, type Limits, limitsOf, sentenceOf, startNotFinite } from "../../guard.js";
import { stepsTaken } from "../../report.js";
import { boundNames, boundsOf, constantBounds } from "../guard-graph.js";
import { pointsOf, widthOf } from "../guarded-loop.js";
import type { Search, SearchProblem, Setting, TracedWalk, WalkRecord, WhyNot } from "../search.js";
import { warmUp } from "../warm-up.js";
import { type LevelSetRule, outcomes, type Status, statusNames } from "./rule.js";
import { levelSetWalk } from "./walk-graph.js";

/** A walk as a graph. Inputs: `params`, `batch`, `memory`, `race`, `bounds`; outputs: `params`, `numbers`. */
export function traceLevelSetWalk<P>(problem: SearchProblem<P>, rule: LevelSetRule): Graph {
  const { params, batch, memory, race, dtype } = problem;
  const { begin, goOn, endOf } = levelSetWalk(problem, rule);
  return trace(
    ({ params: start, ...inputs }) => {
      const { taken: _, ...end } = endOf(goOn(begin(start), inputs));
      return end;
    },
    { params, batch, memory, race: race?.start ?? {}, bounds: spec([boundNames.length], dtype) },
  ).graph;
}

/** Compiles a walk. */
export async function compileLevelSet<P>(problem: SearchProblem<P>, rule: LevelSetRule) {
  const { params, batch, memory, dtype, compileOptions } = problem;
  const example = { params, batch, memory, race: problem.race?.start ?? {} };
  const inputsOf = namedLike(flatten<SpecLeaf>(example, isSpecLeaf));
  const executable = await compile(traceLevelSetWalk(problem, rule), compileOptions);
  await warmUp(executable, {
    ...inputsOf<SpecLeaf>(example),
    bounds: boundsOf(limitsOf(false, dtype), rule.steps, dtype),
  });
  const { paths, def } = flatten<NdArray>(params, isNdArray);
  const treeIn = (results: Values, name: string): P =>
    unflatten(
      def,
      paths.map((path) => results[path === "" ? name : `${name}.${path}`]),
    ) as P;
  const width = widthOf(problem.race);
  const walk = levelSetWalk(problem, rule);
  const tracedWalk: TracedWalk<P> = {
    isFinal: true,
    trace(start, setting, limits) {
      const inputs = { ...setting, bounds: constantBounds(limits, rule.steps, dtype) };
      const { taken, ...end } = walk.endOf(walk.goOn(walk.begin(start), inputs));
      return { ...end, isMoved: greater(taken, 0) };
    },
    read: (numbers, limits) => recordOf(numbers, { width, limits, rule }),
  };
  // Where the host tests candidates, as few teleports need it, it runs the race, too.
  const pausing = levelSetWalk({ ...problem, race: undefined }, rule, true);
  const begun = () => trace(({ params: start }) => ({ from: pausing.begin(start) }), { params });
  const others = lazyExecutables(compileOptions);

  async function walkWithHost(start: P, setting: Setting<P>, limits: Limits, whyNot: WhyNot<P>) {
    const first = await others.get("begin", () => begun().graph);
    const onward = await others.get("onward", () => {
      const { graph, resultDef } = begun();
      const { from } = unflatten(
        resultDef,
        graph.outputs.map(({ tensor }) => spec(tensor.shape, tensor.dtype)),
      ) as { from: never };
      const inputs = { from, batch, memory, race: {}, bounds: spec([boundNames.length], dtype) };
      return trace(({ from: at, ...given }) => {
        const next = pausing.goOn(at, given);
        const { taken: _, ...end } = pausing.endOf(next);
        return { from: next, ...end };
      }, inputs).graph;
    });
    const { batch: at, memory: m } = setting;
    const given = { ...namedArrays({ batch: at, memory: m }), bounds: boundsOf(limits, rule.steps, dtype) };
    const resume = (paused: Values, answer: number) =>
      onward.run({
        ...Object.fromEntries(Object.entries(paused).filter(([name]) => name.startsWith("from."))),
        "from.status.answer": full([], answer, dtype),
        "from.status.outcome": full([], 0, dtype),
        ...given,
      });
    let results = await resume(await first.run(namedArrays({ params: start })), 0);
    let refused: string | undefined;
    while (results["from.status.outcome"].data[0] === outcomes.indexOf("asking")) {
      const [point] = pointsOf(results["from.latest"].data);
      const reason = await whyNot(treeIn(results, "from.candidate"), point);
      refused = reason ?? refused;
      results = await resume(results, reason === undefined ? 1 : 2);
    }
    const record = recordOf(results.numbers.data, { width: widthOf(undefined), limits, rule, refused });
    return { params: treeIn(results, "params"), ...record };
  }

  const run: Search<P>["run"] = async (start, setting, limits, whyNot) => {
    if (whyNot) return walkWithHost(start, setting, limits, whyNot);
    const { batch: at, memory: m, race = {} } = setting;
    const given = inputsOf({ params: start, batch: at, memory: m, race });
    const results = await executable.run({ ...given, bounds: boundsOf(limits, rule.steps, dtype) });
    const record = recordOf(results.numbers.data, { width, limits, rule });
    return { params: treeIn(results, "params"), ...record };
  };

  return {
    run,
    ...(executable.runtime === "javascript" && dtype === "float64" ? { tracedWalk } : {}),
    async dispose() {
      await executable.dispose();
      await others.dispose();
    },
  };
}

/**
 * What a walk did, from the numbers that it gives.
 *
 * @param refused why the host refused a candidate, if it did
 */
function recordOf(
  numbers: NdArray["data"],
  {
    width,
    limits,
    rule,
    refused,
  }: {
    readonly width: number;
    readonly limits: Limits;
    readonly rule: LevelSetRule;
    readonly refused?: string | undefined;
  },
): WalkRecord {
  const status = Object.fromEntries(
    statusNames.map((name, k) => [name, Number(numbers[k])]),
  ) as Status<number>;
  const { taken, halvings, finding, projected } = status;
  const [latest, ...others] = pointsOf(numbers, width, statusNames.length);
  const outcome = outcomes[status.outcome];
  const isLast = outcome === "steps taken" || outcome === "start";
  const points = isLast ? [...others.slice(0, Math.max(taken, 0)), latest] : others.slice(0, taken + 1);
  const compared = { start: points[0], before: points[taken], after: latest };
  const refusal =
    finding === 0
      ? undefined
      : ((findings[finding - 1] && sentenceOf(findings[finding - 1], compared, limits)) ?? refused);
  const ends: Partial<Record<typeof outcome, string>> = {
    "steps taken": stepsTaken(taken),
    start: startNotFinite,
    stationary: `a stationary point of the level set: the projected step is ${projected.toExponential(1)}`,
    exhausted: rule.lineSearch
      ? "no step along the level set raises the objective"
      : "the step does not lead back to the level set",
    "no gradient": "the gradient of the loss is zero: there is no level set to follow",
    "no objective": "the objective is zero, and steps are relative to it",
    "not finite":
      "the gradient of the objective, relative to the objective, is not finite or too large to be squared",
  };
  const reason = (isLast ? undefined : refusal) ?? String(ends[outcome]);
  return { steps: Math.max(taken, 0), halvings, points, reason };
}
