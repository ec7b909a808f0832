// A walk as a program that is compiled: its runs, its pauses for the host, and what its numbers say.
import { full, isNdArray, type NdArray } from "../../array.js";
import { greater } from "../../graph/ops/compare.js";
import { constant } from "../../graph/ops/leaf.js";
import { isSpecLeaf, type SpecLeaf, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { namedArrays, namedLike } from "../../named-arrays.js";
import { compile, lacksFloat64 } from "../../runtime/compile.js";
import type { Values } from "../../runtime/executable.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import { flatten, objectOf, unflatten } from "../../tree.js";
import { type Limits, limitsOf } from "../guard.js";
import { boundNames, boundsOf, constantBounds, unpacked } from "./guard-graph.js";
import {
  type FoundRecord,
  outcomes,
  pointsOf,
  recordOf,
  type Status,
  statusNames,
  widthOf,
} from "./guarded-loop.js";
import type { CompiledWalk, HowToRun, SearchProblem, Setting, TracedWalk, WalkRecord } from "./search.js";
import { type Inputs, type Place, traceWalk, type WalkOptions, walkOf } from "./walk.js";
import { warmUp } from "./warm-up.js";

/** A record that has its reason. */
const known = (record: FoundRecord | undefined): WalkRecord | undefined =>
  record?.reason === undefined ? undefined : (record as WalkRecord);

/** Compiles {@link traceWalk}. */
export async function compileWalkProgram<P, X extends Place<P>, S, G, I = undefined>(
  problem: SearchProblem<P>,
  options: WalkOptions<P, X, S, G, I>,
) {
  const { params, batch, memory, race, dtype, compileOptions } = problem;
  const { steps, push, elementsOf, given, reasons, measure, isFinal = false, lost } = options;
  const walked = walkOf(problem, options);
  const example = { params, batch, memory, given, race: race?.start ?? {} };
  const graph = traceWalk(problem, options);
  // A provider without float64 leaves a program that needs it to the processor.
  const here = lacksFloat64(graph, compileOptions)
    ? { ...compileOptions, provider: undefined }
    : compileOptions;
  const executable = await compile(graph, here);
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
      ...told
    }: {
      readonly width?: number;
      readonly refused?: string | undefined;
      readonly level?: number | undefined;
    } = {},
  ): FoundRecord | undefined => {
    const status: Status<number> = objectOf(statusNames, numbers, Number);
    const all = pointsOf(numbers, width, statusNames.length);
    const last = measure && all.shift();
    const [latest, ...others] = all;
    const { taken } = status;
    const before = others.slice(0, Math.min(taken + 1, count));
    const points = taken === count ? [...before, latest] : before;
    if (last && taken >= 0) points[taken] = last;
    return recordOf(status, { points, latest }, { limits, reasons, isFinal, lost, ...told });
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
    read: (numbers, limits) => known(read(numbers, steps, limits)),
  };
  const isPart = executable.runtime === "javascript" && dtype === "float64";

  /** A walk that was taken, with the reason of its end; undefined without a record. */
  const ended = async (
    {
      params: end,
      record,
      place,
    }: { readonly params: P; readonly record: FoundRecord | undefined; readonly place: Values },
    start: P,
    setting: Setting<P>,
  ): Promise<CompiledWalk<P> | undefined> => {
    if (record === undefined) return undefined;
    const { batch: at } = setting;
    const pushForward = options.pushForward?.({ place, steps: record.steps, start, batch: at });
    return {
      params: end,
      ...record,
      reason: record.reason ?? ((await options.explain?.(end, setting)) as string),
      ...(pushForward ? { pushForward } : {}),
    };
  };

  // Where the host tests candidates, as few teleports need it, it runs the race, too.
  const pausing = walkOf({ ...problem, race: undefined }, options);
  const others = lazyExecutables(here);
  /** What a program that pauses depends on; `bounds` as a vector. */
  const fixedExample = { params, batch, memory, given, race: {}, bounds: spec([boundNames.length], dtype) };
  const begun = () =>
    trace(({ params: start }) => ({ from: pausing.begin(start as TensorsOf<P>) }), { params });

  /**
   * Undefined where the host has to decide.
   *
   * @param from what the host gives instead of `given`
   * @param count number of steps at most
   */
  const run = async (
    start: P,
    setting: Setting<P>,
    limits: Limits,
    { whyNot, level }: HowToRun<P> = {},
    from: G = given,
    count = steps,
  ): Promise<CompiledWalk<P> | undefined> => {
    const bounds = boundsOf(limits, count, dtype, level);
    const inputs = { params: start, batch: setting.batch, memory: setting.memory, given: from };
    if (whyNot === undefined) {
      const results = await executable.run({ ...inputsOf({ ...inputs, race: setting.race ?? {} }), bounds });
      const record = read(results.numbers.data, count, limits, { level });
      return ended({ params: paramsIn(results), record, place: results }, start, setting);
    }
    const fixed = { ...namedArrays(inputs), bounds };
    const first = await others.get("begin", () => begun().graph);
    const onward = await others.get("onward", () => {
      const { graph: opening, resultDef } = begun();
      const carried = opening.outputs.map(({ tensor }) => spec(tensor.shape, tensor.dtype));
      const { from: at } = unflatten(resultDef, carried) as { from: never };
      return trace(
        ({ from: here, bounds: vector, params: p, ...rest }) => {
          const traced = { ...rest, bounds: unpacked(vector, boundNames) } as Inputs<G>;
          const begin = p as TensorsOf<P>;
          const next = pausing.goOn(here, begin, traced, true);
          const { params: asked } = pausing.candidate(next, begin, traced);
          return { from: next, candidate: { params: asked }, numbers: pausing.endOf(next, traced).numbers };
        },
        { from: at, ...fixedExample },
      ).graph;
    });
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
    const record = read(results.numbers.data, count, limits, { width: widthOf(undefined), refused, level });
    const prefix = "from.base.";
    const place = Object.fromEntries(
      Object.entries(results).flatMap(([name, array]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), array]] : [],
      ),
    );
    return ended({ params: paramsIn(place), record, place }, start, setting);
  };

  return {
    /** Where the guard decides for good, there is always a walk. */
    run: run as (...how: Parameters<typeof run>) => Promise<CompiledWalk<P>>,
    ...(isPart ? { tracedWalk } : {}),
    async dispose() {
      await executable.dispose();
      await others.dispose();
    },
  };
}
