// Runs of the landscape screen: minimizers compiled once for their settings, and started anywhere.
import {
  createMinimizer,
  type Minimization,
  type MinimizeRunOptions,
  type Minimizer,
  type StartOptions,
} from "isoloss";
import type { LineSearchMinimization } from "isoloss/optim";
import type { VectorParams } from "isoloss/symmetry";
import { noGroup } from "../../formula/affine.js";
import { columnsOf } from "../../worker/columns.js";
import type { CallContext } from "../../worker/protocol.js";
import { type Course, type CourseTeleport, jumpsOf, type Missing, type Point } from "./course.js";
import { objectiveOf, optimizerOf, problemOf, searchOf, startOf, whenOf } from "./problem.js";
import { functionOf, hasGroup, type LandscapeState, type MethodName } from "./state.js";

type Steps = Minimizer<Minimization<VectorParams>, MinimizeRunOptions<VectorParams>>;
type Searches = Minimizer<LineSearchMinimization<VectorParams>, StartOptions<VectorParams>>;

/** Compiled minimizers that are kept: those of the newest settings. */
const mostKept = 12;

export interface Hand {
  readonly from: Point;
  readonly to: Point;
}

export interface Runs {
  /** @param hand where the run by hand begins, after a teleport from a point of the same level */
  run(
    state: LandscapeState,
    method: MethodName,
    context?: CallContext,
    hand?: Hand,
  ): Promise<Course | Missing>;
}

export function createRuns(): Runs {
  const kept = new Map<string, Promise<Steps | Searches>>();
  /** The gain of the last teleported run, which the raised rate is made of. */
  let known: { readonly key: string; readonly gain: number | undefined } | undefined;

  async function compiled<M extends Steps | Searches>(key: string, make: () => Promise<M>): Promise<M> {
    const made = kept.get(key) ?? make();
    kept.delete(key);
    kept.set(key, made);
    const [oldest] = kept.keys();
    if (kept.size > mostKept) {
      const old = kept.get(oldest);
      kept.delete(oldest);
      await (await old)?.dispose();
    }
    return made.catch((error) => {
      kept.delete(key);
      throw error;
    }) as Promise<M>;
  }

  async function descend(
    state: LandscapeState,
    { method, lr = state.lr }: { readonly method: MethodName; readonly lr?: number },
    context: CallContext | undefined,
  ): Promise<Course> {
    const { opt, n, tp, search, obj, x } = state;
    const when = method === "teleported" || method === "random" ? whenOf(tp) : undefined;
    const plan = when && (method === "random" ? [tp, obj] : [tp, obj, search]);
    const key = JSON.stringify([functionOf(state), opt, n, lr, plan, method === "random"]);
    const minimizer = await compiled<Steps>(key, async () => {
      const problem = await problemOf(state);
      return createMinimizer(problem, {
        optimizer: await optimizerOf(state),
        learningRate: lr,
        steps: n,
        trajectory: true,
        runtime: "javascript",
        teleport: when && {
          when,
          search: await searchOf(state, problem, method === "random"),
          objective: objectiveOf(obj),
        },
      });
    });
    const run = await minimizer.run({ start: startOf(x), onLoop: () => context?.isStopped() });
    return courseOf(method, run);
  }

  async function search(state: LandscapeState, method: "lbfgs" | "cg"): Promise<Course> {
    const { n, x } = state;
    const minimizer = await compiled<Searches>(JSON.stringify([functionOf(state), n, method]), async () => {
      const { conjugateDirections, createLineSearchMinimizer, lbfgs } = await import("./line-searches.js");
      return createLineSearchMinimizer(await problemOf(state), {
        directions: method === "lbfgs" ? lbfgs() : conjugateDirections,
        steps: n,
        trajectory: true,
        runtime: "javascript",
      });
    });
    const run = await minimizer.run({ start: startOf(x) });
    return { ...courseOf(method, run), evaluations: run.evaluations.at(-1) };
  }

  return {
    async run(state, method, context, hand) {
      if (method === "plain") return descend(state, { method }, context);
      if (method === "lbfgs" || method === "cg") return search(state, method);
      if (method === "hand") {
        if (hand === undefined) return { method, missing: "There is no point on the orbit." };
        const course = await descend({ ...state, x: hand.to }, { method }, context);
        return { ...course, jumps: jumpsOf([{ step: 0, ...hand }]) };
      }
      if (state.tp.kind === "off") return { method, missing: "There are no teleports: choose when." };
      if (method === "random" && !hasGroup(state)) return { method, missing: noGroup };
      if (method === "random") return descend(state, { method }, context);
      const { opt, n, lr, tp, search: by, obj, x } = state;
      const key = JSON.stringify([functionOf(state), opt, n, lr, tp, by, obj, x]);
      if (method === "teleported" || known?.key !== key) {
        const course = await descend(state, { method: "teleported" }, context);
        // What was stopped has the gain of its first teleports only.
        known = { key: course.status === "stopped" ? "" : key, gain: meanGain(course) };
        if (method === "teleported") return course;
      }
      const { gain } = known;
      if (gain === undefined)
        return { method, missing: "No teleport was accepted: there is no gain to match." };
      const rate = lr * Math.sqrt(gain);
      return { ...(await descend(state, { method, lr: rate }, context)), rate };
    },
  };
}

/** Mean ratio of the squared gradient norms after and before the accepted teleports. */
export function meanGain({ teleports }: Pick<Course, "teleports">): number | undefined {
  const { accepted, gradNormSqBefore, gradNormSqAfter } = teleports;
  let [count, sum] = [0, 0];
  accepted.forEach((isAccepted, k) => {
    if (!isAccepted) return;
    count++;
    sum += gradNormSqAfter[k] / gradNormSqBefore[k];
  });
  return count === 0 ? undefined : sum / count;
}

function courseOf(
  method: MethodName,
  run: Minimization<VectorParams> | LineSearchMinimization<VectorParams>,
): Course {
  const { trajectory = [], jumps = [], teleports, status } = run;
  const coordinate = (i: number) => Float64Array.from(trajectory, ({ w }) => Number(w.data[i]));
  const point = ({ w }: VectorParams): Point => [Number(w.data[0]), Number(w.data[1])];
  return {
    method,
    x: coordinate(0),
    y: coordinate(1),
    loss: Float64Array.from(run.loss),
    gradNormSq: Float64Array.from(run.gradNormSq),
    seconds: Float64Array.from(run.seconds),
    jumps: jumpsOf(jumps.map(({ step, from, to }) => ({ step, from: point(from), to: point(to) }))),
    teleports: columnsOf<CourseTeleport>(teleports, {
      step: "number",
      accepted: "number",
      reason: "text",
      drift: "number",
      gradNormSqBefore: "number",
      gradNormSqAfter: "number",
    }),
    status,
  };
}
