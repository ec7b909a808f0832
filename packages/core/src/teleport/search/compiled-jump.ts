// A jump to a computed point, with the guard's measurements at both ends, as one compiled program.
import type { NdArray } from "../../array.js";
import { isNdArray } from "../../array.js";
import type { BatchTensors } from "../../batch.js";
import { isTensor, type Tensor } from "../../graph/tensor.js";
import { isSpecLeaf, type SpecLeaf, type TensorsOf, trace } from "../../graph/trace.js";
import { namedLike } from "../../named-arrays.js";
import { compile } from "../../runtime/compile.js";
import { flatten, unflatten } from "../../tree.js";
import type { Limits } from "../guard.js";
import { isFinitePoint } from "../guard.js";
import { gradNormSq, type Memory } from "../objective/objective.js";
import type { Point } from "../point.js";
import { stepsTaken } from "../report.js";
import { packed } from "./guard-graph.js";
import type { CompiledWalk, SearchProblem, Setting } from "./search.js";
import { warmUp } from "./warm-up.js";

/** The point that a program jumps to, and numbers by which the host judges it. */
export interface TracedJump<P> {
  readonly params: TensorsOf<P>;
  readonly numbers: Readonly<Record<string, Tensor>>;
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
  pushForward?(found: JumpFound, start: P, batch: Setting<P>["batch"]): CompiledWalk<P>["pushForward"];
}

export interface CompiledJump<P> {
  walk(start: P, setting: Setting<P>, steps: number, limits: Limits): Promise<CompiledWalk<P> | undefined>;
  dispose(): Promise<void>;
}

/** Compiles a walk of one step: see `Search.compiledWalk`. */
export async function compileJump<P>(
  { loss, objective, params, batch, memory, compileOptions }: SearchProblem<P>,
  options: CompiledJumpOptions<P>,
): Promise<CompiledJump<P>> {
  const names: string[] = [];
  const { graph } = trace(
    ({ params: start, batch: b, memory: m }) => {
      const measured = (p: TensorsOf<P>) => [loss(p, b), objective(p, b, m), gradNormSq(loss)(p, b, m)];
      const { params: end, numbers } = options.trace(start, b, m);
      names.push(...Object.keys(numbers));
      const row = packed([...measured(start), ...measured(end), ...Object.values(numbers)]);
      return { end: flatten(end, isTensor).leaves, row };
    },
    { params, batch, memory },
  );
  const executable = await compile(graph, compileOptions);
  const inputsOf = namedLike(flatten<SpecLeaf>({ params, batch, memory }, isSpecLeaf));
  const { leaves, def } = flatten<NdArray>(params, isNdArray);
  const outputs = leaves.map((_, k) => `end.${k}`);
  await warmUp(executable, inputsOf<SpecLeaf>({ params, batch, memory }));
  return {
    async walk(start, { batch: b, memory: m }) {
      const results = await executable.run(inputsOf({ params: start, batch: b, memory: m }));
      const [startLoss, startObjective, startNormSq, endLoss, endObjective, endNormSq, ...rest] = results.row
        .data as Float64Array;
      const found: JumpFound = {
        start: { loss: startLoss, objective: startObjective, gradNormSq: startNormSq },
        end: { loss: endLoss, objective: endObjective, gradNormSq: endNormSq },
        numbers: Object.fromEntries(names.map((name, k) => [name, rest[k]])),
      };
      if (!isFinitePoint(found.start)) return undefined;
      const stopped = options.judge(found);
      if (stopped === "host") return undefined;
      if (stopped !== undefined) return { params: start, steps: 0, points: [found.start], reason: stopped };
      const pushForward = options.pushForward?.(found, start, b);
      return {
        params: unflatten(
          def,
          outputs.map((name) => results[name]),
        ) as P,
        steps: 1,
        points: [found.start, found.end],
        reason: stepsTaken(1),
        ...(pushForward ? { pushForward } : {}),
      };
    },
    dispose: () => executable.dispose(),
  };
}
