// A walk as a program that is compiled: its runs, its pauses for the host, and what its numbers say.
import { full, isNdArray, type NdArray } from "../../array.js";
import { greater } from "../../graph/ops/compare.js";
import { constant } from "../../graph/ops/leaf.js";
import { isSpecLeaf, type SpecLeaf, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { namedArrays, namedLike } from "../../named-arrays.js";
import { compile, lacksFloat64 } from "../../runtime/compile.js";
import type { Values } from "../../runtime/executable.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import { flatten, unflatten } from "../../tree.js";
import { type Limits, limitsOf } from "../guard.js";
import { boundNames, boundsOf, constantBounds, unpacked } from "./guard-graph.js";
import { outcomes, pointsOf, recordOf, type Status, statusNames, widthOf } from "./guarded-loop.js";
import type { Search, SearchProblem, Setting, TracedWalk, WalkRecord } from "./search.js";
import { type Inputs, type Place, traceWalk, type WalkOptions, walkOf } from "./walk.js";
import { warmUp } from "./warm-up.js";

/** What a program did. */
export interface ProgramEnd<P> {
  readonly params: P;
  readonly record: WalkRecord;
  /** The last place, by name. */
  readonly results: Readonly<Record<string, NdArray>>;
}

/** Compiles {@link traceWalk}; undefined where the provider lacks float64. */
export async function compileWalkProgram<P, X extends Place<P>, S, G, I = undefined>(
  problem: SearchProblem<P>,
  options: WalkOptions<P, X, S, G, I>,
) {
  const { params, batch, memory, race, dtype, compileOptions } = problem;
  const { steps, push, elementsOf, given, reasons, measure, isFinal = false } = options;
  const walked = walkOf(problem, options);
  const example = { params, batch, memory, given, race: race?.start ?? {} };
  const graph = traceWalk(problem, options);
  if (lacksFloat64(graph, compileOptions)) return undefined;
  const executable = await compile(graph, compileOptions);
  const inputsOf = namedLike(flatten<SpecLeaf>(example, isSpecLeaf));
  await warmUp(executable, {
    ...inputsOf<SpecLeaf>(example),
    bounds: boundsOf(limitsOf(false, dtype), steps, dtype),
  });
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  const paramsIn = (results: Values, prefix = ""): P =>
    (
      unflatten(
        def,
        paths.map((path) => results[prefix + path]),
      ) as { readonly params: P }
    ).params;

  /** What a walk did; undefined where the host has to decide. */
  const read = (
    numbers: NdArray["data"],
    count: number,
    limits: Limits,
    {
      width = widthOf(race),
      refused,
    }: { readonly width?: number; readonly refused?: string | undefined } = {},
  ): WalkRecord | undefined => {
    const status = Object.fromEntries(
      statusNames.map((name, k) => [name, Number(numbers[k])]),
    ) as Status<number>;
    const all = pointsOf(numbers, width, statusNames.length);
    const last = measure && all.shift();
    const [latest, ...others] = all;
    const { taken } = status;
    const before = others.slice(0, Math.min(taken + 1, count));
    const points = taken === count ? [...before, latest] : before;
    if (last && taken >= 0) points[taken] = last;
    return recordOf(status, { points, latest }, { limits, reasons, isFinal, refused });
  };
  const tracedWalk: TracedWalk<P> = {
    push,
    isFinal,
    trace(start, setting, limits) {
      const bounds = unpacked(constantBounds(limits, steps, dtype), boundNames);
      const all = flatten<NdArray>(given, isNdArray);
      const constants = unflatten(
        all.def,
        all.leaves.map((x) => constant(x)),
      ) as TensorsOf<G>;
      const inputs = { ...setting, given: constants, bounds };
      const { base, taken, numbers } = walked.endOf(walked.goOn(walked.begin(start), start, inputs), inputs);
      return { params: base.params, elements: elementsOf?.(base) ?? [], isMoved: greater(taken, 0), numbers };
    },
    read: (numbers, limits) => read(numbers, steps, limits),
  };
  const isPart = executable.runtime === "javascript" && dtype === "float64";
  const walk = async (
    start: P,
    setting: Setting<P>,
    count: number,
    limits: Limits,
    givenHere: G = given,
  ): Promise<ProgramEnd<P> | undefined> => {
    const inputs = {
      params: start,
      batch: setting.batch,
      memory: setting.memory,
      given: givenHere,
      race: setting.race ?? {},
    };
    const results = await executable.run({ ...inputsOf(inputs), bounds: boundsOf(limits, count, dtype) });
    const record = read(results.numbers.data, count, limits);
    return record && { params: paramsIn(results), record, results };
  };

  // Where the host tests candidates, as few teleports need it, it runs the race, too.
  const pausing = walkOf({ ...problem, race: undefined }, options);
  const begun = () => trace(({ params: start }) => ({ from: pausing.begin(start) }), { params });
  const others = lazyExecutables(compileOptions);
  const run: NonNullable<Search<P>["run"]> = async (start, setting, limits, whyNot) => {
    if (whyNot === undefined) {
      const { params: end, record } = (await walk(start, setting, steps, limits)) as ProgramEnd<P>;
      return { params: end, ...record };
    }
    const first = await others.get("begin", () => begun().graph);
    const onward = await others.get("onward", () => {
      const { graph: opening, resultDef } = begun();
      const carried = opening.outputs.map(({ tensor }) => spec(tensor.shape, tensor.dtype));
      const { from } = unflatten(resultDef, carried) as { from: never };
      return trace(
        ({ from: at, bounds, params: p, ...rest }) => {
          const inputs = { ...rest, bounds: unpacked(bounds, boundNames) } as Inputs<G>;
          const begin = p as TensorsOf<P>;
          const next = pausing.goOn(at, begin, inputs, true);
          const { params: asked } = pausing.candidate(next, begin, inputs);
          return { from: next, candidate: { params: asked }, numbers: pausing.endOf(next, inputs).numbers };
        },
        { from, params, batch, memory, given, race: {}, bounds: spec([boundNames.length], dtype) },
      ).graph;
    });
    const fixed = {
      ...namedArrays({ params: start, batch: setting.batch, memory: setting.memory, given }),
      bounds: boundsOf(limits, steps, dtype),
    };
    const resume = (paused: Values, answer: number) =>
      onward.run({
        ...Object.fromEntries(Object.entries(paused).filter(([name]) => name.startsWith("from."))),
        "from.status.answer": full([], answer, dtype),
        "from.status.outcome": full([], 0, dtype),
        ...fixed,
      });
    let results = await resume(await first.run(namedArrays({ params: start })), 0);
    let refused: string | undefined;
    while (results["from.status.outcome"].data[0] === outcomes.indexOf("asking")) {
      const [point] = pointsOf(results["from.latest"].data);
      const reason = await whyNot(paramsIn(results, "candidate."), point);
      refused = reason ?? refused;
      results = await resume(results, reason === undefined ? 1 : 2);
    }
    const record = read(results.numbers.data, steps, limits, { width: widthOf(undefined), refused });
    return { params: paramsIn(results, "from.base."), ...(record as WalkRecord) };
  };

  return {
    walk,
    run,
    ...(isPart ? { tracedWalk } : {}),
    async dispose() {
      await executable.dispose();
      await others.dispose();
    },
  };
}
