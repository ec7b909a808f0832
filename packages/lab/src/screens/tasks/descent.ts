// A trainer on the toy, compiled once for its settings and started anywhere.
import { type BeforeStep, type CostReport, cost, createMethod, createMultiTaskTrainer } from "isoloss/mtl";
import { adam } from "isoloss/optim";
import type { ToyParams, TwoTaskToy } from "isoloss/problems";
import { columnsOf } from "../../worker/columns.js";
import { jumpsOf } from "../landscape/course.js";
import type { Attempt, Course, Point } from "./course.js";
import { costOptionsOf, type MethodName, type TasksState } from "./state.js";

/** What a trainer is compiled for. */
export type Plan = Pick<TasksState, "scale" | "every" | "weight" | "radius" | "lr"> & {
  readonly method: MethodName;
  readonly teleports: "none" | "cost" | "random";
  /** Of what the method and COST draw. */
  readonly seed: number;
};

export interface Descent {
  readonly step: number;
  readonly point: Point;
  /** Seconds of computation so far. */
  readonly seconds: number;
  readonly attempts: Course["attempts"];
  readonly jumps: Course["jumps"];
  /** Seconds that attempts have taken so far. */
  readonly attemptSeconds: number;
  restart(at: Point): void;
  run(steps: number): Promise<void>;
  dispose(): Promise<void>;
}

/** A report of COST, with the points that the teleport led from and to. */
interface PlacedReport extends CostReport {
  readonly from: Point;
  readonly to?: Point | undefined;
}

const pointOf = ({ shared: { w } }: ToyParams): Point => [Number(w.data[0]), Number(w.data[1])];

export async function createDescent(toy: TwoTaskToy, plan: Plan): Promise<Descent> {
  const optimizer = adam();
  const method = createMethod(plan.method);
  /** Seconds of the hook so far. */
  let spent = 0;
  const teleports =
    plan.teleports === "none"
      ? undefined
      : cost<ToyParams>({
          ...costOptionsOf(plan),
          ...(plan.teleports === "random" ? { move: "random" } : {}),
          optimizer,
          seed: plan.seed,
        });
  const beforeStep: BeforeStep<ToyParams> | undefined =
    teleports &&
    (async (context) => {
      const begin = performance.now();
      const change = await teleports.beforeStep(context);
      const report = change?.event as CostReport | undefined;
      // The Gramian that shows a conflict counts where the method does without it.
      spent += method.needs === "losses" ? (performance.now() - begin) / 1000 : (report?.seconds ?? 0);
      if (change === undefined || report === undefined) return change;
      const to = change.params && pointOf(change.params);
      const event: PlacedReport = { ...report, from: pointOf(context.params), to };
      return { ...change, event };
    });
  const trainer = await createMultiTaskTrainer({
    losses: toy.losses,
    params: toy.at([0, 0]),
    tasks: toy.tasks,
    method,
    optimizer,
    learningRate: plan.lr,
    // Some methods limit the norm of their direction; the published programs for the toy do not.
    clipNorm: 0,
    seed: plan.seed,
    runtime: "javascript",
    ...(beforeStep ? { beforeStep } : {}),
  });
  const start = trainer.current;
  const reports = () => trainer.history.events.map(({ event }) => event as PlacedReport);
  const restart = (at: Point) => {
    trainer.restore({ ...start, params: toy.at(at) });
    spent = 0;
  };
  // What a teleport needs is compiled with the first attempt, which no run's time should have.
  for (const at of teleports ? toy.starts : []) {
    restart(at);
    await trainer.run({ steps: 1 });
    if (reports().length > 0) break;
  }
  return {
    get step() {
      return trainer.current.step;
    },
    get point() {
      return pointOf(trainer.current.params);
    },
    get seconds() {
      return trainer.history.seconds.at(-1) ?? 0;
    },
    get attempts() {
      const attempts = reports().map(({ step, outcome, reason, drift, seconds }) => ({
        step,
        accepted: outcome === "accepted",
        reason,
        change: drift?.mean ?? Number.NaN,
        seconds,
      }));
      return columnsOf<Attempt>(attempts, {
        step: "number",
        accepted: "number",
        reason: "text",
        change: "number",
        seconds: "number",
      });
    },
    get jumps() {
      return jumpsOf(
        reports().flatMap(({ step, outcome, from, to }) =>
          outcome === "accepted" && to ? [{ step, from, to }] : [],
        ),
      );
    },
    get attemptSeconds() {
      return spent;
    },
    restart,
    async run(steps) {
      await trainer.run({ steps });
    },
    async dispose() {
      await trainer.dispose();
      await teleports?.dispose();
    },
  };
}
