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
import { Newest } from "../../worker/newest.js";
import type { CallContext } from "../../worker/protocol.js";
import { type Course, type CourseTeleport, jumpsOf, type Missing, type Point } from "./course.js";
import { objectiveOf, optimizerOf, problemOf, searchOf, startOf, whenOf } from "./problem.js";
import { functionOf, hasGroup, type LandscapeState, type MethodName } from "./state.js";

type Steps = Minimizer<Minimization<VectorParams>, MinimizeRunOptions<VectorParams>>;
type Searches = Minimizer<LineSearchMinimization<VectorParams>, StartOptions<VectorParams>>;

/** Compiled minimizers that are kept: those of the newest settings. */
const mostKept = 12;
/** Times that a run is timed: the least suffice after some milliseconds. */
const leastTurns = 3;
const mostTurns = 9;
const enough = 300;
/** Seconds of a run that is not timed again. */
const long = 0.3;

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
  /**
   * Runs courses again, in turns, as often as there is time for, and gives them with the medians of their times, also where it
   * is stopped. They ran before: the engine has compiled them, the way of a teleport that is refused included.
   */
  timed(
    state: LandscapeState,
    courses: readonly Pick<Course, "method" | "seconds" | "times">[],
    context?: CallContext,
    hand?: Hand,
  ): Promise<readonly Course[]>;
}

export function createRuns(): Runs {
  const compiled = new Newest<Steps | Searches>(mostKept);
  /** Those that have run at least once. */
  const warm = new WeakSet<Steps | Searches>();
  /** The gain of the last teleported run, which the raised rate is made of. */
  let known: { readonly key: string; readonly gain: number | undefined } | undefined;

  async function descend(
    state: LandscapeState,
    { method, lr = state.lr }: { readonly method: MethodName; readonly lr?: number },
    context: CallContext | undefined,
  ): Promise<Course> {
    const { opt, n, tp, search, obj, x } = state;
    const when = method === "teleported" || method === "random" ? whenOf(tp) : undefined;
    const plan = when && (method === "random" ? [tp, obj] : [tp, obj, search]);
    const key = JSON.stringify([functionOf(state), opt, n, lr, plan, method === "random"]);
    const minimizer = await compiled.of<Steps>(key, async () => {
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
    return coldOrWarm(minimizer, courseOf(method, run));
  }

  async function search(state: LandscapeState, method: "lbfgs" | "cg"): Promise<Course> {
    const { n, x } = state;
    const minimizer = await compiled.of<Searches>(
      JSON.stringify([functionOf(state), n, method]),
      async () => {
        const { conjugateDirections, createLineSearchMinimizer, lbfgs } = await import("./more.js");
        return createLineSearchMinimizer(await problemOf(state), {
          directions: method === "lbfgs" ? lbfgs() : conjugateDirections,
          steps: n,
          trajectory: true,
          runtime: "javascript",
        });
      },
    );
    const run = await minimizer.run({ start: startOf(x) });
    return coldOrWarm(minimizer, { ...courseOf(method, run), evaluations: run.evaluations.at(-1) });
  }

  function coldOrWarm(minimizer: Steps | Searches, course: Omit<Course, "times">): Course {
    const runs = warm.has(minimizer) ? 1 : 0;
    warm.add(minimizer);
    return { ...course, times: { runs } };
  }

  const runs: Runs = {
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
    async timed(state, all, context, hand) {
      const courses = all.filter((course) => !isLong(course));
      const lists = courses.map((): Course[] => []);
      const end = performance.now() + enough;
      for (let turn = 0; turn < mostTurns && (turn < leastTurns || performance.now() < end); turn++) {
        for (const [k, { method }] of courses.entries()) {
          if (lists[k].some(isLong)) continue;
          if (await context?.isStopped()) return lists.flatMap(medianOf);
          const again = await runs.run(state, method, context, hand);
          if (!("missing" in again || again.status === "stopped")) lists[k].push(again);
        }
      }
      return lists.flatMap(medianOf);
    },
  };
  return runs;
}

/** Whether one warm run suffices, as what is around it takes no part of its time that counts. */
const isLong = ({ seconds, times }: Pick<Course, "seconds" | "times">): boolean =>
  times.runs > 0 && (seconds.at(-1) ?? 0) > long;

/** A run that was timed several times, with the medians and quartiles of its times. */
function medianOf(runs: readonly Course[]): readonly Course[] {
  if (runs.length < 2) return runs;
  const [run] = runs;
  const lists = runs.map(({ seconds }) => seconds);
  const attempts = runs.map(({ teleports }) => teleports.seconds);
  return [
    {
      ...run,
      seconds: quantilesOf(lists, 0.5),
      times: { runs: runs.length, low: quantilesOf(lists, 0.25), high: quantilesOf(lists, 0.75) },
      teleports: { ...run.teleports, seconds: quantilesOf(attempts, 0.5) },
    },
  ];
}

/** At each place of equally long lists a quantile of their values there: the nearest one. */
export function quantilesOf(lists: readonly Float64Array[], share: number): Float64Array {
  const values = new Float64Array(lists.length);
  return lists[0].map((_, t) => {
    for (let k = 0; k < lists.length; k++) values[k] = lists[k][t];
    return values.sort()[Math.round(share * (lists.length - 1))];
  });
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
): Omit<Course, "times"> {
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
      seconds: "number",
    }),
    status,
  };
}
