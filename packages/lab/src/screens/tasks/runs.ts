// Runs of the tasks screen: side by side, a slice of each in turn, so that all are seen to move.
import { Newest } from "../../worker/newest.js";
import type { CallContext } from "../../worker/protocol.js";
import { type Arrival, type Course, type Point, runKey } from "./course.js";
import { createDescent, type Descent, type Plan } from "./descent.js";
import {
  type MethodName,
  near,
  seedOf,
  starts,
  stepsBetween,
  type TasksState,
  type VariantName,
} from "./state.js";
import { type Toy, toyOf } from "./toy.js";

/** Trainers, and runs that have ended, which are kept: the newest ones. */
const mostKept = { descents: 40, courses: 200 };
/** Milliseconds between two looks for messages. */
const slice = 30;

export interface TaskRuns {
  /** Runs what is compared, and tells each run so far after every slice. */
  run(state: TasksState, context: CallContext<Course>): Promise<void>;
  /** The same from all five starts. */
  arrivals(state: TasksState, context: CallContext<Arrival>): Promise<void>;
}

type Settings = Omit<TasksState, "methods" | "with" | "shows" | "y">;

/** One run under way. */
interface Running {
  course: Course;
  /** One slice; the run so far is in `course`. */
  advance(milliseconds: number): Promise<void>;
}

export function createTaskRuns(): TaskRuns {
  const descents = new Newest<Descent>(mostKept.descents);
  const ended = new Map<string, Course>();
  /** Seconds of the attempts and of an ordinary step, of runs that have ended. */
  const times = new Map<string, { readonly attempts: number; readonly step: number }>();

  const descentOf = (toy: Toy, plan: Plan) =>
    descents.of(JSON.stringify(plan), () => createDescent(toy.toy, plan));

  const keyOf = ({ scale, x, every, weight, radius, lr, n }: Settings, name: string) =>
    JSON.stringify([scale, x, every, weight, radius, lr, n, name]);

  async function begin(
    settings: Settings,
    run: { readonly method: MethodName; readonly variant: VariantName },
  ): Promise<Running> {
    const key = keyOf(settings, runKey(run));
    const known = ended.get(key);
    if (known !== undefined) return { course: known, advance: async () => {} };
    const toy = await toyOf(settings.scale);
    const { n, lr } = settings;
    const { method, variant } = run;
    const more = variant === "same" ? extraSteps(settings, method) : 0;
    // Of two runs that are alike but for their length, each has a trainer of its own: they go side by side.
    const descent = await descentOf(toy, {
      scale: settings.scale,
      every: settings.every,
      weight: settings.weight,
      radius: settings.radius,
      method,
      lr: variant === "rate" ? 10 * lr : lr,
      teleports: variant === "cost" || variant === "random" ? variant : "none",
      seed: seedOf(settings.x),
    });
    const running = runningOf(toy, descent, { settings, run, last: n + more });
    return {
      get course() {
        return running.course;
      },
      async advance(milliseconds) {
        await running.advance(milliseconds);
        const { course } = running;
        if (course.status === "running") return;
        const attempts = descent.attemptSeconds;
        times.set(key, { attempts, step: (descent.seconds - attempts) / Math.max(1, descent.step) });
        ended.set(key, course);
        const [oldest] = ended.keys();
        if (ended.size > mostKept.courses) {
          ended.delete(oldest);
          times.delete(oldest);
        }
      },
    };
  }

  /** Steps that take as long as the attempts of the run with COST did. */
  function extraSteps(settings: Settings, method: MethodName): number {
    const [withCost, alone] = (["cost", "alone"] as const).map((variant) =>
      times.get(keyOf(settings, runKey({ method, variant }))),
    );
    if (withCost === undefined || alone === undefined) return 0;
    return Math.round(withCost.attempts / Math.max(alone.step, 1e-9));
  }

  /** Runs side by side; false where it was stopped. */
  async function together(
    settings: Settings,
    list: readonly { readonly method: MethodName; readonly variant: VariantName }[],
    { isStopped, send }: CallContext<Course>,
  ): Promise<boolean> {
    let running: Running[] = [];
    for (const run of list) running.push(await begin(settings, run));
    for (const { course } of running) if (course.status !== "running") await send(course);
    running = running.filter(({ course }) => course.status === "running");
    while (running.length > 0) {
      for (const one of running) {
        await one.advance(slice);
        await send(one.course);
        if (await isStopped()) return false;
      }
      running = running.filter(({ course }) => course.status === "running");
    }
    return true;
  }

  /** All that is compared, and before runs of the same time those whose time they take. */
  async function compared(
    { methods, with: variants, ...settings }: TasksState,
    context: CallContext<Course>,
  ): Promise<boolean> {
    const isAsked = (course: Course) => variants.includes(course.variant);
    const send = async (course: Course) => {
      if (isAsked(course)) await context.send(course);
    };
    const isSame = variants.includes("same");
    const first = variants.filter((variant) => variant !== "same");
    const before = isSame ? [...new Set<VariantName>([...first, "alone", "cost"])] : first;
    const pairs = (list: readonly VariantName[]) =>
      methods.flatMap((method) => list.map((variant) => ({ method, variant })));
    if (!(await together(settings, pairs(before), { ...context, send }))) return false;
    return !isSame || (await together(settings, pairs(["same"]), { ...context, send }));
  }

  return {
    async run(state, context) {
      await compared(state, context);
    },
    async arrivals(state, { isStopped, send }) {
      for (const [start, x] of starts.entries()) {
        const isDone = await compared(
          { ...state, x },
          {
            isStopped,
            async send({ method, variant, status, step, x: x1, y, first, second }) {
              if (status === "running") return;
              const arrived = status === "front" ? step.at(-1) : undefined;
              await send({ method, variant, start, arrived, path: { x: x1, y, first, second } });
            },
          },
        );
        if (!isDone) return;
      }
    },
  };
}

