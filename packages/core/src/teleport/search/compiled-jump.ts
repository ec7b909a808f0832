// A jump to a computed point, with the guard's measurements at both ends, as one compiled program.
import type { NdArray } from "../../array.js";
import { isNdArray } from "../../array.js";
import type { BatchTensors } from "../../batch.js";
import { constant } from "../../graph/ops/leaf.js";
import { concat } from "../../graph/ops/slice.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, type TensorsOf, trace } from "../../graph/trace.js";
import { namedLike } from "../../named-arrays.js";
import { compile } from "../../runtime/compile.js";
import type { Refusal } from "../../symmetry/symmetry.js";
import { flatten, objectOf, unflatten } from "../../tree.js";
import type { Limits } from "../guard.js";
import { isFinitePoint, objection } from "../guard.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { Point } from "../point.js";
import type { RaceArrays } from "../race.js";
import { stepsTaken } from "../report.js";
import {
  all,
  boundNames,
  chosen,
  constantBounds,
  hasValue,
  indicator,
  isAdmitted,
  type Measured,
  packed,
  unpacked,
} from "./guard-graph.js";
import { pointOf, rowOf, widthOf } from "./guarded-loop.js";
import type {
  CompiledWalk,
  Elements,
  SearchProblem,
  Setting,
  Stop,
  TracedSetting,
  TracedWalk,
  Walk,
  WalkRecord,
} from "./search.js";
import { warmUp } from "./warm-up.js";

/** The point that a program jumps to, and numbers by which the host judges it. */
export interface TracedJump<P> {
  readonly params: TensorsOf<P>;
  /** See {@link TracedEnd.elements}. */
  readonly elements?: Elements | undefined;
  readonly numbers: Readonly<Record<string, Tensor>>;
  /** What `judge` decides, as a bool. */
  isWanted(start: Measured, end: Measured): Tensor;
}

/** What a compiled jump found: the measurements at both ends, and the numbers of the program. */
export interface JumpFound {
  readonly start: Point;
  readonly end: Point;
  readonly numbers: Readonly<Record<string, number>>;
}

export interface CompiledJumpOptions<P> {
  /** The point to jump to. Traced. */
  trace(start: TensorsOf<P>, batch: BatchTensors, memory: Memory): TracedJump<P>;
  /** Why nothing moves; undefined: it jumps. `host`: the host has to decide. */
  judge(found: JumpFound): "host" | string | undefined;
  /** See {@link TracedWalk.push}; left out: the host pushes, if it does. */
  readonly push?: TracedWalk<P>["push"];
  pushForward?(found: JumpFound, start: P, batch: Setting<P>["batch"]): CompiledWalk<P>["pushForward"];
}

export interface CompiledJump<P> {
  walk(start: P, setting: Setting<P>, steps: number, limits: Limits): Promise<CompiledWalk<P> | undefined>;
  readonly tracedWalk?: TracedWalk<P> | undefined;
  dispose(): Promise<void>;
}

