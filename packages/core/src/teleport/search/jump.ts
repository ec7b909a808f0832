// Searches of one step, to a computed point; there is no smaller step toward it.
import { full, type NdArray } from "../../array.js";
import type { Batch } from "../../batch.js";
import { greater } from "../../graph/ops/compare.js";
import { constant } from "../../graph/ops/leaf.js";
import type { Tensor } from "../../graph/tensor.js";
import type { TensorsOf } from "../../graph/trace.js";
import { lazy } from "../../runtime/lazy.js";
import { isRefusal, type Refusal } from "../../symmetry/symmetry.js";
import { isFinitePoint, type Limits, startNotFinite } from "../guard.js";
import { chosen } from "./guard-graph.js";
import type { CompiledWalk, HowToRun, SearchFactory, SearchProblem, Setting, Stop } from "./search.js";
import type { Place, WalkInputs, WalkOptions } from "./walk.js";
import { compileWalkProgram } from "./walk-program.js";

interface Target<P> {
  readonly to: TensorsOf<P>;
}

/** Compiles a jump. `target`: the point, traced, and the number of a reason to stay, from 1, else 0. */
export const jumpProgram = <P, G>(
  problem: SearchProblem<P>,
  {
    target,
    ...options
  }: Pick<
    WalkOptions<P, Place<P>, Target<P>, G>,
    "given" | "push" | "reasons" | "explain" | "pushForward"
  > & {
    target(start: TensorsOf<P>, inputs: WalkInputs<G>): Target<P> & { readonly stop: Tensor };
  },
) =>
  compileWalkProgram<P, Place<P>, Target<P>, G>(problem, {
    ...options,
    steps: 1,
    isJump: true,
    begin: (params) => ({ params }),
    first: (start) => ({ to: start }),
    candidate: ({ params }, { to }, { taken }) => ({ params: chosen<P>(greater(0, taken), params, to) }),
    onward({ params }, _measured, inputs) {
      const { to, stop } = target(params, inputs);
      return { state: { to }, stop };
    },
    retry: (_base, state) => ({ state, hasOther: constant(0, "bool") }),
  });

interface Given<P> {
  readonly to: P;
  /** 1 where nothing is to move. */
  readonly isStill: NdArray;
}

/** A point that the host has computed. */
export interface HostedJump<P> {
  readonly params: P;
  readonly pushForward?: CompiledWalk<P>["pushForward"] | undefined;
}

/** Jumps to points that the host computes before the loop; compiled when it is first needed. */
export function hostedJumps<P>(
  problem: SearchProblem<P>,
  point: (start: P, setting: Setting<P>) => Promise<HostedJump<P> | Refusal | Stop>,
) {
  const programs = lazy<Awaited<ReturnType<typeof compileJump>>>();
  const compileJump = () =>
    jumpProgram<P, Given<P>>(problem, {
      given: { to: problem.params, isStill: full([], 0, problem.dtype) },
      push: undefined,
      reasons: [undefined],
      explain: async () => "",
      target: (_start, { given: { to, isStill } }) => ({
        to: to as TensorsOf<P>,
        stop: isStill as Tensor,
      }),
    });
  const known = new WeakMap<Setting<P>, ReturnType<typeof point>>();
  return {
    async run(
      start: P,
      setting: Setting<P>,
      limits: Limits,
      how: HowToRun<P> = {},
    ): Promise<CompiledWalk<P>> {
      // A point is not computed from a start that is not finite; a host that tests candidates has measured it.
      const measured = how.whyNot ? undefined : await setting.measure(start);
      if (measured && !isFinitePoint(measured)) {
        return { params: start, steps: 0, points: [measured], reason: startNotFinite };
      }
      const { run } = await programs.get("jump", compileJump);
      // Where the walk is taken again, as the end is refused on data held out, the point is the same.
      const made = known.get(setting) ?? point(start, setting);
      known.set(setting, made);
      const found = await made;
      const why = "stopped" in found ? found.stopped : isRefusal(found) ? found.refused : undefined;
      const { params: to, pushForward } = why === undefined ? (found as HostedJump<P>) : { params: start };
      const isStill = full([], why === undefined ? 0 : 1, problem.dtype);
      const { reason, ...walked } = await run(start, setting, limits, how, { to, isStill });
      // An action that refuses is a candidate that was refused.
      const halvings = isRefusal(found) ? Math.min(1, limits.halvings) : walked.halvings;
      const params = walked.steps > 0 ? to : start;
      return { ...walked, params, halvings, reason: reason || String(why), pushForward };
    },
    dispose: () => programs.dispose(),
  };
}

/**
 * A search that makes one custom move, such as a released algorithm whose results are to be reproduced. The
 * guard judges it like any other move; with `guard: false` every finite point is accepted.
 *
 * @param name name in reports
 * @param move maps parameters and batch to other parameters, or to a refusal
 *
 * @example
 * const released = ownMove<MlpParams>("released", (p, b) => referenceMlpTeleport(p, b, loss, { steps: 8 }));
 * const teleport = { when: atSteps([5]), search: released, guard: false as const };
 */
export function ownMove<P>(
  name: string,
  move: (params: P, batch: Batch) => Promise<P | Refusal> | P | Refusal,
): SearchFactory<P> {
  return async (problem) => {
    const { run, dispose } = hostedJumps(problem, async (start, { batch }) => {
      const params = await move(start, batch);
      return isRefusal(params) ? params : { params };
    });
    return { name, exact: "no", steps: 1, races: true, run, dispose };
  };
}