/** A run from its start, in slices. */
function runningOf(
  { toy, measure }: Toy,
  descent: Descent,
  {
    settings,
    run,
    last,
  }: {
    readonly settings: Settings;
    readonly run: Pick<Course, "method" | "variant">;
    readonly last: number;
  },
): Running {
  const unit = stepsBetween(settings.n);
  const points: number[] = [];
  const steps: number[] = [];
  const seconds: number[] = [];
  const note = last > settings.n ? `${last - settings.n} steps more, for the time of COST's attempts` : "";
  const keep = ([a, b]: Point) => {
    points.push(a, b);
    steps.push(descent.step);
    seconds.push(descent.seconds);
  };
  const distance = ([a, b]: Point) => toy.distanceToFront(toy.at([a, b]));
  descent.restart(settings.x);
  keep(settings.x);
  const told = async (status: Course["status"], more = note): Promise<Course> => {
    const xy = Float64Array.from(points);
    const x = xy.filter((_, k) => k % 2 === 0);
    const y = xy.filter((_, k) => k % 2 === 1);
    return {
      ...run,
      unit,
      step: Float64Array.from(steps),
      x,
      y,
      ...(await measure(xy)),
      distance: x.map((value, k) => distance([value, y[k]])),
      seconds: Float64Array.from(seconds),
      jumps: descent.jumps,
      attempts: descent.attempts,
      status,
      note: more,
    };
  };
  const empty = new Float64Array(0);
  const running: Running = {
    course: {
      ...run,
      unit,
      status: "running",
      note,
      jumps: descent.jumps,
      attempts: descent.attempts,
      step: empty,
      x: empty,
      y: empty,
      first: empty,
      second: empty,
      cosine: empty,
      distance: empty,
      seconds: empty,
    },
    async advance(milliseconds) {
      const end = performance.now() + milliseconds;
      try {
        do {
          if (distance(descent.point) < near) {
            running.course = await told("front");
            return;
          }
          if (descent.step >= last) {
            running.course = await told("done");
            return;
          }
          await descent.run(Math.min(unit, last - descent.step));
          keep(descent.point);
        } while (performance.now() < end);
        running.course = await told("running");
      } catch (error) {
        running.course = await told("failed", error instanceof Error ? error.message : String(error));
      }
    },
  };
  return running;
}
