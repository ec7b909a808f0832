// A walk as a program that is compiled: its runs, its pauses for the host, and what its numbers say.
import { full, isNdArray, type NdArray, zeros } from "../../array.js";
import { greater } from "../../graph/ops/compare.js";
import { constant } from "../../graph/ops/leaf.js";
import { concat } from "../../graph/ops/slice.js";
import type { Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, spec, type TensorsOf, trace } from "../../graph/trace.js";
import { compile, lacksFloat64 } from "../../runtime/compile.js";
import type { Executable, RunOptions, Values } from "../../runtime/executable.js";
import { lazyExecutables } from "../../runtime/lazy.js";
import { flatten, namedArrays, namedLike, unflatten } from "../../tree.js";
import { type Limits, limitsOf } from "../guard.js";
import type { Point } from "../point.js";
import { boundNames, boundsOf, unpacked } from "./guard-graph.js";
import { asking, type FoundRecord, pointOf, recordOf, toldNames, widthOf } from "./guarded-loop.js";
import type {
  CompiledWalk,
  HowToRun,
  SearchProblem,
  Setting,
  TracedEnd,
  TracedSetting,
  TracedWalk,
  WalkRecord,
  WhyNot,
} from "./search.js";
import { type Inputs, type Place, traceWalk, type WalkOptions, walkOf } from "./walk.js";

/** A record that has its reason. */
const known = (record: FoundRecord): WalkRecord | undefined =>
  record.reason === undefined ? undefined : (record as WalkRecord);

/** A traced walk that may begin elsewhere than at the start, with what the host gives and the loss to keep. */
export interface WalkProgramPart<P, G> extends TracedWalk<P> {
  trace(
    from: TensorsOf<P>,
    setting: TracedSetting,
    limits: Limits,
    at?: { readonly given: TensorsOf<G>; readonly level: Tensor },
  ): TracedEnd<P>;
  read(numbers: Float64Array, limits: Limits, level?: number): WalkRecord | undefined;
}

