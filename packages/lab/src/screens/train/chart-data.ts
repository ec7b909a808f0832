// What the screen's charts draw, from the runs.
import { type LineChartData, type LineSeries, nearestIndex } from "../../charts/line-chart.js";
import type { TrainRun } from "./run.js";
import type { TrainState } from "./state.js";
import { lookOf } from "./words.js";

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
    const { x, y } = valuesOf(run, state.y, by);
    const steps = valuesOf(run, state.y, "steps").x;
    return {
      name: title,
      color,
      dash,
      x,
      y,
      teleports: ticksOf(run, steps),
      diverged: run.status === "diverged",
    };
  });
  return {
    series,
    xLabel: by === "steps" ? "step" : "seconds",
    yLabel: labels[state.y],
    logX: false,
    logY: state.logy && state.y !== "accuracy",
    whole: by === "steps",
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

function valuesOf(
  { step, seconds, smoothLoss, smoothGradNormSq, evaluations }: TrainRun,
  y: TrainState["y"],
  by: "steps" | "seconds",
): Pick<LineSeries, "x" | "y"> {
  if (y === "heldOut" || y === "accuracy") {
    return {
      x: evaluations.map((at) => (by === "steps" ? at.step : at.seconds)),
      y: evaluations.map((at) => (y === "heldOut" ? at.loss : at.accuracy)),
    };
  }
  return { x: by === "steps" ? step : seconds, y: y === "loss" ? smoothLoss : smoothGradNormSq };
}
