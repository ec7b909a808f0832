// What the screen's charts draw, from the runs.
import { type LineChartData, type LineSeries, nearestIndex } from "../../charts/line-chart.js";
import type { TrainRun } from "./run.js";
import { planOf, type TrainState } from "./state.js";
import { divergedNote, lookOf } from "./words.js";

const labels = {
  loss: "training loss",
  heldOut: "held-out loss",
  accuracy: "held-out accuracy",
  grad: "squared gradient norm",
} as const;

/** Losses, accuracies or squared gradient norms against steps or seconds. */
export function curvesOf(
  {
    runs,
    state,
    theme,
  }: { readonly runs: readonly TrainRun[]; readonly state: TrainState; readonly theme: "light" | "dark" },
  by: "steps" | "seconds",
): LineChartData {
  const series = runs.map((run): LineSeries => {
    const { title, color, dash } = lookOf(run.name, state, theme);
    const { steps, seconds, values } = valuesOf(run, state.y);
    const { median: y, low, high } = values;
    return {
      name: title,
      color,
      dash,
      x: by === "steps" ? steps : seconds.median,
      y,
      ...(run.spreads.count > 1 ? { band: { along: "y", low, high } } : {}),
      // The axis of steps is that of the whole run, from its beginning on.
      extent: { x: by === "steps" ? [0, run.last] : seconds.median, y },
      teleports: ticksOf(run, steps),
      diverged: run.status === "diverged",
    };
  });
  return {
    series,
    // Axes that had room for more fit once there is no more.
    of: JSON.stringify(planOf(state)) + runs.some(({ status }) => status === "running"),
    xLabel: by === "steps" ? "step" : "seconds",
    yLabel: labels[state.y],
    logX: false,
    logY: state.logy && state.y !== "accuracy",
    whole: by === "steps",
    notes: runs.flatMap(({ name, spreads: { diverged, count } }) =>
      count > 1
        ? divergedNote(lookOf(name, state, theme).title, diverged, `${count} seeds`, diverged < count)
        : [],
    ),
  };
}

/** Indices of the first points after the accepted teleports. */
function ticksOf({ teleports: { step, accepted } }: TrainRun, steps: ArrayLike<number>): number[] {
  const ticks: number[] = [];
  for (let k = 0; k < step.length; k++) {
    const near = nearestIndex(steps, step[k]);
    const index = steps[near] < step[k] ? near + 1 : near;
    if (accepted[k] && index < steps.length && index !== ticks.at(-1)) ticks.push(index);
  }
  return ticks;
}

/** What the seeds of a run have, with the steps and seconds at which they have it. */
function valuesOf({ spreads }: TrainRun, y: TrainState["y"]) {
  const { evaluated } = spreads;
  return y === "heldOut" || y === "accuracy"
    ? {
        steps: evaluated.step,
        seconds: evaluated.seconds,
        values: evaluated[y === "heldOut" ? "loss" : "accuracy"],
      }
    : {
        steps: spreads.step,
        seconds: spreads.seconds,
        values: spreads[y === "loss" ? "smoothLoss" : "smoothGradNormSq"],
      };
}