/** Compiles a walk of one step: see `Search.compiledWalk`. */
export async function compileJump<P>(
  { loss, objective, race, params, batch, memory, dtype, compileOptions }: SearchProblem<P>,
  options: CompiledJumpOptions<P>,
): Promise<CompiledJump<P>> {
  const names: string[] = [];
  const width = widthOf(race);
  const jumped = (start: TensorsOf<P>, { batch: b, memory: m, race: raceStart }: TracedSetting) => {
    const measured = (p: TensorsOf<P>): Measured => ({
      loss: loss(p, b),
      objective: objective(p, b, m),
      gradNormSq: gradNormSq(loss)(p, b, m),
      ...(race ? { racedLoss: race.lossAfter(p, b, raceStart as TensorsOf<RaceArrays>) } : {}),
    });
    const { params: end, elements = [], numbers, isWanted } = options.trace(start, b, m);
    names.splice(0, names.length, ...Object.keys(numbers));
    const [before, after] = [measured(start), measured(end)];
    const row = concat([rowOf(before), rowOf(after), packed(Object.values(numbers))]);
    return { end, elements, before, after, row, isWanted: isWanted(before, after) };
  };
  const example = { params, batch, memory, race: race?.start ?? {} };
  const { graph } = trace(({ params: start, ...setting }) => {
    const { end, row } = jumped(start as TensorsOf<P>, setting as TracedSetting);
    return { end: flatten(end, isTensor).leaves, row };
  }, example);
  const executable = await compile(graph, compileOptions);
  const inputsOf = namedLike(flatten<SpecLeaf>(example, isSpecLeaf));
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const outputs = leaves.map((_, k) => `end.${k}`);
  await warmUp(executable, inputsOf<SpecLeaf>(example));

  /** What a row tells, and what follows from it; undefined where the host has to decide. */
  const read = (row: Float64Array, limits: Limits): { found: JumpFound; record: WalkRecord } | undefined => {
    const [start, end] = [pointOf(row, 0, width), pointOf(row, width, width)];
    const numbers = objectOf(names, row.subarray(2 * width), Number);
    const found: JumpFound = { start, end, numbers };
    if (!isFinitePoint(found.start)) return undefined;
    const stopped = options.judge(found);
    if (stopped === "host") return undefined;
    if (stopped !== undefined) return { found, record: { steps: 0, points: [found.start], reason: stopped } };
    if (!isFinitePoint(found.end)) return undefined;
    const refusal = objection(found.start, found.start, found.end, limits);
    // There is no smaller step: the walk would end with the first halving.
    const halvings = Math.min(1, limits.halvings);
    const record =
      refusal === undefined
        ? { steps: 1, points: [found.start, found.end], reason: stepsTaken(1) }
        : { steps: 0, halvings, points: [found.start], reason: refusal };
    return { found, record };
  };
  const tracedWalk: TracedWalk<P> = {
    push: options.push ?? (options.pushForward && "host"),
    trace(start, setting, limits) {
      const { end, elements, before, after, row, isWanted } = jumped(start, setting);
      const earlier = { ...before, isStart: constant(0, "bool"), startLoss: before.loss };
      const bounds = unpacked(constantBounds(limits, 1, dtype), boundNames);
      const isTaken = all(
        ...[before.loss, before.objective, before.gradNormSq].map(hasValue),
        isWanted,
        isAdmitted(after, earlier, bounds),
      );
      const numbers = concat([row, packed([indicator(isTaken, dtype)])]);
      return { params: chosen(isTaken, end, start), elements, isMoved: isTaken, numbers };
    },
    read(numbers, limits) {
      const record = read(numbers, limits)?.record;
      const isTaken = numbers[numbers.length - 1] === 1;
      return record && (record.steps === 1) === isTaken ? record : undefined;
    },
  };
  return {
    async walk(start, { batch: b, memory: m, race: raceStart = {} }, _steps, limits) {
      const results = await executable.run(inputsOf({ params: start, batch: b, memory: m, race: raceStart }));
      const known = read(results.row.data as Float64Array, limits);
      if (known === undefined || known.record.steps === 0) return known && { params: start, ...known.record };
      const pushForward = options.pushForward?.(known.found, start, b);
      const end = outputs.map((name) => results[name]);
      return { params: unflatten(def, end) as P, ...known.record, ...(pushForward ? { pushForward } : {}) };
    },
    ...(executable.runtime === "javascript" ? { tracedWalk } : {}),
    dispose: () => executable.dispose(),
  };
}

/** A walk of one step to a computed point; there is no smaller step toward it. */
export function jump<P>(
  point: () => Promise<P | Refusal | Stop>,
  pushForward?: Walk<P>["pushForward"],
): Walk<P> {
  return {
    propose: async (scale) =>
      scale < 1 ? { stopped: "the computed point was refused, and there is no smaller step" } : point(),
    accept() {},
    pushForward,
  };
}
