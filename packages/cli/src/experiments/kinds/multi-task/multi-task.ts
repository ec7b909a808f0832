import { OptionError, resume } from "isoloss";
import { decodeMultiTaskCheckpoint, type MultiTaskHistory } from "isoloss/mtl";
import type { ConflictPoint, Kind, Subject, TaskConflict } from "../../kind.js";
import { evenly, trainerForm } from "../../records/points.js";
import { formatNumber } from "../../results/format-number.js";
import { requireLength } from "../training-loop.js";
import { multiTaskComparison } from "./comparison.js";
import { taskPredictions, tasksOnnx } from "./export.js";
import { checkProtocol } from "./protocol.js";
import { type MultiTaskSession, multiTaskRun, sessionOf } from "./run.js";
import { type MultiTaskSettings, multiTaskSettings } from "./settings.js";

/** Training on several tasks at once, by any method, with or without COST. */
export const multiTaskKind: Kind = {
  summary: "several tasks at once, by a multi-task method, with or without COST",
  stoppable: true,
  pauseMetrics: ["loss", "validation.loss", "test.loss", "test.accuracy"],
  settings: multiTaskSettings,
  export: { onnx: tasksOnnx, predict: taskPredictions },
  comparison: multiTaskComparison,
  stored: { ...trainerForm, tensorsOf: (checkpoint) => decodeMultiTaskCheckpoint(checkpoint).tensors },
  plot: () => ["paths", "front", "loss", "conflicts", "test", "gains"],
  diagnose: taskPoints,
  run(settings, context) {
    const given = settings as unknown as MultiTaskSettings;
    checkSettings(given);
    return multiTaskRun(given, context);
  },
};

function checkSettings({
  epochs,
  steps,
  alone,
  method,
  cost,
  problem,
  protocol,
  testFold,
}: MultiTaskSettings): void {
  if (protocol) checkProtocol(protocol);
  requireLength("A run of kind multi-task", { epochs, steps });
  if (testFold && problem.name !== "columns") {
    throw new OptionError("testFold is of the problem columns alone: its table is what can be divided.");
  }
  if (problem.name === "toy" && epochs !== undefined) {
    throw new OptionError("The toy has no data and therefore no epochs: give steps instead.");
  }
  if (alone && (method.name !== "linearScalarization" || cost !== undefined)) {
    throw new OptionError(
      "With alone each task has a model of its own: nothing is combined. Take the method linearScalarization without cost.",
    );
  }
  const { control, move = "adapter" } = cost ?? {};
  if (move !== "adapter" && (control === "lgZero" || control === "random")) {
    throw new OptionError(`cost: the control ${control} is for the adapter alone: leave out move.`);
  }
}

/** Conflicts at the start and at a checkpoint; or at steps of the run, which is then repeated. */
async function taskPoints({ settings, seed, checkpoint, points }: Subject): Promise<ConflictPoint[]> {
  const session = await sessionOf(
    { ...(settings as unknown as MultiTaskSettings), recordGradients: true },
    seed,
  );
  const { trainer } = session;
  try {
    const found: ConflictPoint[] = [];
    for (const step of points === undefined ? [0] : evenly(session.length() - 1, points)) {
      if (step > trainer.current.step) await trainer.run({ steps: step - trainer.current.step });
      found.push(await next(session));
    }
    if (points !== undefined || checkpoint === undefined) return found;
    resume(trainer, decodeMultiTaskCheckpoint(checkpoint));
    return [...found, await next(session)];
  } finally {
    await session.dispose();
  }
}

async function next({ trainer }: MultiTaskSession): Promise<ConflictPoint> {
  const { step } = trainer.current;
  await trainer.run({ steps: 1 });
  return { at: `at step ${step}, on its batch`, step, conflict: conflictAt(trainer.history, step) };
}

function conflictAt(history: MultiTaskHistory, step: number): TaskConflict {
  const { tasks, losses, norms, meanCosines, cosines, conflicts } = history;
  const column = (lists: readonly (readonly number[])[]) =>
    lists.map((list) => (Number.isFinite(list[step]) ? list[step] : null));
  const pairs = column(cosines).filter((c) => c !== null);
  const is = (name: "dominated" | "weak" | "many") => conflicts[name][step] === 1;
  const figures = {
    tasks,
    losses: column(losses),
    norms: column(norms),
    meanCosines: column(meanCosines),
    leastCosine: pairs.length > 0 ? Math.min(...pairs) : null,
    dominated: is("dominated"),
    weak: is("weak"),
    many: is("many"),
  };
  return { ...figures, reading: readingOf(figures) };
}

function readingOf(c: Omit<TaskConflict, "reading">): string[] {
  const number = (value: number | null) => (value === null ? "unknown" : formatNumber(value, 3));
  const rows = c.tasks.map(
    (task, k) =>
      `${task}: loss ${number(c.losses[k])}, ||g_k|| ${number(c.norms[k])}, cos(g_0, g_k) ${number(c.meanCosines[k])}.`,
  );
  const sentences = [
    c.weak
      ? `Some gradients oppose each other${c.leastCosine === null ? "" : `: the least cosine is ${number(c.leastCosine)}`} (a weak conflict).`
      : "No two gradients oppose each other.",
    c.dominated
      ? "A step along the mean gradient raises the loss of the task with the smallest gradient: a dominated conflict, for which COST was made (eq. 3)."
      : "A step along the mean gradient lowers the loss of the task with the smallest gradient: no dominated conflict (eq. 3).",
    ...(c.many ? ["At least half of the tasks are opposed to the mean gradient (eq. 4)."] : []),
  ];
  return [...rows, ...sentences];
}