/** Compiles {@link traceWalk}. */
export async function compileWalkProgram<P, X extends Place<P>, S, G, I = undefined>(
  problem: SearchProblem<P>,
  options: WalkOptions<P, X, S, G, I>,
) {
  const { params, batch, memory, race, dtype, compileOptions } = problem;
  const { steps, push, elementsOf, given, reasons, measure, lost } = options;
  const walked = walkOf(problem, options);
  const bounded = boundsOf(limitsOf(false, dtype), steps, dtype);
  const example = { params, batch, memory, given, race: race?.start ?? {}, bounds: bounded };
  const graph = traceWalk(problem, options);
  // A provider without float64 leaves a program that needs it to the processor.
  const here = lacksFloat64(graph, compileOptions)
    ? { ...compileOptions, provider: undefined }
    : compileOptions;
  const executable = await compile(graph, here);
  const inputsOf = namedLike(flatten<SpecLeaf>(example, isSpecLeaf));
  await warmUp(executable, inputsOf<SpecLeaf>(example));
  const { paths, def } = flatten<NdArray>({ params }, isNdArray);
  const paramsIn = (results: Values, prefix = ""): P =>
    (
      unflatten(
        def,
        paths.map((path) => results[prefix + path]),
      ) as { readonly params: P }
    ).params;

  /** What a walk did, from a vector of {@link toldNames} and one of its rows. */
  const read = (
    [told, rows]: readonly NdArray["data"][],
    limits: Limits,
    level: number | undefined,
    {
      width = widthOf(race),
      refused,
    }: { readonly width?: number; readonly refused?: string | undefined } = {},
  ): FoundRecord => {
    const taken = Number(told[0]);
    const pointAt = (row: number) => pointOf(rows, row * width, width);
    // First the last point, where it is measured on its own, then the last candidate, then the accepted points.
    const first = measure ? 1 : 0;
    const latest = pointAt(first);
    const points: Point[] = [];
    for (let k = 0; k <= taken; k++) points.push(k === steps ? latest : pointAt(first + 1 + k));
    if (measure && taken >= 0) points[taken] = pointAt(0);
    return recordOf(told, { points, latest }, { limits, reasons, lost, refused, level });
  };
  const tracedWalk: WalkProgramPart<P, G> = {
    push,
    trace(start, setting, limits, at) {
      const fixed = unpacked(constant(boundsOf(limits, steps, dtype)), boundNames);
      const bounds = at ? { ...fixed, level: at.level } : fixed;
      const all = flatten<NdArray>(given, isNdArray);
      const constants = unflatten(
        all.def,
        all.leaves.map((x) => constant(x)),
      ) as TensorsOf<G>;
      const inputs = { ...setting, given: at?.given ?? constants, bounds };
      const { base, taken, told, rows } = walked.endOf(
        walked.goOn(walked.begin(start), start, inputs),
        inputs,
      );
      return {
        params: base.params,
        elements: elementsOf?.(base) ?? [],
        isMoved: greater(taken, 0),
        numbers: concat([told, rows]),
      };
    },
    read(numbers, limits, level) {
      const end = toldNames.length;
      return known(read([numbers.subarray(0, end), numbers.subarray(end)], limits, level));
    },
  };
  const isPart = executable.runtime === "javascript" && dtype === "float64";

  // Where the host tests candidates, as few teleports need it, it runs the race, too.
  const pausing = walkOf({ ...problem, race: undefined }, options);
  const others = lazyExecutables(here);
  /** What a program that pauses depends on; `bounds` as a vector. */
  const fixedExample = { params, batch, memory, given, race: {}, bounds: spec([boundNames.length], dtype) };
  const begun = () =>
    trace(({ params: start }) => ({ from: pausing.begin(start as TensorsOf<P>) }), { params });

  /** Those of a teleporter are the same at each teleport. */
  const ofLimits = new WeakMap<Limits, NdArray>();
  const boundsAt = (limits: Limits, level: number | undefined): NdArray => {
    if (level !== undefined) return boundsOf(limits, steps, dtype, level);
    const bounds = ofLimits.get(limits) ?? boundsOf(limits, steps, dtype);
    ofLimits.set(limits, bounds);
    return bounds;
  };

  /** Runs the program that pauses at each candidate until it ends; its place is without prefixes then. */
  const runAsking = async (inputs: { readonly params: P }, whyNot: WhyNot<P>) => {
    const fixed = namedArrays({ ...inputs, race: {} });
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
          const { told, rows } = pausing.endOf(next, traced);
          return { from: next, candidate: { params: asked }, told, rows };
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
    let results = await resume(await first.run(namedArrays({ params: inputs.params })), 0);
    let refused: string | undefined;
    while (results["from.status.outcome"].data[0] === asking) {
      const point = pointOf(results["from.latest"].data);
      const reason = await whyNot(paramsIn(results, "candidate."), point);
      refused = reason ?? refused;
      results = await resume(results, reason === undefined ? 1 : 2);
    }
    const prefix = "from.base.";
    const place = Object.entries(results).flatMap(([name, array]) =>
      name.startsWith(prefix) ? [[name.slice(prefix.length), array] as const] : [],
    );
    const { told, rows } = results;
    return { results: { ...Object.fromEntries(place), told, rows }, refused };
  };

  /** @param from what the host gives instead of `given` */
  const run = async (
    start: P,
    setting: Setting<P>,
    limits: Limits,
    { whyNot, level }: HowToRun<P> = {},
    from: G = given,
  ): Promise<CompiledWalk<P>> => {
    const { batch: at, memory: m, race: begin = {} } = setting;
    const bounds = boundsAt(limits, level);
    // Without spreads, which take microseconds of a small teleport.
    const inputs = { params: start, batch: at, memory: m, given: from, race: begin, bounds };
    const { results, refused } = whyNot
      ? await runAsking(inputs, whyNot)
      : { results: await executable.run(inputsOf(inputs)), refused: undefined };
    const width = widthOf(whyNot ? undefined : race);
    const record = read([results.told.data, results.rows.data], limits, level, { width, refused });
    const end = paramsIn(results);
    const reason = record.reason ?? ((await options.explain?.(end, setting)) as string);
    const { steps: count, halvings, points } = record;
    const pushForward = options.pushForward?.({ place: results, steps: count, start, batch: at });
    return { params: end, steps: count, halvings, points, reason, pushForward };
  };

  return {
    run,
    ...(isPart ? { tracedWalk } : {}),
    async dispose() {
      await executable.dispose();
      await others.dispose();
    },
  };
}

/**
 * Runs generated JavaScript for at most 5 milliseconds so that the engine optimizes it: a compiled walk is
 * too short for that and would run ten times slower at first. The values do not matter, so missing arrays are
 * zeros.
 */
export async function warmUp(
  loop: Executable,
  example: Readonly<Record<string, SpecLeaf>>,
  options?: RunOptions,
): Promise<void> {
  if (loop.runtime !== "javascript") return;
  const inputs = Object.fromEntries(
    Object.entries(example).map(([name, leaf]) => [
      name,
      isNdArray(leaf) ? leaf : zeros(leaf.shape, leaf.dtype),
    ]),
  );
  const begin = performance.now();
  for (let run = 0; run < 100 && performance.now() - begin < 5; run++) await loop.run(inputs, options);
}
